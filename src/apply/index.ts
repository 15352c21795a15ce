export { AlarmSet } from './alarms.js'
export { type ConfigDecision } from './config-changes.js'
export { Membership } from './membership.js'
export {
  type AppliedPoint,
  CONSISTENT_INDEX,
  type CollectedBatch,
  RowBuffer,
  collectBatch,
  readAppliedPoint,
} from './applied-point.js'
export * from './outcome.js'
export { costOf, costOfLeaseGrant, costOfPut, costOfTxn } from './quota.js'
export * from './state-machine.js'
export { type TxnPath, choosePath } from './compare.js'
export { rangeAnswer, rangeQuery, rangeResponse } from './read-view.js'
export { checkRevision, headerAt } from './txn.js'
