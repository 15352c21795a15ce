// How a member comes to life: a new log with the initial configuration, or recovery from the log of an earlier run.

import {
  type ClusterId,
  type Index,
  type MemberId,
  NO_INDEX,
  NO_MEMBER,
  NO_TERM,
  hexId,
  index,
  term,
} from '../base/index.js'
import type { LogEntry, LogHardState, LogProvider, LogStorage, PeerEndpoint, RecoveredLog } from '../env/index.js'
import { type MemberRecord, computeClusterId, computeMemberId, encodeMemberJson, raftpb } from '../proto/index.js'

export interface InitialMember {
  readonly name: string
  readonly peerUrls: readonly string[]
}

/** What a member without a log begins as. */
export type FirstStart =
  | {
      readonly kind: 'new'
      readonly initial: readonly InitialMember[]
      readonly ownName: string
      readonly token: string
    }
  /** A member that was added to a running cluster: others send it everything, its own addition included. */
  | {
      readonly kind: 'join'
      readonly memberId: MemberId
      readonly clusterId: ClusterId
      readonly remotes: readonly PeerEndpoint[]
    }

export interface Started {
  readonly memberId: MemberId
  readonly clusterId: ClusterId
  readonly log: LogStorage
  readonly recovered: RecoveredLog
  readonly isNew: boolean
  /** Whom a joining member can reach before its log tells it. */
  readonly remotes: readonly PeerEndpoint[]
}

/** The initial configuration cannot be started from. The message is etcd's. */
export class BootstrapFailed extends Error {
  override readonly name = 'BootstrapFailed'
}

/**
 * Opens the log. When there is none it is created: for a new cluster with one AddNode entry per initial member
 * (etcd-io/raft bootstrap.go: the entries are committed from the start, in term 1, in the order of the member ids), for a
 * joining member without any entry. A crash between creation and the entries of a new cluster leaves a log in which nothing
 * is committed: it is then completed.
 */
export async function startLog(provider: LogProvider, start: FirstStart): Promise<Started> {
  if (!(await provider.exists())) return create(provider, start)
  const { log, recovered } = await provider.open()
  const { memberId, clusterId, snapshot, hardState } = recovered
  const remotes = start.kind === 'join' ? start.remotes : []
  const opened: Started = { memberId, clusterId, log, recovered, isNew: false, remotes }
  if (start.kind === 'join' || snapshot !== undefined || hardState.commit > 0) return opened
  try {
    const first = firstEntries(start)
    if (first.memberId !== memberId || first.clusterId !== clusterId) {
      throw new BootstrapFailed(
        `the log of member ${hexId(memberId)} in cluster ${hexId(clusterId)} was never completed, and the initial ` +
          `configuration now names member ${hexId(first.memberId)} in cluster ${hexId(first.clusterId)}`,
      )
    }
    return await bootstrap(log, first)
  } catch (error) {
    await log.close()
    throw error
  }
}

async function create(provider: LogProvider, start: FirstStart): Promise<Started> {
  if (start.kind === 'new') {
    const first = firstEntries(start)
    return bootstrap(await provider.create(first), first)
  }
  const { memberId, clusterId, remotes } = start
  const log = await provider.create({ memberId, clusterId })
  const hardState: LogHardState = { term: NO_TERM, vote: NO_MEMBER, commit: NO_INDEX }
  const recovered: RecoveredLog = { memberId, clusterId, hardState, snapshot: undefined, entries: [] }
  return { memberId, clusterId, log, recovered, isNew: true, remotes }
}

interface FirstEntries {
  readonly memberId: MemberId
  readonly clusterId: ClusterId
  readonly entries: readonly LogEntry[]
}

function firstEntries({ initial, ownName, token }: FirstStart & { kind: 'new' }): FirstEntries {
  const members = initialMembers(initial, token)
  const own = members.find((member) => member.name === ownName)
  if (own === undefined) {
    throw new BootstrapFailed(`couldn't find local name "${ownName}" in the initial cluster configuration`)
  }
  const clusterId = computeClusterId(members.map((member) => member.id))
  return { memberId: own.id, clusterId, entries: members.map(bootstrapEntry) }
}

async function bootstrap(log: LogStorage, { memberId, clusterId, entries }: FirstEntries): Promise<Started> {
  const hardState: LogHardState = { term: term(1), vote: NO_MEMBER, commit: index(entries.length) }
  await log.append(hardState, entries)
  const recovered: RecoveredLog = { memberId, clusterId, hardState, snapshot: undefined, entries }
  return { memberId, clusterId, log, recovered, isNew: true, remotes: [] }
}

export function initialMembers(initial: readonly InitialMember[], token: string): MemberRecord[] {
  const members = initial.map(({ name, peerUrls }) => ({
    id: computeMemberId(peerUrls, token),
    peerUrls: [...peerUrls].sort(),
    isLearner: false,
    name,
    clientUrls: [],
  }))
  members.sort((a, b) => (a.id < b.id ? -1 : 1))
  for (const [i, member] of members.entries()) {
    if (members[i + 1]?.id === member.id) {
      throw new BootstrapFailed(`member exists with identical ID ${encodeMemberJson(member)}`)
    }
  }
  return members
}

/**
 * The commit index to go on with. It is not synced when it moves alone, so after a crash the state machine may be ahead of
 * it; what was applied was committed (reference: raft restart rules).
 */
export function recoveredCommit(recovered: RecoveredLog, applied: Index): Index {
  const last = recovered.entries.at(-1)?.index ?? recovered.snapshot?.index ?? index(0)
  return index(Math.max(recovered.hardState.commit, Math.min(applied, last)))
}

function bootstrapEntry(member: MemberRecord, position: number): LogEntry {
  const change = new raftpb.ConfChange()
  change.type = raftpb.ConfChangeType.ConfChangeAddNode
  change.nodeId = member.id
  change.context = Buffer.from(encodeMemberJson(member))
  const entry = new raftpb.Entry()
  entry.type = raftpb.EntryType.EntryConfChange
  entry.term = term(1)
  entry.index = index(position + 1)
  entry.data = raftpb.ConfChangeCodec.encode(change)
  return entry
}
