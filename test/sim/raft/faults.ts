// Phase one: the events that happen to a cluster, by weight. Faults and load are drawn from the same table.

import { memberId } from '#src/base/index.js'
import type { MemberId } from '#src/base/index.js'
import { drawChange } from './changes.js'
import { allOf } from './member.js'
import type { SimMember } from './member.js'
import { drawPartition, PARTITION_KINDS } from './partitions.js'
import type { World } from './world.js'

/** Members whose process or disk exists; removed ones make room for others. */
const MAX_LIVE_MEMBERS = 9
const MAX_MEMBERS = 16

export interface WeightedEvent {
  readonly weight: number
  readonly run: () => void
}

export const faultsOf = (world: World): readonly WeightedEvent[] => {
  const { options } = world
  const faults = new Faults(world)
  const table: readonly [number, () => void][] = [
    [450, () => faults.deliver()],
    [options.ticks, () => faults.tick()],
    [1000 * options.diskSpeed, () => faults.finishWrite()],
    [150, () => faults.apply()],
    [60, () => faults.withSome((member) => world.propose(member))],
    [60, () => faults.withSome((member) => world.read(member))],
    [options.crashes, () => faults.crash()],
    [options.crashes * 4, () => faults.restart()],
    [options.pauses, () => faults.pause()],
    [options.diskStalls, () => faults.stallDisk()],
    [options.partitions, () => faults.partition()],
    [options.breaks, () => faults.breakConnection()],
    [options.confChanges, () => faults.changeMembership()],
    [options.confChanges, () => faults.retire()],
    [options.transfers, () => faults.transfer()],
    [options.compactions, () => faults.withSome((member) => member.compact(options.catchUpEntries))],
    [options.reports, () => faults.report()],
    [options.campaigns, () => faults.campaign()],
    [1, () => faults.withSome((member) => world.act(member, () => member.node.forgetLeader()))],
  ]
  return table.map(([weight, run]) => ({ weight, run }))
}

class Faults {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  get #members(): SimMember[] {
    return [...this.#world.members.values()]
  }

  withSome(run: (member: SimMember) => void, wanted?: (member: SimMember) => boolean): void {
    const candidates: SimMember[] = []
    for (const member of this.#world.members.values()) {
      if (this.#world.isRunning(member) && (wanted === undefined || wanted(member))) candidates.push(member)
    }
    if (candidates.length > 0) run(this.#world.random.pick(candidates))
  }

  // --- The ordinary course ---

  deliver(): void {
    const { network, members, steps } = this.#world
    const arrived = network.take((to) => (members.get(to)?.pausedUntil ?? 0) <= steps)
    if (arrived !== undefined && !arrived.lost) this.#world.deliver(arrived.message)
  }

  tick(): void {
    const { random, options } = this.#world
    this.withSome((member) => {
      if (options.missedTicks > 0 && random.chance(options.missedTicks)) this.#world.count('missed tick')
      else this.#world.tick(member)
    })
  }

  finishWrite(): void {
    const { steps } = this.#world
    this.withSome(
      (member) => this.#world.finishJob(member),
      ({ jobs, diskStuckUntil }) => jobs.length > 0 && diskStuckUntil <= steps,
    )
  }

  apply(): void {
    const { random, options } = this.#world
    this.withSome(
      (member) => this.#world.apply(member),
      ({ id, applyQueue }) => applyQueue.length > 0 && !(id <= options.lazyMembers && random.chance(0.97)),
    )
  }

  campaign(): void {
    this.withSome((member) => this.#world.act(member, () => member.node.campaign()))
  }

  // --- Processes and disks ---

  crash(): void {
    const { random } = this.#world
    const kind = random.below(12)
    if (kind === 0) {
      this.#world.count('crash of all at once')
      for (const member of this.#members) if (member.up) this.#world.crash(member)
    } else if (kind === 1) {
      this.withSome((member) => this.#crashLoop(member))
    } else {
      this.withSome((member) => this.#world.crash(member))
    }
  }

  /** Crashes again and again while it recovers. */
  #crashLoop(member: SimMember): void {
    this.#world.count('crash loop')
    for (let n = 0; n < 3; n++) {
      if (member.up) this.#world.crash(member)
      this.#world.restart(member)
      if (member.up && this.#world.random.chance(0.5)) this.#world.act(member, () => member.node.campaign())
    }
  }

  restart(): void {
    const down = this.#members.filter(({ up, retired }) => !up && !retired)
    if (down.length > 0) this.#world.restart(this.#world.random.pick(down))
  }

  /** A tenth of an election timeout to ten of them; what arrives meanwhile waits. */
  pause(): void {
    this.withSome((member) => {
      this.#world.count('pause')
      member.pausedUntil = this.#world.steps + this.#drawDuration(0.1, 10)
      this.#world.note(0x9a5, Number(member.id), () => `${member.id} is frozen until ${member.pausedUntil}`)
    })
  }

  stallDisk(): void {
    this.withSome((member) => {
      this.#world.count('disk stall')
      member.diskStuckUntil = this.#world.steps + this.#drawDuration(0.1, 5)
      this.#world.note(0xd15, Number(member.id), () => `${member.id}'s disk is stuck until ${member.diskStuckUntil}`)
    })
  }

  /** In steps, from bounds in election timeouts, small ones more likely. */
  #drawDuration(from: number, to: number): number {
    const { random, options, members } = this.#world
    const timeout = (options.electionTicks * members.size * 1000) / options.ticks
    return Math.ceil(timeout * from * Math.pow(to / from, random.fraction()))
  }

  // --- The network ---

  partition(): void {
    const { random, network } = this.#world
    if (network.cuts.size > 0) {
      // Cuts end all at once, or one direction after the other.
      const rest = random.chance(0.5) ? [] : [...network.cuts].filter(() => random.chance(0.7))
      network.cuts = new Set(rest)
      this.#world.note(0xc07, rest.length, () => `${rest.length} directions stay cut`)
      return
    }
    const kind = random.pick(PARTITION_KINDS)
    const leaders = this.#members.filter((member) => member.up && member.node.role === 'leader')
    const leader = leaders.length === 0 ? undefined : random.pick(leaders)
    network.cuts = drawPartition(random, kind, [...this.#world.members.keys()], leader?.id)
    this.#world.count(`partition ${kind}`)
    this.#world.note(0xc08, network.cuts.size, () => `partition ${kind}: ${[...network.cuts].join(' ')}`)
    // A leader that is alone does not notice how another one takes over.
    if (leader !== undefined && kind === 'leaderAlone') {
      this.withSome(
        (member) => this.#world.act(member, () => member.node.campaign()),
        (member) => member !== leader,
      )
    }
  }

  breakConnection(): void {
    const lane = this.#world.network.breakLane()
    if (lane === undefined) return
    this.#world.count('connection broken')
    this.#world.note(0xb4e, Number(lane.to), () => `the connection ${lane.from}->${lane.to} breaks`)
    const sender = this.#world.members.get(lane.from)
    if (sender !== undefined && this.#world.isRunning(sender)) {
      this.#world.act(sender, () => sender.node.reportUnreachable(lane.to))
    }
  }

  report(): void {
    const { random, members } = this.#world
    this.withSome((member) => {
      const id = random.pick([...members.keys()])
      this.#world.act(member, () => {
        if (random.chance(0.5)) member.node.reportUnreachable(id)
        else this.#world.report(member, id)
      })
    })
  }

  // --- Leadership and membership ---

  transfer(): void {
    const { random, members } = this.#world
    this.withSome((member) =>
      this.#world.act(member, () => member.node.transferLeader(random.pick([...members.keys()]))),
    )
  }

  changeMembership(): void {
    this.withSome(
      (leader) => {
        const change = drawChange(this.#world.random, leader.image.confState, () => this.#addMember())
        this.#world.act(leader, () => leader.node.proposeConfChange(change))
      },
      ({ node }) => node.role === 'leader',
    )
  }

  #addMember(): MemberId | undefined {
    const { members } = this.#world
    const live = this.#members.filter(({ retired }) => !retired).length
    if (live >= MAX_LIVE_MEMBERS || members.size >= MAX_MEMBERS) return undefined
    return this.#world.start(memberId(BigInt(members.size + 1))).id
  }

  /** The process of a removed member ends for good, once nobody who stays could need its vote any more. */
  retire(): void {
    const leader = this.#members.find(({ up, node }) => up && node.role === 'leader')
    if (leader === undefined) return
    const stay = allOf(leader.image.confState)
    for (const id of leader.image.removed) {
      const member = this.#world.members.get(id)
      if (member === undefined || member.retired) continue
      const isKnown = stay.every((other) => this.#world.members.get(other)?.saved.removed.includes(id) === true)
      if (!isKnown) continue
      if (member.up) this.#world.crash(member)
      member.retired = true
      this.#world.count('member retired')
    }
  }
}
