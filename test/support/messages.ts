// The messages that tests read, as GrpcClient decodes them: 64-bit integers are decimal strings.

export interface Header {
  cluster_id: string
  member_id: string
  revision: string
  raft_term: string
}

export interface KeyValue {
  key: Buffer
  create_revision: string
  mod_revision: string
  version: string
  value: Buffer
  lease: string
}

export interface RangeResponse {
  header: Header
  kvs: KeyValue[]
  more: boolean
  count: string
}

export interface RangeStreamResponse {
  range_response: RangeResponse
}

export interface PutResponse {
  header: Header
  prev_kv: KeyValue | null
}

export interface DeleteRangeResponse {
  header: Header
  deleted: string
  prev_kvs: KeyValue[]
}

export interface ResponseOp {
  response_range?: RangeResponse
  response_put?: PutResponse
  response_delete_range?: DeleteRangeResponse
  response_txn?: TxnResponse
  response?: string
}

export interface TxnResponse {
  header: Header
  succeeded: boolean
  responses: ResponseOp[]
}

export interface CompactionResponse {
  header: Header
}

export interface HashKVResponse {
  header: Header
  hash: number
  compact_revision: string
  hash_revision: string
}

export interface LeaseGrantResponse {
  header: Header
  ID: string
  TTL: string
  error: string
}

export interface LeaseKeepAliveResponse {
  header: Header
  ID: string
  TTL: string
}

export interface LeaseTimeToLiveResponse {
  header: Header
  ID: string
  TTL: string
  grantedTTL: string
  keys: Buffer[]
}

export interface LeaseLeasesResponse {
  header: Header
  leases: { ID: string }[]
}

export interface Event {
  /** 0 is a put, 1 a delete. */
  type: number
  kv: KeyValue
  prev_kv: KeyValue | null
}

export interface WatchResponse {
  header: Header
  watch_id: string
  created: boolean
  canceled: boolean
  compact_revision: string
  cancel_reason: string
  fragment: boolean
  events: Event[]
}

export interface StatusResponse {
  header: Header
  version: string
  dbSize: string
  dbSizeInUse: string
  leader: string
  raftIndex: string
  raftTerm: string
  raftAppliedIndex: string
  errors: string[]
  isLearner: boolean
}
