// One simulated member: a node, the disk below it, the state machine above it, and the queues between.

import { equalBytes, index as toIndex } from '#src/base/index.js'
import type { Index, MemberId } from '#src/base/index.js'
import { decodeConfChange } from '#src/raft/index.js'
import type { AppendJob, RaftConfig, RaftEvent, RaftState } from '#src/raft/index.js'
import { RawNode } from '#src/raft/index.js'
import { ConfState, EntryType, HardState, Snapshot, SnapshotMetadata } from '#src/raft/pb.js'
import type { Entry, Message } from '#src/raft/pb.js'
import { Disk } from '#src/raft/testing/disk.js'
import type { SeededRandom } from '../random.js'
import { mix32 } from '../random.js'

/** What the state machine saved: everything up to `applied`, as one hash over all entries. */
export interface Image {
  readonly applied: Index
  readonly hash: number
  readonly confState: ConfState
  readonly removed: readonly MemberId[]
}

export const EMPTY_IMAGE: Image = { applied: toIndex(0), hash: 0, confState: new ConfState(), removed: [] }

export type ApplyItem =
  { readonly kind: 'entries'; readonly entries: readonly Entry[] } | { readonly kind: 'install'; readonly image: Image }

export const hashEntry = (hash: number, entry: Entry): number => {
  let h = mix32(hash ^ entry.index) ^ entry.term ^ (entry.type << 20)
  for (const byte of entry.data) h = Math.imul(h ^ byte, 0x01000193)
  return h >>> 0
}

export const encodeImage = (image: Image): Uint8Array =>
  Buffer.from(JSON.stringify([image.applied, image.hash, image.removed.map(String)]))

const decodeImage = (snapshot: Snapshot): Image => {
  const [applied, hash, removed] = JSON.parse(Buffer.from(snapshot.data).toString()) as [number, number, string[]]
  return {
    applied: toIndex(applied),
    hash,
    confState: snapshot.metadata!.confState!,
    removed: removed.map((id) => BigInt(id) as MemberId),
  }
}

/** Where tests plant mistakes; everything is as it should be when a hook is absent. */
export interface MemberHooks {
  makeNode?(config: RaftConfig, state: RaftState): RawNode
  recovered?(state: RaftState): RaftState
  /** Report a job as durable when it is handed out. */
  readonly acknowledgeEarly?: boolean
  /** Send what waits for a job when it is handed out; tells which messages. */
  releaseEarly?(message: Message): boolean
  /** Write the hard state of a job before its snapshot. */
  readonly snapshotLast?: boolean
  /** Whether the application forgets, on replay, that it had refused a change. */
  readonly forgetsRefusals?: boolean
}

/** What a crash did to writes on their way. */
export type CrashDamage = 'none' | 'lost' | 'torn'

/** One applied entry, and the membership before and after it. */
export interface Applied {
  readonly entry: Entry
  readonly before: ConfState
  readonly after: ConfState
}

export class SimMember {
  readonly id: MemberId
  readonly config: RaftConfig
  readonly #random: SeededRandom
  readonly #hooks: MemberHooks
  readonly disk: Disk
  /** The hard state that a crash is sure to find; what was not synced may be lost. */
  syncedHardState: HardState
  /** The state machine on stable storage. */
  saved: Image
  /** The state machine in memory. */
  image: Image
  node: RawNode
  up = true
  /** Removed for good: its process has ended and its disk was wiped. */
  retired = false
  /** Frozen, and its disk stuck, until these steps. */
  pausedUntil = 0
  diskStuckUntil = 0
  jobs: AppendJob[] = []
  applyQueue: ApplyItem[] = []
  /** Rises at every start. */
  incarnation = 0

  constructor(
    id: MemberId,
    config: Omit<RaftConfig, 'id' | 'snapshotSource' | 'tracer'>,
    disk: Disk,
    saved: Image,
    random: SeededRandom,
    hooks: MemberHooks,
    onEvent: (member: SimMember, event: RaftEvent) => void,
  ) {
    this.id = id
    this.#random = random
    this.#hooks = hooks
    this.config = {
      ...config,
      id,
      snapshotSource: () => this.#snapshot(),
      tracer: {
        trace: (event) => {
          onEvent(this, event)
        },
      },
    }
    this.disk = disk
    this.syncedHardState = disk.hardState
    this.saved = saved
    this.image = saved
    this.node = this.#start()
  }

  // --- Storage ---

  /** The oldest job reaches the disk. */
  writeNextJob(): AppendJob {
    const job = this.jobs.shift()!
    this.#write(job)
    return job
  }

  #write(job: AppendJob): void {
    this.disk.write(job)
    if (job.mustSync) this.syncedHardState = this.disk.hardState
    if (job.snapshot === undefined) return
    this.saved = decodeImage(job.snapshot)
    this.applyQueue.push({ kind: 'install', image: this.saved })
  }

  /** Loses memory and whatever was not synced; some of what was under way may have reached the disk all the same. */
  crash(): CrashDamage {
    this.up = false
    const reached = this.#random.chance(0.5) ? this.#random.below(this.jobs.length + 1) : 0
    for (const job of this.jobs.slice(0, reached)) this.#write(job)
    const torn = this.jobs[reached]
    const isTorn = torn !== undefined && this.#random.chance(0.3)
    if (isTorn) this.#tear(torn)
    const wasLost = this.jobs.length > reached
    if (this.#random.chance(0.5)) this.disk.hardState = this.syncedHardState
    this.jobs = []
    this.applyQueue = []
    return isTorn ? 'torn' : wasLost ? 'lost' : 'none'
  }

  /** A part of a job: first its snapshot, then some of its entries, and not the hard state. */
  #tear(job: AppendJob): void {
    if (job.snapshot !== undefined) {
      if (this.#hooks.snapshotLast === true) {
        this.disk.hardState = this.syncedHardState = job.hardState ?? this.disk.hardState
        return
      }
      if (this.#random.chance(0.5)) return
      this.saved = decodeImage(job.snapshot)
    }
    this.disk.write(job, this.#random.below(job.entries.length + 1), false)
    // Recovery takes a snapshot's record for granted, commit index included; a crash does not undo it.
    if (job.snapshot !== undefined) this.syncedHardState = this.disk.hardState
  }

  /** Restarts from the disk. True when the state machine was saved later than the commit index. */
  restart(): boolean {
    // The state machine may have been saved later than the hard state: what it holds was committed.
    const isAhead = this.disk.hardState.commit < this.saved.applied
    if (isAhead) {
      const raised = new HardState()
      raised.term = this.disk.hardState.term
      raised.vote = this.disk.hardState.vote
      raised.commit = this.saved.applied
      this.disk.hardState = raised
    }
    this.syncedHardState = this.disk.hardState
    this.image = this.saved
    this.incarnation++
    this.up = true
    this.node = this.#start()
    return isAhead
  }

  #start(): RawNode {
    const state: RaftState = {
      hardState: this.disk.hardState,
      compacted: this.disk.compacted,
      entries: [...this.disk.entries],
      applied: this.saved.applied,
      confState: this.saved.confState,
    }
    const recovered = this.#hooks.recovered?.(state) ?? state
    return this.#hooks.makeNode?.(this.config, recovered) ?? new RawNode(this.config, recovered)
  }

  // --- State machine ---

  /** Applies the oldest item; returns the entries that were new. */
  applyNext(): readonly Applied[] {
    const item = this.applyQueue.shift()!
    if (item.kind === 'install') {
      if (item.image.applied > this.image.applied) this.image = item.image
      return []
    }
    const fresh: Applied[] = []
    for (const entry of item.entries) {
      if (entry.index <= this.image.applied) continue
      const before = this.image.confState
      this.#applyEntry(entry)
      fresh.push({ entry, before, after: this.image.confState })
    }
    if (this.#random.chance(0.2) && this.image.applied > this.saved.applied) this.saved = this.image
    this.node.onApplied(item.entries.at(-1)!.index)
    return fresh
  }

  #applyEntry(entry: Entry): void {
    let { confState, removed } = this.image
    const hash = hashEntry(this.image.hash, entry)
    if (entry.type !== EntryType.EntryNormal) {
      const change = decodeConfChange(entry.type, entry.data)!
      // The application's verdict: deterministic, from replicated state only.
      const refused =
        (entry.index % 7 === 0 && !(this.#hooks.forgetsRefusals === true && this.incarnation > 0)) ||
        change.changes.some(({ nodeId }) => removed.includes(nodeId)) ||
        this.node.confChangeError(change, entry.index) !== undefined
      const leaves = change.changes.length === 0
      if (!refused || (leaves && this.node.confChangeError(change, entry.index) === undefined)) {
        const before = allOf(confState)
        confState = this.node.applyConfChange(change, entry.index)
        const after = allOf(confState)
        removed = [...removed, ...before.filter((id) => !after.includes(id))]
      }
    }
    this.image = { applied: entry.index, hash, confState, removed }
  }

  /** Saves the state machine, then drops log entries behind it. */
  compact(keep: number): void {
    if (this.image.applied > this.saved.applied) this.saved = this.image
    const at = toIndex(Math.min(this.image.applied, this.node.applied) - keep)
    if (at <= this.disk.compacted.index) return
    this.node.compact(at)
    this.disk.compact(at)
  }

  #snapshot(): Snapshot | undefined {
    const term = this.node.termAt(this.image.applied)
    if (term === undefined || this.image.applied > this.node.applied || this.#random.chance(0.2)) return undefined
    const snapshot = new Snapshot()
    snapshot.data = encodeImage(this.image)
    snapshot.metadata = new SnapshotMetadata()
    snapshot.metadata.index = this.image.applied
    snapshot.metadata.term = term
    snapshot.metadata.confState = this.image.confState
    return snapshot
  }
}

/** Everyone that a membership names, once. */
export const allOf = (state: ConfState): MemberId[] => [
  ...new Set([...state.voters, ...state.learners, ...state.votersOutgoing, ...state.learnersNext]),
]

export const sameEntry = (a: Entry, b: Entry): boolean =>
  a.index === b.index && a.term === b.term && a.type === b.type && equalBytes(a.data, b.data)
