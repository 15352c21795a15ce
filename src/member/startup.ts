// What a member begins with: consensus and the retention of its log, as the log and the backend left them.

import { NO_INDEX, NO_TERM } from '../base/index.js'
import { DEFAULT_LIMITS, RawNode, type RaftConfig } from '../raft/index.js'
import { recoveredCommit } from './bootstrap.js'
import { LogRetention } from './log-retention.js'
import { type MemberOptions, type MemberParts, confStateOf } from './member-parts.js'

/** Bytes of entries handed to one apply turn: about 200 small writes, a few milliseconds. */
const APPLY_TURN_BYTES = 64 * 1024
/** Bytes of applied entries kept in memory for members that lag a little. */
const CATCH_UP_BYTES_MAX = 128 * 1024 * 1024
/** The same while a member gets a snapshot: it will need what follows. */
const HELD_BYTES_MAX = 4 * CATCH_UP_BYTES_MAX

/** Applied is where the backend is; the membership is that of the same place. */
export function startNode(
  { started, applied, membership, random }: MemberParts,
  options: MemberOptions,
  snapshotSource: RaftConfig['snapshotSource'],
): RawNode {
  const { recovered } = started
  return new RawNode(
    {
      id: started.memberId,
      electionTicks: options.electionTicks,
      heartbeatTicks: 1,
      preVote: options.preVote,
      checkQuorum: true,
      ...DEFAULT_LIMITS,
      maxCommittedBytesPerReady: APPLY_TURN_BYTES,
      stepDownOnRemoval: false,
      random,
      snapshotSource,
    },
    {
      hardState: { ...recovered.hardState, commit: recoveredCommit(recovered, applied.index) },
      compacted: { index: recovered.snapshot?.index ?? NO_INDEX, term: recovered.snapshot?.term ?? NO_TERM },
      entries: recovered.entries,
      applied: applied.index,
      confState: confStateOf(membership),
    },
  )
}

export function startRetention({ started, applied }: MemberParts, { snapshot }: MemberOptions): LogRetention {
  const { recovered } = started
  const retention = new LogRetention({
    entriesMax: snapshot.catchUpEntries,
    bytesMax: CATCH_UP_BYTES_MAX,
    heldBytesMax: HELD_BYTES_MAX,
    after: recovered.snapshot?.index ?? NO_INDEX,
  })
  retention.note(recovered.entries.filter(({ index }) => index <= applied.index))
  return retention
}
