// Every fault by its name.
import type { Fault } from './fault.js'
import * as links from './links.js'
import * as membership from './membership.js'
import * as processes from './processes.js'

export type { Fault } from './fault.js'

export const FAULTS: readonly Fault[] = [
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
