// Drives nodes by the commands of a script (testdata/*.txt), one step at a time, and writes down everything they do.
//
//   add-nodes N [voters=(1,2)] [learners=(3)] [index=I] [options]   new nodes 1..N; `index` starts behind a snapshot
//   elect ID         campaigns and stabilizes, shown as one line
//   campaign ID | tick ID N | forget-leader ID | compact ID INDEX
//   propose ID text... | propose-conf ID [explicit|implicit] [v1] v1 l2 r3
//   read ID text | transfer ID TARGET | unreachable ID PEER | snapshot-report ID PEER ok|failed | no-snapshots ID on|off
//   ready ID...      takes one Ready; append jobs and committed entries wait in queues, messages go into the network
//   append ID...     makes the oldest job durable    |  apply ID...   applies the oldest batch
//   deliver ID... [from=(..)] [type=..] [drop] [keep] [count=N]   steps (or loses, or repeats) what the network holds for the nodes
//   hold ID          takes the messages to ID aside, `release ID` puts them back: a reordered network
//   stabilize [ID...]    all of the above until nothing is left to do among the nodes; others' messages stay
//   crash ID [applied=I] [torn=N]   undurable jobs and memory are lost, the node starts from its disk; `torn` leaves the first N
//                    entries of the oldest job there, without its hard state
//   status ID | log ID | network

import { index as toIndex, invariant, memberId } from '../../base/index.js'
import type { Index, MemberId, Term } from '../../base/index.js'
import { decodeConfChange } from '../conf-change-entry.js'
import { RawNode } from '../node.js'
import type { AppendJob, Ready } from '../node.js'
import {
  ConfChange,
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  ConfChangeV2,
  ConfState,
  EntryType,
  HardState,
  Snapshot,
  SnapshotMetadata,
} from '../pb.js'
import type { Entry, Message } from '../pb.js'
import { DEFAULT_LIMITS } from '../settings.js'
import type { RaftConfig } from '../settings.js'
import {
  describeConfState,
  describeEntry,
  describeEvent,
  describeMessage,
  describePeer,
  textOf,
  typeName,
} from './describe.js'
import { Disk } from './disk.js'

interface Member {
  readonly id: MemberId
  readonly config: RaftConfig
  readonly disk: Disk
  node: RawNode
  jobs: AppendJob[]
  batches: Entry[][]
  snapshotsOff: boolean
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const ID_LIST = /^\((.*)\)$/

/** A command's words, `name=value` apart. */
class Arguments {
  readonly words: string[] = []
  readonly #named = new Map<string, string>()

  constructor(line: string) {
    for (const word of line.match(/\S+=\([^)]*\)|\S+/g) ?? []) {
      const equals = word.indexOf('=')
      if (equals > 0) this.#named.set(word.slice(0, equals), word.slice(equals + 1))
      else this.words.push(word)
    }
  }

  text(name: string): string | undefined {
    return this.#named.get(name)
  }

  number(name: string, otherwise: number): number {
    return Number(this.#named.get(name) ?? otherwise)
  }

  ids(name: string): MemberId[] | undefined {
    const list = ID_LIST.exec(this.#named.get(name) ?? '')?.[1]
    return list
      ?.split(/[ ,]+/)
      .filter((word) => word !== '')
      .map((word) => memberId(BigInt(word)))
  }
}

export class Interaction {
  readonly #members = new Map<MemberId, Member>()
  #network: Message[] = []
  #held: Message[] = []
  #out: string[] = []

  /** Carries out one command line and returns what happened, line by line. */
  run(line: string): string[] {
    this.#out = []
    const args = new Arguments(line)
    const command = args.words.shift() ?? ''
    try {
      this.#run(command, args)
    } catch (error) {
      this.#out.push(`! ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`)
    }
    return this.#out.length === 0 ? ['ok'] : this.#out
  }

  #run(command: string, args: Arguments): void {
    const { words } = args
    switch (command) {
      case 'add-nodes':
        this.#addNodes(Number(words[0]), args)
        break
      case 'campaign':
        this.#member(words[0]).node.campaign()
        break
      case 'elect': {
        const member = this.#member(words[0])
        member.node.campaign()
        this.#stabilize([...this.#members.values()])
        const { role, term, commit, applied } = member.node.status()
        this.#out = [`${member.id} is ${role} of term ${term}, commit=${commit} applied=${applied}`]
        break
      }
      case 'tick':
        for (let n = Number(words[1] ?? 1); n > 0; n--) this.#member(words[0]).node.tick()
        break
      case 'forget-leader':
        this.#member(words[0]).node.forgetLeader()
        break
      case 'compact': {
        const member = this.#member(words[0])
        const at = toIndex(Number(words[1]))
        member.node.compact(at)
        member.disk.compact(at)
        break
      }
      case 'propose':
        this.#out.push(this.#member(words[0]).node.propose(words.slice(1).map(bytesOf)))
        break
      case 'propose-conf':
        this.#out.push(this.#member(words[0]).node.proposeConfChange(parseChange(words.slice(1))))
        break
      case 'read':
        this.#out.push(this.#member(words[0]).node.readIndex(bytesOf(words[1] ?? '')))
        break
      case 'transfer':
        this.#member(words[0]).node.transferLeader(memberId(BigInt(words[1] ?? 0)))
        break
      case 'unreachable':
        this.#member(words[0]).node.reportUnreachable(memberId(BigInt(words[1] ?? 0)))
        break
      case 'snapshot-report':
        this.#member(words[0]).node.reportSnapshot(memberId(BigInt(words[1] ?? 0)), words[2] === 'ok')
        break
      case 'no-snapshots':
        this.#member(words[0]).snapshotsOff = words[1] === 'on'
        break
      case 'ready':
        for (const word of words) this.#ready(this.#member(word))
        break
      case 'append':
        for (const word of words) this.#append(this.#member(word))
        break
      case 'apply':
        for (const word of words) this.#apply(this.#member(word))
        break
      case 'deliver':
        this.#deliver(args)
        break
      case 'hold':
        this.#held.push(...this.#network.filter((m) => words.includes(String(m.to))))
        this.#network = this.#network.filter((m) => !words.includes(String(m.to)))
        break
      case 'release':
        this.#network.push(...this.#held.filter((m) => words.includes(String(m.to))))
        this.#held = this.#held.filter((m) => !words.includes(String(m.to)))
        break
      case 'stabilize':
        this.#stabilize(words.length === 0 ? [...this.#members.values()] : words.map((word) => this.#member(word)))
        break
      case 'crash':
        this.#crash(this.#member(words[0]), args)
        break
      case 'status':
        this.#status(this.#member(words[0]))
        break
      case 'log':
        this.#log(this.#member(words[0]))
        break
      case 'network':
        for (const message of this.#network) this.#out.push(describeMessage(message))
        break
      default:
        throw new Error(`unknown command ${command}`)
    }
  }

  #member(word: string | undefined): Member {
    const member = this.#members.get(memberId(BigInt(word ?? 0)))
    invariant(member !== undefined, 'no node %', word)
    return member
  }

  #addNodes(count: number, args: Arguments): void {
    const confState = new ConfState()
    confState.voters = args.ids('voters') ?? []
    confState.learners = args.ids('learners') ?? []
    const at = toIndex(args.number('index', 2))
    const from = this.#members.size + 1
    for (let n = from; n < from + count; n++) {
      const id = memberId(BigInt(n))
      const disk = new Disk()
      const member = { id, config: this.#config(id, args), disk, jobs: [], batches: [], snapshotsOff: false }
      if (at > 0) {
        disk.compacted = { index: at, term: 1 as Term }
        disk.hardState.term = 1 as Term
        disk.hardState.commit = at
      }
      disk.confStates.set(at, confState)
      this.#members.set(id, { ...member, node: this.#start(member.config, disk, at) })
    }
  }

  #config(id: MemberId, args: Arguments): RaftConfig {
    return {
      id,
      electionTicks: args.number('election', 3),
      heartbeatTicks: args.number('heartbeat', 1),
      preVote: args.text('prevote') === 'on',
      checkQuorum: args.text('checkquorum') === 'on',
      ...DEFAULT_LIMITS,
      maxSizePerMessageBytes: args.number('max-message', DEFAULT_LIMITS.maxSizePerMessageBytes),
      maxCommittedBytesPerReady: args.number('max-committed', DEFAULT_LIMITS.maxCommittedBytesPerReady),
      maxInflightMessages: args.number('max-inflight', DEFAULT_LIMITS.maxInflightMessages),
      maxInflightBytes: args.number('max-inflight-bytes', DEFAULT_LIMITS.maxInflightBytes),
      maxUncommittedBytes: args.number('max-uncommitted', DEFAULT_LIMITS.maxUncommittedBytes),
      stepDownOnRemoval: args.text('step-down') === 'on',
      random: { below: (bound) => Math.min(args.number('timeout', 0), bound - 1), uint64: () => 0n },
      snapshotSource: () => this.#snapshotOf(id),
      tracer: { trace: (event) => this.#out.push(`  ${id} ${describeEvent(event)}`) },
    }
  }

  #start(config: RaftConfig, disk: Disk, applied: Index): RawNode {
    const { hardState, compacted, entries } = disk
    return new RawNode(config, { hardState, compacted, entries, applied, confState: disk.confStateAt(applied) })
  }

  #snapshotOf(id: MemberId): Snapshot | undefined {
    const member = this.#members.get(id)
    if (member === undefined || member.snapshotsOff) return undefined
    const snapshot = new Snapshot()
    snapshot.metadata = new SnapshotMetadata()
    snapshot.metadata.index = member.node.applied
    snapshot.metadata.term = member.node.termAt(member.node.applied)!
    snapshot.metadata.confState = member.disk.confStateAt(member.node.applied)
    return snapshot
  }

  #ready(member: Member): void {
    if (!member.node.hasReady()) {
      this.#out.push(`${member.id} has nothing to do`)
      return
    }
    this.#out.push(`${member.id} ready`)
    const ready = member.node.ready()
    for (const line of describeReady(ready)) this.#out.push(`  ${line}`)
    this.#network.push(...ready.messages)
    if (ready.append !== undefined) member.jobs.push(ready.append)
    if (ready.committedEntries.length > 0) member.batches.push([...ready.committedEntries])
  }

  #append(member: Member): void {
    const job = member.jobs.shift()
    invariant(job !== undefined, 'node % has nothing to append', member.id)
    this.#out.push(`${member.id} appended`)
    member.disk.write(job)
    this.#network.push(...member.node.onAppended(job))
  }

  #apply(member: Member): void {
    const batch = member.batches.shift()
    invariant(batch !== undefined, 'node % has nothing to apply', member.id)
    this.#out.push(`${member.id} applied ${batch.map((entry) => `${entry.term}/${entry.index}`).join(' ')}`)
    for (const entry of batch) {
      if (entry.type === EntryType.EntryNormal) continue
      const change = decodeConfChange(entry.type, entry.data)
      invariant(change !== undefined, 'malformed change')
      member.disk.confStates.set(entry.index, member.node.applyConfChange(change, entry.index))
    }
    member.node.onApplied(batch.at(-1)!.index)
  }

  #deliver(args: Arguments): void {
    const from = args.ids('from')
    const type = args.text('type')
    const drop = args.words.includes('drop')
    let left = args.number('count', Infinity)
    const rest: Message[] = []
    const due: Message[] = []
    for (const message of this.#network) {
      const wanted =
        args.words.includes(String(message.to)) &&
        (from === undefined || from.includes(message.from)) &&
        (type === undefined || typeName(message.type) === type)
      if (wanted && left-- > 0) due.push(message)
      else rest.push(message)
    }
    if (args.words.includes('keep')) rest.push(...due)
    this.#network = rest
    for (const message of due) {
      this.#out.push(`${drop ? 'lost' : 'deliver'} ${describeMessage(message)}`)
      if (!drop) this.#members.get(message.to)?.node.step(message)
    }
  }

  #stabilize(members: readonly Member[]): void {
    for (let round = 0; ; round++) {
      invariant(round < 100, 'the nodes never settle')
      const before = this.#out.length
      for (const member of members) if (member.node.hasReady()) this.#ready(member)
      for (const member of members) while (member.jobs.length > 0) this.#append(member)
      for (const member of members) while (member.batches.length > 0) this.#apply(member)
      for (const member of members) this.#deliver(new Arguments(`${member.id}`))
      if (this.#out.length === before) return
    }
  }

  #crash(member: Member, args: Arguments): void {
    const { disk } = member
    const torn = args.text('torn')
    if (torn !== undefined) {
      const job = member.jobs[0]
      invariant(job !== undefined, 'node % has nothing to append', member.id)
      disk.write(job, Number(torn), false)
    }
    const applied = toIndex(args.number('applied', disk.compacted.index))
    if (disk.hardState.commit < applied) {
      const raised = new HardState()
      raised.term = disk.hardState.term
      raised.vote = disk.hardState.vote
      raised.commit = applied
      disk.hardState = raised
    }
    member.jobs = []
    member.batches = []
    member.node = this.#start(member.config, disk, applied)
  }

  #status(member: Member): void {
    const s = member.node.status()
    this.#out.push(
      `${s.id}: ${s.role} term=${s.term} vote=${s.vote} leader=${s.leader} commit=${s.commit} applied=${s.applied} ` +
        `log=[${s.firstIndex}, ${s.lastIndex}] stable=${s.stable}`,
      `  ${describeConfState(s.confState)}`,
    )
    for (const peer of s.progress) this.#out.push(`  ${describePeer(peer)}`)
  }

  #log(member: Member): void {
    const { disk } = member
    this.#out.push(`durable after ${disk.compacted.term}/${disk.compacted.index}:`)
    for (const entry of disk.entries) this.#out.push(`  ${describeEntry(entry)}`)
  }
}

const describeReady = (ready: Ready): string[] => {
  const lines: string[] = []
  if (ready.softState !== undefined) lines.push(`leader=${ready.softState.leader} role=${ready.softState.role}`)
  for (const read of ready.readStates) lines.push(`read index=${read.index} "${textOf(read.context)}"`)
  for (const message of ready.messages) lines.push(`send ${describeMessage(message)}`)
  if (ready.append !== undefined) {
    const { hardState, snapshot, entries, mustSync, messagesAfterAppend } = ready.append
    const parts: string[] = []
    if (hardState !== undefined) parts.push(`term=${hardState.term} vote=${hardState.vote} commit=${hardState.commit}`)
    if (snapshot !== undefined) parts.push(`snapshot=${snapshot.metadata!.term}/${snapshot.metadata!.index}`)
    if (entries.length > 0) parts.push(`[${entries.map(describeEntry).join(', ')}]`)
    if (mustSync) parts.push('sync')
    lines.push(`write ${parts.join(' ') || 'nothing'}`)
    for (const message of messagesAfterAppend) lines.push(`then ${describeMessage(message)}`)
  }
  if (ready.committedEntries.length > 0) lines.push(`apply ${ready.committedEntries.map(describeEntry).join(', ')}`)
  return lines
}

const CHANGE_TYPES: Readonly<Record<string, number>> = {
  v: ConfChangeType.ConfChangeAddNode,
  l: ConfChangeType.ConfChangeAddLearnerNode,
  r: ConfChangeType.ConfChangeRemoveNode,
  u: ConfChangeType.ConfChangeUpdateNode,
}

/** `v1 l2 r3`, `single v1` for the one-operation form, `implicit` or `explicit` for the way through a joint one. */
const parseChange = (words: readonly string[]): ConfChange | ConfChangeV2 => {
  const changes = words
    .filter((word) => /^[vlru]\d+$/.test(word))
    .map((word) => {
      const change = new ConfChangeSingle()
      change.type = CHANGE_TYPES[word[0]!]!
      change.nodeId = memberId(BigInt(word.slice(1)))
      return change
    })
  if (words.includes('single')) {
    const change = new ConfChange()
    change.type = changes[0]!.type
    change.nodeId = changes[0]!.nodeId
    return change
  }
  const change = new ConfChangeV2()
  change.changes = changes
  if (words.includes('explicit')) change.transition = ConfChangeTransition.ConfChangeTransitionJointExplicit
  if (words.includes('implicit')) change.transition = ConfChangeTransition.ConfChangeTransitionJointImplicit
  return change
}
