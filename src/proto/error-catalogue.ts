// Every error a client can see, with the gRPC code and the exact text of etcd 3.7 (api/v3rpc/rpctypes/error.go).
// Clients match on the text; our own code compares these objects by identity.

/** Structurally the `Status` of env/method-table.ts. */
export interface ClientError {
  readonly code: 1 | 2 | 3 | 4 | 5 | 7 | 8 | 9 | 11 | 12 | 13 | 14 | 15 | 16
  readonly message: string
}

const clientError = (code: ClientError['code'], message: string): ClientError => Object.freeze({ code, message })

export const errors = {
  // Requests that say too little, too much, or contradict themselves.
  emptyKey: clientError(3, 'etcdserver: key is not provided'),
  keyNotFound: clientError(3, 'etcdserver: key not found'),
  valueProvided: clientError(3, 'etcdserver: value is provided'),
  leaseProvided: clientError(3, 'etcdserver: lease is provided'),
  tooManyOps: clientError(3, 'etcdserver: too many operations in txn request'),
  duplicateKey: clientError(3, 'etcdserver: duplicate key given in txn request'),
  invalidSortOption: clientError(3, 'etcdserver: invalid sort option'),
  requestTooLarge: clientError(3, 'etcdserver: request is too large'),
  invalidClientApiVersion: clientError(3, 'etcdserver: invalid client api version'),
  streamCustomSort: clientError(12, 'RangeStream does not support custom sort orders'),
  streamRevisionFilter: clientError(12, 'RangeStream does not support revision filters'),

  // The store.
  compacted: clientError(11, 'etcdserver: mvcc: required revision has been compacted'),
  futureRevision: clientError(11, 'etcdserver: mvcc: required revision is a future revision'),
  noSpace: clientError(8, 'etcdserver: mvcc: database space exceeded'),
  corrupt: clientError(15, 'etcdserver: corrupt cluster'),

  // Leases.
  leaseNotFound: clientError(5, 'etcdserver: requested lease not found'),
  leaseExists: clientError(9, 'etcdserver: lease already exists'),
  leaseTtlTooLarge: clientError(11, 'etcdserver: too large lease TTL'),
  /** Not in etcd's table of client errors, hence UNKNOWN on the wire. */
  notPrimaryLessor: clientError(2, 'not a primary lessor'),

  // Members.
  memberNotFound: clientError(5, 'etcdserver: member not found'),
  memberExists: clientError(9, 'etcdserver: member ID already exist'),
  peerUrlsExist: clientError(9, 'etcdserver: Peer URLs already exists'),
  tooManyLearners: clientError(9, 'etcdserver: too many learner members in cluster'),
  memberNotLearner: clientError(9, 'etcdserver: can only promote a learner member'),
  learnerNotReady: clientError(9, 'etcdserver: can only promote a learner member which is in sync with leader'),
  memberBadUrls: clientError(3, 'etcdserver: given member URLs are invalid'),
  /** The catalogue says FAILED_PRECONDITION, the wire of etcd 3.7 carries UNKNOWN; clients go by the text. */
  notEnoughStarted: clientError(2, 'etcdserver: re-configuration failed due to not enough started members'),
  unhealthy: clientError(14, 'etcdserver: unhealthy cluster'),
  notSupportedForLearner: clientError(9, 'etcdserver: rpc not supported for learner'),
  notCapable: clientError(9, 'etcdserver: not capable'),

  // The state of this member and its cluster.
  noLeader: clientError(14, 'etcdserver: no leader'),
  leaderChanged: clientError(14, 'etcdserver: leader changed'),
  notLeader: clientError(9, 'etcdserver: not leader'),
  badLeaderTransferee: clientError(9, 'etcdserver: bad leader transferee'),
  /** Not in etcd's table of client errors, hence UNKNOWN on the wire. */
  timeoutLeaderTransfer: clientError(2, 'etcdserver: request timed out, leader transfer took too long'),
  stopped: clientError(14, 'etcdserver: server stopped'),
  timeout: clientError(14, 'etcdserver: request timed out'),
  timeoutLeaderFailure: clientError(14, 'etcdserver: request timed out, possibly due to previous leader failure'),
  timeoutConnectionLost: clientError(14, 'etcdserver: request timed out, possibly due to connection lost'),
  timeoutWaitAppliedIndex: clientError(
    14,
    'etcdserver: request timed out, waiting for the applied index took too long',
  ),
  /** The catalogue says RESOURCE_EXHAUSTED, the wire of etcd 3.7 carries UNKNOWN; clients go by the text. */
  tooManyRequests: clientError(2, 'etcdserver: too many requests'),
  proposalDropped: clientError(2, 'raft proposal dropped'),

  // Calls that ended early.
  requestCanceled: clientError(1, 'etcdserver: request canceled'),
  watchCanceled: clientError(1, 'etcdserver: watch canceled'),
  contextCanceled: clientError(1, 'context canceled'),
  deadlineExceeded: clientError(4, 'context deadline exceeded'),
} as const
