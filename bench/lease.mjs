// What the lessor costs with many leases. Run after a build: node bench/lease.mjs
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { Lessor } from '#src/lease/index.js'
import { noMetrics } from '#src/env/index.js'

const LEASES = 100_000
const rows = { put: () => undefined, delete: () => undefined }
const lessor = new Lessor({
  minTtlSeconds: 2,
  checkpointIntervalMs: 300_000,
  persistCheckpoints: () => true,
  expiredRetryMs: 7000,
  metrics: noMetrics,
})
const ids = Array.from({ length: LEASES }, (_, i) => BigInt(i + 1) * 0x9e3779b97f4an)

const timed = (name, count, run) => {
  const start = performance.now()
  run()
  const ms = performance.now() - start
  console.log(`${name.padEnd(40)} ${ms.toFixed(1).padStart(8)} ms, ${((ms * 1000) / count).toFixed(2)} us each`)
}

console.log(`Node ${process.version}, ${cpus()[0]?.model}, ${LEASES} leases`)
lessor.promote(0, 0)
timed('grant', LEASES, () => ids.forEach((id, i) => lessor.grant(id, 10 + (i % 600), i, rows)))
timed('attach one key each', LEASES, () => ids.forEach((id, i) => lessor.attach(id, `/key/${i}`)))
timed('renew all', LEASES, () => ids.forEach((id) => lessor.renew(id, 5000)))
timed('list', LEASES, () => lessor.list())
timed('promote', LEASES, () => lessor.promote(100_000, 1000))
timed('expired, one scan of 500', 500, () => lessor.expired(1e9, 500))
timed('due checkpoints, one entry of 1000', 1000, () => lessor.dueCheckpoints(401_000, 1000))
timed('revoke all', LEASES, () => ids.forEach((id) => lessor.revoke(id, rows)))
