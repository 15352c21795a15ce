// Every fault by its name.
import type { Fault } from './fault.js'
import * as links from './links.js'
import * as membership from './membership.js'
import * as processes from './processes.js'

export type { Fault } from './fault.js'

/** The faults one after the other, one in each round. */
export const inTurn = (name: string, faults: readonly Fault[]): Fault => {
  let next = 0
  const run: Fault['run'] = async (context) => {
    const fault = faults[next++ % faults.length]!
    context.note(fault.name)
    return fault.run(context)
  }
  return { name, summary: faults.map((fault) => fault.name).join(', '), run }
}

const SINGLE: readonly Fault[] = [
  processes.killMember,
  processes.killLeader,
  processes.killAll,
  processes.crashLoop,
  processes.pauseLeader,
  processes.pauseMember,
  processes.rollingRestart,
  links.partitionLeader,
  links.partitionMinority,
  links.partitionHalves,
  links.oneWay,
  links.partitionAll,
  links.slowLinks,
  links.lossyLinks,
  links.flakyLinks,
  membership.replaceMember,
  membership.removeLeader,
  membership.promoteLearner,
  membership.blackholeUntilSnapshot,
]

/** Another fault each time, so that what one leaves behind meets the next. */
const mixed: Fault = {
  name: 'mixed',
  summary: 'one of the others, picked at random',
  flags: membership.SMALL_LOG_FLAGS,
  slowsWrites: true,
  async run(context) {
    const { length } = context.cluster.members
    const fault = context.random.pick(SINGLE.filter(({ membersMin = 1 }) => length >= membersMin))
    context.note(fault.name)
    return fault.run(context)
  },
}

export const FAULTS: readonly Fault[] = [...SINGLE, mixed]
