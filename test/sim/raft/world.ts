// A cluster in one thread: random events from one seed, one at a time, everything checked after each.

import { index as toIndex, memberId } from '#src/base/index.js'
import type { Index, MemberId, Term } from '#src/base/index.js'
import type { AppendJob, RaftEvent } from '#src/raft/index.js'
import { ConfState, HardState, MessageType } from '#src/raft/pb.js'
import type { Message } from '#src/raft/pb.js'
import { describeEvent, describeMessage } from '#src/raft/testing/describe.js'
import { Disk } from '#src/raft/testing/disk.js'
import { mix32, SeededRandom } from '../random.js'
import { bootstrapEntries, drawChange } from './changes.js'
import { EMPTY_IMAGE, SimMember } from './member.js'
import type { Image, MemberHooks } from './member.js'
import { drawOptions } from './options.js'
import type { SimOptions } from './options.js'
import { Oracle, Violation } from './oracle.js'

export interface WorldHooks extends MemberHooks {
  /** What the network makes of a message that leaves. */
  outgoing?(message: Message, sender: SimMember): Message
  /** What a member makes of a message before it sees it. */
  incoming?(message: Message, receiver: SimMember): Message
  beforeEvent?(member: SimMember): void
  handedOut?(member: SimMember, job: AppendJob): void
  readonly options?: Partial<SimOptions>
}

const MAX_MEMBERS = 8
const MAX_NETWORK = 400

interface Event {
  readonly weight: number
  readonly run: () => void
}

export class World {
  readonly options: SimOptions
  readonly members = new Map<MemberId, SimMember>()
  readonly #random: SeededRandom
  readonly #hooks: WorldHooks
  readonly #oracle = new Oracle()
  readonly #print: ((line: string) => void) | undefined
  #network: Message[] = []
  /** Stuck at the border of the island. */
  #held: Message[] = []
  /** Members that hear each other; undefined when all do. */
  #island: ReadonlySet<MemberId> | undefined = undefined
  #proposals = 0
  readonly #reads = new Map<string, Index>()
  #readMark = 0
  #healed = false
  #events: readonly Event[] = []
  #totalWeight = 0
  /** What happened how often, to show that a run reaches the interesting places. */
  readonly counts = new Map<string, number>()
  /** Depends on every message and event of the run. */
  traceHash = 0
  steps = 0

  constructor(seed: number, hooks: WorldHooks = {}, print?: (line: string) => void) {
    const random = new SeededRandom(seed)
    this.options = { ...drawOptions(random.fork(1)), ...hooks.options }
    this.#random = random.fork(2)
    this.#hooks = hooks
    this.#print = print
    this.#print?.(`options ${JSON.stringify(this.options)}`)
    this.#found()
    this.#prepareEvents()
  }

  // --- The two phases ---

  /** Phase one: anything may happen, and nothing unsafe may come of it. */
  run(steps: number): void {
    for (let n = 0; n < steps; n++) {
      this.steps++
      let pick = this.#random.fraction() * this.#totalWeight
      const event = this.#events.find(({ weight }) => (pick -= weight) < 0)
      event?.run()
    }
  }

  /** Phase two: faults end, and the cluster must make progress. @throws Violation when it does not. */
  heal(): void {
    this.#healed = true
    this.#joinIsland()
    for (const member of this.members.values()) if (!member.up) this.#restart(member)
    this.#reportLostSnapshots()
    const ticks = 60 * this.options.electionTicks
    let goal: Index | undefined
    for (let tick = 0; tick < ticks; tick++) {
      for (const member of this.members.values()) if (member.up) this.#act(member, () => member.node.tick())
      this.#settle()
      this.#stopRemovedLeaders(tick)
      const leader = this.#newestLeader()
      if (leader === undefined || tick < ticks / 2) continue
      if (goal === undefined) {
        // Its first entry alone must have brought this about: nobody has proposed anything for a while.
        const { node } = leader
        if (node.termAt(node.committed) !== node.term && !leader.image.removed.includes(leader.id)) {
          throw new Violation('liveness: a leader has committed nothing in its term')
        }
        goal = toIndex(this.#oracle.maxApplied + 1)
        this.#read(leader)
      }
      if (this.#isDone(leader, goal)) return
      this.#propose(leader)
      this.#settle()
    }
    throw new Violation(`liveness: no progress within ${ticks} healthy ticks`)
  }

  /** A removed member may believe for ever that it leads an earlier term, since nobody listens to it. */
  #newestLeader(): SimMember | undefined {
    const leaders = [...this.members.values()].filter((member) => member.up && member.node.role === 'leader')
    return leaders.sort((a, b) => b.node.term - a.node.term)[0]
  }

  /** The transport reports every transfer in the end, those of the faulty time as failed. */
  #reportLostSnapshots(): void {
    this.#network = this.#network.filter(({ type }) => type !== MessageType.MsgSnap)
    for (const member of this.members.values()) {
      this.#act(member, () => {
        for (const id of this.members.keys()) member.node.reportSnapshot(id, false)
      })
    }
  }

  #isDone(leader: SimMember, goal: Index): boolean {
    const { voters, learners, votersOutgoing } = leader.image.confState
    const all = [...voters, ...learners, ...votersOutgoing].map((id) => this.members.get(id)!)
    return all.every((member) => !member.up || member.image.applied >= goal) && leader.node.status().pendingReads === 0
  }

  #settle(): void {
    for (let round = 0; round < 5000; round++) {
      let moved = false
      for (const member of this.members.values()) {
        while (member.jobs.length > 0) {
          this.#finishJob(member)
          moved = true
        }
        while (member.applyQueue.length > 0) {
          this.#apply(member)
          moved = true
        }
      }
      const batch = this.#network
      this.#network = []
      for (const message of batch) {
        this.#deliver(message)
        moved = true
      }
      if (!moved) return
    }
    throw new Violation('liveness: the network never falls silent')
  }

  /** A leader that applied its own removal stops after a while, as a server does. */
  #stopRemovedLeaders(tick: number): void {
    if (tick % 20 !== 19) return
    for (const member of this.members.values()) {
      if (!member.up || member.node.role !== 'leader' || !member.image.removed.includes(member.id)) continue
      member.crash()
    }
  }

  // --- Members ---

  #found(): void {
    const { options } = this
    const voters = Array.from({ length: options.voters }, (_, i) => memberId(BigInt(i + 1)))
    const learners = Array.from({ length: options.learners }, (_, i) => memberId(BigInt(i + 1 + options.voters)))
    const confState = new ConfState()
    confState.voters = voters
    confState.learners = learners
    const at = toIndex(2)
    const image: Image = options.bootstrapped ? EMPTY_IMAGE : { applied: at, hash: 7, confState, removed: [] }
    this.#oracle.start(image.applied, image.hash)
    for (const id of [...voters, ...learners]) {
      const disk = new Disk()
      const hardState = new HardState()
      hardState.term = 1 as Term
      if (options.bootstrapped) {
        disk.entries = bootstrapEntries(voters, learners)
        hardState.commit = disk.lastIndex
      } else {
        disk.compacted = { index: at, term: 1 as Term }
        hardState.commit = at
      }
      disk.hardState = hardState
      this.#start(id, disk, image)
    }
  }

  #start(id: MemberId, disk: Disk, image: Image): SimMember {
    const { options } = this
    const member = new SimMember(
      id,
      {
        electionTicks: options.electionTicks,
        heartbeatTicks: 1,
        preVote: options.preVote,
        checkQuorum: options.checkQuorum,
        maxSizePerMessageBytes: options.maxSizePerMessageBytes,
        maxCommittedBytesPerReady: options.maxCommittedBytesPerReady,
        maxInflightMessages: options.maxInflightMessages,
        maxInflightBytes: options.maxInflightBytes,
        maxUncommittedBytes: options.maxUncommittedBytes,
        stepDownOnRemoval: options.stepDownOnRemoval,
        random: this.#random.fork(Number(id)),
      },
      disk,
      image,
      this.#random.fork(100 + Number(id)),
      this.#hooks,
      (from, event) => this.#onEvent(from, event),
    )
    this.members.set(id, member)
    return member
  }

  #restart(member: SimMember): void {
    this.#note(0x7e5, Number(member.id), () => `${member.id} restarts`)
    member.restart()
    this.#drive(member)
  }

  #crash(member: SimMember): void {
    this.#note(0xc4a, Number(member.id), () => `${member.id} crashes`)
    this.#count('crash')
    member.crash()
    this.#oracle.onWritten(member)
  }

  /** Something happens at a member, which then does all it has to do. */
  #act(member: SimMember, event: () => void): void {
    this.#hooks.beforeEvent?.(member)
    event()
    if (!this.#healed && this.#random.chance(this.options.batching)) this.#oracle.check(member, this.members)
    else this.#drive(member)
  }

  #drive(member: SimMember): void {
    const { node } = member
    while (node.hasReady()) {
      const ready = node.ready()
      for (const message of ready.messages) this.#send(member, message)
      for (const read of ready.readStates) this.#answer(member, read.index, read.context)
      if (ready.append !== undefined) {
        this.#oracle.onHandedOut(member, ready.append)
        this.#hooks.handedOut?.(member, ready.append)
        member.jobs.push(ready.append)
        if (this.#hooks.releaseEarly === true) {
          for (const message of ready.append.messagesAfterAppend) this.#send(member, message)
        }
        if (this.#hooks.acknowledgeEarly === true) node.onAppended(ready.append)
      }
      if (ready.committedEntries.length > 0) {
        member.applyQueue.push({ kind: 'entries', entries: ready.committedEntries })
      }
    }
    this.#oracle.check(member, this.members)
  }

  #finishJob(member: SimMember): void {
    const job = member.writeNextJob()
    this.#oracle.onWritten(member)
    this.#act(member, () => {
      const messages = this.#hooks.acknowledgeEarly === true ? job.messagesAfterAppend : member.node.onAppended(job)
      if (this.#hooks.releaseEarly !== true) for (const message of messages) this.#send(member, message)
    })
  }

  #apply(member: SimMember): void {
    this.#act(member, () => {
      const before = member.image.confState
      const entries = member.applyNext()
      this.#oracle.onApplied(member, entries)
      if (entries.length === 1) this.#oracle.onMembershipChange(before, member.image.confState)
    })
  }

  #onEvent(member: SimMember, event: RaftEvent): void {
    this.#note(event.kind.length, Number(member.id), () => `${member.id} ${describeEvent(event)}`)
    this.#count(
      event.kind === 'role' || event.kind === 'transfer'
        ? `${event.kind} ${event.kind === 'role' ? event.role : event.phase}`
        : event.kind,
    )
    if (event.kind === 'role' && event.role === 'leader') this.#oracle.onLeader(member, event.term)
    if (event.kind === 'entriesReplaced') this.#oracle.onReplaced(member, event.from)
  }

  // --- Network ---

  #send(member: SimMember, original: Message): void {
    const message = this.#hooks.outgoing?.(original, member) ?? original
    this.#note(message.type, message.index ^ (message.term << 8) ^ Number(message.to << 4n), () =>
      describeMessage(message),
    )
    this.#oracle.onSent(member, message)
    if (message.type === MessageType.MsgSnap && !this.#healed && this.#random.chance(0.3)) {
      this.#report(member, message.to)
      if (this.#random.chance(0.5)) return
    }
    if (!this.#healed && this.#random.chance(this.options.dropRate)) return
    this.#network.push(message)
    if (!this.#healed && this.#random.chance(this.options.duplicateRate)) this.#network.push(message)
    if (!this.#healed && this.#network.length > MAX_NETWORK) this.#network.shift()
  }

  #report(member: SimMember, to: MemberId): void {
    member.node.reportSnapshot(to, this.#random.chance(0.5))
  }

  #deliverNext(): void {
    if (this.#network.length === 0) return
    const at = this.#random.below(Math.min(this.options.reorderWindow, this.#network.length))
    const [message] = this.#network.splice(at, 1)
    this.#deliver(message!)
  }

  #deliver(original: Message): void {
    const member = this.members.get(original.to)
    if (this.#isCut(original)) {
      if (this.options.partitionsHold && this.#held.length < MAX_NETWORK) this.#held.push(original)
      return
    }
    if (member?.up !== true) return
    // A transport refuses members that are known to be removed.
    if (this.#healed && member.image.removed.includes(original.from)) return
    const message = this.#hooks.incoming?.(original, member) ?? original
    this.#act(member, () => member.node.step(message))
  }

  #isCut({ from, to }: Message): boolean {
    return this.#island !== undefined && this.#island.has(from) !== this.#island.has(to)
  }

  // --- Events of phase one ---

  #prepareEvents(): void {
    const { options } = this
    const any = (): boolean => true
    const table: readonly [number, () => void][] = [
      [450, () => this.#deliverNext()],
      [options.ticks, () => this.#atSomeone(({ node }) => node.tick())],
      [
        1000 * options.diskSpeed,
        () =>
          this.#withSome(
            ({ jobs }) => jobs.length > 0,
            (m) => this.#finishJob(m),
          ),
      ],
      [
        150,
        () =>
          this.#withSome(
            (m) => m.applyQueue.length > 0 && !this.#isLazyNow(m),
            (m) => this.#apply(m),
          ),
      ],
      [60, () => this.#withSome(any, (m) => this.#propose(m))],
      [60, () => this.#withSome(any, (m) => this.#read(m))],
      [options.crashes, () => this.#withSome(any, (m) => this.#crash(m))],
      [options.crashes * 2, () => this.#restartSome()],
      [options.partitions, () => this.#partition()],
      [options.confChanges, () => this.#changeMembership()],
      [options.transfers, () => this.#transfer()],
      [options.compactions, () => this.#withSome(any, (m) => m.compact(options.catchUpEntries))],
      [options.reports, () => this.#reportSome()],
      [options.campaigns, () => this.#atSomeone(({ node }) => node.campaign())],
      [1, () => this.#atSomeone(({ node }) => node.forgetLeader())],
    ]
    this.#events = table.map(([weight, run]) => ({ weight, run }))
    this.#totalWeight = this.#events.reduce((sum, { weight }) => sum + weight, 0)
  }

  #withSome(wanted: (member: SimMember) => boolean, run: (member: SimMember) => void): void {
    const candidates = [...this.members.values()].filter((member) => member.up && wanted(member))
    if (candidates.length > 0) run(this.#random.pick(candidates))
  }

  #isLazyNow(member: SimMember): boolean {
    return member.id <= this.options.lazyMembers && this.#random.chance(0.97)
  }

  #atSomeone(event: (member: SimMember) => void): void {
    this.#withSome(
      () => true,
      (member) => this.#act(member, () => event(member)),
    )
  }

  #propose(member: SimMember): void {
    const batch = Array.from({ length: 1 + this.#random.below(3) }, () => Buffer.from(`p${this.#proposals++}`))
    this.#act(member, () => member.node.propose(batch))
  }

  #read(member: SimMember): void {
    const mark = `${this.#readMark++}`
    this.#reads.set(mark, this.#oracle.maxApplied)
    this.#act(member, () => member.node.readIndex(Buffer.from(mark)))
  }

  #answer(_member: SimMember, index: Index, context: Uint8Array): void {
    const mark = Buffer.from(context).toString()
    this.#note(0x2ead, index, () => `read ${mark} at ${index}`)
    this.#count('read')
    const floor = this.#reads.get(mark)
    if (floor !== undefined) this.#oracle.onReadAnswered(index, floor)
  }

  #restartSome(): void {
    const down = [...this.members.values()].filter((member) => !member.up)
    if (down.length > 0) this.#restart(this.#random.pick(down))
  }

  #partition(): void {
    if (this.#island !== undefined) {
      this.#joinIsland()
      return
    }
    const leaders = [...this.members.values()].filter((member) => member.node.role === 'leader')
    if (leaders.length === 0 || this.#random.chance(0.5)) {
      this.#island = new Set([...this.members.keys()].filter(() => this.#random.chance(0.5)))
      return
    }
    // Alone, a leader does not notice how another one takes over.
    const alone = this.#random.pick(leaders)
    this.#island = new Set([alone.id])
    this.#withSome(
      (member) => member !== alone,
      (member) => this.#act(member, () => member.node.campaign()),
    )
  }

  #joinIsland(): void {
    this.#island = undefined
    this.#network = [...this.#held, ...this.#network]
    this.#held = []
  }

  #transfer(): void {
    this.#atSomeone((member) => member.node.transferLeader(this.#random.pick([...this.members.keys()])))
  }

  #reportSome(): void {
    this.#atSomeone((member) => {
      const id = this.#random.pick([...this.members.keys()])
      if (this.#random.chance(0.5)) member.node.reportUnreachable(id)
      else this.#report(member, id)
    })
  }

  #changeMembership(): void {
    const leaders = [...this.members.values()].filter((member) => member.up && member.node.role === 'leader')
    if (leaders.length === 0) return
    const leader = this.#random.pick(leaders)
    const change = drawChange(this.#random, leader.image.confState, () => {
      if (this.members.size >= MAX_MEMBERS) return undefined
      return this.#start(memberId(BigInt(this.members.size + 1)), new Disk(), EMPTY_IMAGE).id
    })
    this.#act(leader, () => leader.node.proposeConfChange(change))
  }

  // --- Trace ---

  #note(a: number, b: number, line: () => string): void {
    this.traceHash = mix32(this.traceHash ^ Math.imul(a, 0x9e3779b1) ^ b)
    this.#print?.(`${this.steps} ${line()}`)
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}

/** One seed from beginning to end; `error` is undefined when it kept every promise. */
export const simulate = (
  seed: number,
  steps: number,
  hooks: WorldHooks = {},
  print?: (line: string) => void,
): { readonly world: World; readonly error: Error | undefined } => {
  const world = new World(seed, hooks, print)
  try {
    world.run(steps)
    world.heal()
    return { world, error: undefined }
  } catch (error) {
    return { world, error: error instanceof Error ? error : new Error(String(error)) }
  }
}
