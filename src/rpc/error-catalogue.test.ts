import t from 'tap'
import { errors, unmappedError } from './error-catalogue.js'

/** Code and text as clients of etcd 3.7 know them. */
const WIRE: readonly (readonly [keyof typeof errors, number, string])[] = [
  ['emptyKey', 3, 'etcdserver: key is not provided'],
  ['keyNotFound', 3, 'etcdserver: key not found'],
  ['valueProvided', 3, 'etcdserver: value is provided'],
  ['leaseProvided', 3, 'etcdserver: lease is provided'],
  ['tooManyOps', 3, 'etcdserver: too many operations in txn request'],
  ['duplicateKey', 3, 'etcdserver: duplicate key given in txn request'],
  ['invalidSortOption', 3, 'etcdserver: invalid sort option'],
  ['requestTooLarge', 3, 'etcdserver: request is too large'],
  ['invalidClientApiVersion', 3, 'etcdserver: invalid client api version'],
  ['compacted', 11, 'etcdserver: mvcc: required revision has been compacted'],
  ['futureRevision', 11, 'etcdserver: mvcc: required revision is a future revision'],
  ['noSpace', 8, 'etcdserver: mvcc: database space exceeded'],
  // The catalogue of etcd has 8 here, its wire 2.
  ['tooManyRequests', 2, 'etcdserver: too many requests'],
  ['leaseNotFound', 5, 'etcdserver: requested lease not found'],
  ['leaseExists', 9, 'etcdserver: lease already exists'],
  ['leaseTtlTooLarge', 11, 'etcdserver: too large lease TTL'],
  ['streamCustomSort', 12, 'RangeStream does not support custom sort orders'],
  ['streamRevisionFilter', 12, 'RangeStream does not support revision filters'],
  ['watchCanceled', 1, 'etcdserver: watch canceled'],
  ['requestCanceled', 1, 'etcdserver: request canceled'],
  ['noLeader', 14, 'etcdserver: no leader'],
  ['leaderChanged', 14, 'etcdserver: leader changed'],
  ['timeout', 14, 'etcdserver: request timed out'],
  ['timeoutLeaderFailure', 14, 'etcdserver: request timed out, possibly due to previous leader failure'],
  ['timeoutConnectionLost', 14, 'etcdserver: request timed out, possibly due to connection lost'],
  ['timeoutWaitAppliedIndex', 14, 'etcdserver: request timed out, waiting for the applied index took too long'],
  ['stopped', 14, 'etcdserver: server stopped'],
  ['notCapable', 9, 'etcdserver: not capable'],
  ['notSupportedForLearner', 9, 'etcdserver: rpc not supported for learner'],
  ['corrupt', 15, 'etcdserver: corrupt cluster'],
  ['notPrimaryLessor', 2, 'not a primary lessor'],
  ['memberNotFound', 5, 'etcdserver: member not found'],
  ['memberExists', 9, 'etcdserver: member ID already exist'],
  ['peerUrlsExist', 9, 'etcdserver: Peer URLs already exists'],
  ['tooManyLearners', 9, 'etcdserver: too many learner members in cluster'],
  ['memberNotLearner', 9, 'etcdserver: can only promote a learner member'],
  ['learnerNotReady', 9, 'etcdserver: can only promote a learner member which is in sync with leader'],
  ['memberBadUrls', 3, 'etcdserver: given member URLs are invalid'],
  // The catalogue of etcd has 9 here, its wire 2.
  ['notEnoughStarted', 2, 'etcdserver: re-configuration failed due to not enough started members'],
  ['unhealthy', 14, 'etcdserver: unhealthy cluster'],
  ['notLeader', 9, 'etcdserver: not leader'],
  ['badLeaderTransferee', 9, 'etcdserver: bad leader transferee'],
  ['timeoutLeaderTransfer', 2, 'etcdserver: request timed out, leader transfer took too long'],
  ['contextCanceled', 1, 'context canceled'],
  ['deadlineExceeded', 4, 'context deadline exceeded'],
]

t.test('codes and texts are those on the wire of etcd 3.7', async (t) => {
  for (const [name, code, message] of WIRE) t.strictSame({ ...errors[name] }, { code, message }, name)
})

t.test('every error has a text of its own and never changes', async (t) => {
  const all = Object.values(errors)
  t.equal(new Set(all.map(({ message }) => message)).size, all.length)
  for (const error of all) t.ok(Object.isFrozen(error), error.message)
})

t.test('an internal failure is UNKNOWN with its plain text', async (t) => {
  t.strictSame({ ...unmappedError(new Error('disk on fire')) }, { code: 2, message: 'disk on fire' })
  t.strictSame({ ...unmappedError('odd') }, { code: 2, message: 'odd' })
})
