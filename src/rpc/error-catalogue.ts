// Every error that a client of etcd 3.7 can see from the services built here: code and exact text.
// Clients match on the text; our own code compares these objects by identity.

import { Code, type Status } from '../env/index.js'

const status = (code: Code, message: string): Status => Object.freeze({ code, message })
const etcd = (code: Code, text: string): Status => status(code, `etcdserver: ${text}`)

export const errors = Object.freeze({
  // Requests that say too little, too much, or contradict themselves.
  emptyKey: etcd(Code.invalidArgument, 'key is not provided'),
  keyNotFound: etcd(Code.invalidArgument, 'key not found'),
  valueProvided: etcd(Code.invalidArgument, 'value is provided'),
  leaseProvided: etcd(Code.invalidArgument, 'lease is provided'),
  tooManyOps: etcd(Code.invalidArgument, 'too many operations in txn request'),
  duplicateKey: etcd(Code.invalidArgument, 'duplicate key given in txn request'),
  invalidSortOption: etcd(Code.invalidArgument, 'invalid sort option'),
  requestTooLarge: etcd(Code.invalidArgument, 'request is too large'),
  invalidClientApiVersion: etcd(Code.invalidArgument, 'invalid client api version'),
  streamCustomSort: status(Code.unimplemented, 'RangeStream does not support custom sort orders'),
  streamRevisionFilter: status(Code.unimplemented, 'RangeStream does not support revision filters'),

  // The store.
  compacted: etcd(Code.outOfRange, 'mvcc: required revision has been compacted'),
  futureRevision: etcd(Code.outOfRange, 'mvcc: required revision is a future revision'),
  noSpace: etcd(Code.resourceExhausted, 'mvcc: database space exceeded'),
  corrupt: etcd(Code.dataLoss, 'corrupt cluster'),

  // Leases.
  leaseNotFound: etcd(Code.notFound, 'requested lease not found'),
  leaseExists: etcd(Code.failedPrecondition, 'lease already exists'),
  leaseTtlTooLarge: etcd(Code.outOfRange, 'too large lease TTL'),
  /** Not in etcd's table of client errors, hence UNKNOWN on the wire. */
  notPrimaryLessor: status(Code.unknown, 'not a primary lessor'),

  // Members.
  memberNotFound: etcd(Code.notFound, 'member not found'),
  memberExists: etcd(Code.failedPrecondition, 'member ID already exist'),
  peerUrlsExist: etcd(Code.failedPrecondition, 'Peer URLs already exists'),
  tooManyLearners: etcd(Code.failedPrecondition, 'too many learner members in cluster'),
  memberNotLearner: etcd(Code.failedPrecondition, 'can only promote a learner member'),
  notSupportedForLearner: etcd(Code.failedPrecondition, 'rpc not supported for learner'),
  notCapable: etcd(Code.failedPrecondition, 'not capable'),

  // The state of this member and its cluster.
  noLeader: etcd(Code.unavailable, 'no leader'),
  leaderChanged: etcd(Code.unavailable, 'leader changed'),
  stopped: etcd(Code.unavailable, 'server stopped'),
  timeout: etcd(Code.unavailable, 'request timed out'),
  timeoutLeaderFailure: etcd(Code.unavailable, 'request timed out, possibly due to previous leader failure'),
  timeoutConnectionLost: etcd(Code.unavailable, 'request timed out, possibly due to connection lost'),
  timeoutWaitAppliedIndex: etcd(Code.unavailable, 'request timed out, waiting for the applied index took too long'),
  /** The catalogue of etcd says RESOURCE_EXHAUSTED, its wire carries UNKNOWN; clients go by the text. */
  tooManyRequests: etcd(Code.unknown, 'too many requests'),

  // Calls that ended early.
  requestCanceled: etcd(Code.canceled, 'request canceled'),
  watchCanceled: etcd(Code.canceled, 'watch canceled'),
  contextCanceled: status(Code.canceled, 'context canceled'),
  deadlineExceeded: status(Code.deadlineExceeded, 'context deadline exceeded'),
} as const)

/** An internal failure without an entry: UNKNOWN with its plain text, as etcd does. */
export const unmappedError = (error: unknown): Status =>
  status(Code.unknown, error instanceof Error ? error.message : String(error))
