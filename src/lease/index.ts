export * from './lessor.js'
export * from './outcomes.js'
export { leaseRowKey } from './lease-row.js'
