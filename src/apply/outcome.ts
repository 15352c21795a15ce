import type { Status } from '../env/index.js'
import type { etcdserverpb } from '../proto/index.js'

/** Every answer that an applied request can have. */
export type AppliedResponse =
  | etcdserverpb.PutResponse
  | etcdserverpb.DeleteRangeResponse
  | etcdserverpb.TxnResponse
  | etcdserverpb.CompactionResponse
  | etcdserverpb.LeaseGrantResponse
  | etcdserverpb.LeaseRevokeResponse
  | etcdserverpb.LeaseCheckpointResponse
  | etcdserverpb.AlarmResponse

/** What applying one entry gave, for whoever proposed it here. */
export interface ApplyOutcome {
  /** Undefined when `status` is set, and for entries that have no answer (member attributes, versions). */
  readonly response: AppliedResponse | undefined
  readonly status: Status | undefined
  /** Compaction only: settles when the sweep of old revisions has ended. */
  readonly swept: Promise<void> | undefined
}

export const succeeded = (response: AppliedResponse | undefined, swept?: Promise<void>): ApplyOutcome => ({
  response,
  status: undefined,
  swept,
})

export const refused = (status: Status, swept?: Promise<void>): ApplyOutcome => ({ response: undefined, status, swept })
