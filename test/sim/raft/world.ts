// A cluster in one thread: random events from one seed, one at a time, everything checked after each.

import { index as toIndex, memberId } from '#src/base/index.js'
import type { Index, MemberId, Term } from '#src/base/index.js'
import type { AppendJob, RaftEvent } from '#src/raft/index.js'
import { ConfState, HardState, MessageType } from '#src/raft/pb.js'
import type { Message } from '#src/raft/pb.js'
import { describeEvent, describeMessage } from '#src/raft/testing/describe.js'
import { Disk } from '#src/raft/testing/disk.js'
import { mix32, SeededRandom } from '../random.js'
import { bootstrapEntries } from './changes.js'
import { faultsOf } from './faults.js'
import { heal } from './healing.js'
import { allOf, EMPTY_IMAGE, SimMember } from './member.js'
import type { Applied, Image, MemberHooks } from './member.js'
import { Network } from './network.js'
import { drawOptions } from './options.js'
import type { SimOptions } from './options.js'
import { Oracle } from './oracle.js'

export interface WorldHooks extends MemberHooks {
  /** What the network makes of a message that leaves. */
  outgoing?(message: Message, sender: SimMember): Message
  /** What a member makes of a message before it sees it. */
  incoming?(message: Message, receiver: SimMember): Message
  beforeEvent?(member: SimMember): void
  handedOut?(member: SimMember, job: AppendJob): void
  readonly options?: Partial<SimOptions>
}

export class World {
  readonly options: SimOptions
  readonly members = new Map<MemberId, SimMember>()
  readonly random: SeededRandom
  readonly oracle = new Oracle()
  readonly network: Network
  readonly #hooks: WorldHooks
  readonly #print: ((line: string) => void) | undefined
  #proposals = 0
  /** What was applied anywhere when a read was asked, by its mark; for a mark used again, by each of its reads in order. */
  readonly #reads = new Map<string, Index[]>()
  #readMark = 0
  /** Faults have ended. */
  healed = false
  readonly #rates = new Map<MemberId, number>()
  /** What happened how often, to show that a run reaches the interesting places. */
  readonly counts = new Map<string, number>()
  #handover: { readonly target: MemberId; readonly term: Term } | undefined = undefined
  /** Depends on every message and event of the run. */
  traceHash = 0
  steps = 0

  constructor(seed: number, hooks: WorldHooks = {}, print?: (line: string) => void) {
    const random = new SeededRandom(seed)
    this.options = { ...drawOptions(random.fork(1)), ...hooks.options }
    this.random = random.fork(2)
    const { reorderWindow, latencySpread, partitionsHold } = this.options
    this.network = new Network(random.fork(3), reorderWindow, latencySpread, partitionsHold)
    this.#hooks = hooks
    this.#print = print
    this.#print?.(`options ${JSON.stringify(this.options)}`)
    this.#found()
  }

  /** Phase one: anything may happen, and nothing unsafe may come of it. */
  run(steps: number): void {
    const events = faultsOf(this)
    const total = events.reduce((sum, { weight }) => sum + weight, 0)
    for (let n = 0; n < steps; n++) {
      this.steps++
      let pick = this.random.fraction() * total
      for (const event of events) {
        pick -= event.weight
        if (pick >= 0) continue
        event.run()
        break
      }
    }
  }

  /** Phase two: faults end, and the cluster must make progress. @throws Violation when it does not. */
  heal(): void {
    heal(this)
  }

  // --- Members ---

  #found(): void {
    const { options } = this
    const voters = Array.from({ length: options.voters }, (_, i) => memberId(BigInt(i + 1)))
    const learners = Array.from({ length: options.learners }, (_, i) => memberId(BigInt(i + 1 + options.voters)))
    this.count(`founded with ${options.voters} voters`)
    const confState = new ConfState()
    confState.voters = voters
    confState.learners = learners
    const at = toIndex(2)
    const image: Image = options.bootstrapped ? EMPTY_IMAGE : { applied: at, hash: 7, confState, removed: [] }
    const entries = options.bootstrapped ? bootstrapEntries(voters, learners) : []
    this.oracle.start(image.applied, image.hash, entries.at(-1)?.index ?? at)
    for (const id of [...voters, ...learners]) {
      const disk = new Disk()
      const hardState = new HardState()
      hardState.term = 1 as Term
      if (options.bootstrapped) {
        disk.entries = [...entries]
        hardState.commit = disk.lastIndex
      } else {
        disk.compacted = { index: at, term: 1 as Term }
        hardState.commit = at
      }
      disk.hardState = hardState
      this.start(id, disk, image)
    }
  }

  start(id: MemberId, disk = new Disk(), image = EMPTY_IMAGE): SimMember {
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
        packRun: PACK_RUNS[Number(id) % PACK_RUNS.length]!,
        stepDownOnRemoval: options.stepDownOnRemoval,
        random: this.random.fork(Number(id)),
      },
      disk,
      image,
      this.random.fork(100 + Number(id)),
      this.#hooks,
      (from, event) => this.#onEvent(from, event),
    )
    this.members.set(id, member)
    const { clockSkew } = options
    this.#rates.set(id, (1 + clockSkew * (2 * this.random.fraction() - 1)) / (1 + clockSkew))
    return member
  }

  restart(member: SimMember): void {
    this.note(0x7e5, Number(member.id), () => `${member.id} restarts`)
    if (member.restart()) this.count('state ahead of the commit index at restart')
    this.#drive(member)
  }

  crash(member: SimMember): void {
    this.note(0xc4a, Number(member.id), () => `${member.id} crashes`)
    this.count('crash')
    this.count(`writes ${member.crash()} in a crash`)
    this.oracle.onWritten(member)
  }

  isRunning(member: SimMember): boolean {
    return member.up && member.pausedUntil <= this.steps
  }

  // --- What members do ---

  /** Something happens at a member, which then does all it has to do. */
  act(member: SimMember, event: () => void): void {
    this.#hooks.beforeEvent?.(member)
    event()
    if (!this.healed && this.random.chance(this.options.batching)) this.oracle.check(member, this.members)
    else this.#drive(member)
  }

  /** One heartbeat interval passes, unless the member's clock is slow. */
  tick(member: SimMember): void {
    const rate = this.#rates.get(member.id)!
    if (rate < 1 && !this.random.chance(rate)) return
    this.act(member, () => member.node.tick())
  }

  #drive(member: SimMember): void {
    const { node } = member
    while (member.up && node.hasReady()) {
      const ready = node.ready()
      for (const message of ready.messages) this.#send(member, message)
      for (const read of ready.readStates) this.#answer(read.index, read.context)
      if (!this.healed && this.options.crashes > 0 && this.random.chance(0.0005)) {
        this.count('crash before a write is handed out')
        this.oracle.check(member, this.members)
        this.crash(member)
        return
      }
      if (ready.append !== undefined) this.#handOut(member, ready.append)
      if (ready.committedEntries.length > 0) {
        member.applyQueue.push({ kind: 'entries', entries: ready.committedEntries })
      }
    }
    this.oracle.check(member, this.members)
  }

  #handOut(member: SimMember, job: AppendJob): void {
    this.oracle.onHandedOut(member, job)
    this.#hooks.handedOut?.(member, job)
    member.jobs.push(job)
    for (const message of job.messagesAfterAppend) {
      if (this.#hooks.releaseEarly?.(message) === true) this.#send(member, message)
    }
    if (this.#hooks.acknowledgeEarly === true) member.node.onAppended(job)
  }

  finishJob(member: SimMember): void {
    const job = member.writeNextJob()
    this.oracle.onWritten(member)
    this.act(member, () => {
      const messages = this.#hooks.acknowledgeEarly === true ? job.messagesAfterAppend : member.node.onAppended(job)
      for (const message of messages) {
        if (this.#hooks.releaseEarly?.(message) !== true) this.#send(member, message)
      }
    })
  }

  apply(member: SimMember): void {
    this.act(member, () => {
      const applied = member.applyNext()
      this.oracle.onApplied(member, applied)
      for (const one of applied) if (one.before !== one.after) this.#countChange(member, one)
    })
    const { snapshotCount, catchUpEntries } = this.options
    if (member.up && member.image.applied - member.saved.applied > snapshotCount) member.compact(catchUpEntries)
  }

  #countChange(member: SimMember, { before, after }: Applied): void {
    if (after.votersOutgoing.length > 0) this.count('joint membership')
    if (before.learners.some((id) => after.voters.includes(id))) this.count('learner promoted')
    if (member.node.role === 'leader' && !allOf(after).includes(member.id)) this.count('leader removed')
  }

  propose(member: SimMember): void {
    const { maxPayloadBytes } = this.options
    const batch = Array.from({ length: 1 + this.random.below(3) }, () =>
      Buffer.from(`p${this.#proposals++}`.padEnd(this.random.below(maxPayloadBytes), '.')),
    )
    this.act(member, () => member.node.propose(batch))
  }

  read(member: SimMember): void {
    // Only a leader answers its own reads in the order in which they were asked, which tells equal marks apart.
    const again = member.node.role === 'leader' && this.random.chance(this.options.repeatedMarks)
    const mark = again ? `again-${member.id}-${member.incarnation}-${member.node.term}` : `${this.#readMark++}`
    const floors = this.#reads.get(mark)
    if (floors === undefined) this.#reads.set(mark, [this.oracle.maxApplied])
    else floors.push(this.oracle.maxApplied)
    this.act(member, () => member.node.readIndex(Buffer.from(mark)))
  }

  #answer(index: Index, context: Uint8Array): void {
    const mark = Buffer.from(context).toString()
    this.note(0x2ead, index, () => `read ${mark} at ${index}`)
    this.count('read')
    const floors = this.#reads.get(mark)
    const floor = mark.startsWith('again') ? floors?.shift() : floors?.[0]
    if (floor !== undefined) this.oracle.onReadAnswered(index, floor)
  }

  #onEvent(member: SimMember, event: RaftEvent): void {
    this.note(event.kind.length, Number(member.id), () => `${member.id} ${describeEvent(event)}`)
    this.count(nameOf(event))
    if (event.kind === 'transfer' && event.phase === 'timeoutNow') {
      this.#handover = { target: event.target, term: member.node.term }
    }
    if (event.kind === 'role' && event.role === 'leader') {
      if (this.#handover?.target === member.id && this.#handover.term + 1 === event.term)
        this.count('transfer succeeded')
      this.oracle.onLeader(member, event.term)
    }
    if (event.kind === 'entriesReplaced') this.oracle.onReplaced(member, event.from)
  }

  // --- Messages ---

  #send(member: SimMember, original: Message): void {
    const { random, options } = this
    const message = this.#hooks.outgoing?.(original, member) ?? original
    this.note(message.type, message.index ^ (message.term << 8) ^ Number(message.to << 4n), () =>
      describeMessage(message),
    )
    this.oracle.onSent(member, message, this.members)
    if (this.healed) {
      this.network.send(member.id, message)
      return
    }
    if (message.type === MessageType.MsgSnap && random.chance(0.3)) {
      this.report(member, message.to)
      if (random.chance(0.5)) return
    }
    if (options.dropRate > 0 && random.chance(options.dropRate)) return
    if (!this.network.send(member.id, message)) member.node.reportUnreachable(message.to)
    if (options.duplicateRate > 0 && random.chance(options.duplicateRate)) this.network.send(member.id, message)
  }

  report(member: SimMember, to: MemberId): void {
    member.node.reportSnapshot(to, this.random.chance(0.5))
  }

  deliver(original: Message): void {
    const member = this.members.get(original.to)
    if (member?.up !== true) return
    // A transport refuses members that are known to be removed.
    if (this.healed && member.image.removed.includes(original.from)) return
    const message = this.#hooks.incoming?.(original, member) ?? original
    this.act(member, () => member.node.step(message))
  }

  // --- Trace ---

  note(a: number, b: number, line: () => string): void {
    this.traceHash = mix32(this.traceHash ^ Math.imul(a, 0x9e3779b1) ^ b)
    this.#print?.(`${this.steps} ${line()}`)
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}

/** Members of one cluster pack their logs in different runs. */
const PACK_RUNS = [32, 1, 4]

const nameOf = (event: RaftEvent): string => {
  switch (event.kind) {
    case 'role':
      return `role ${event.role}`
    case 'transfer':
      return `transfer ${event.phase}`
    case 'confChangeRefused':
      return `confChangeRefused ${event.reason}`
    default:
      return event.kind
  }
}
