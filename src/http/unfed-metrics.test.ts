import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { STANDARD_METRICS } from './standard-metrics.js'
import { METRICS_MARKER, metricsDocs, unfedReason } from './unfed-metrics.js'

t.test('every reason belongs to a metric that there is', async (t) => {
  const documented = metricsDocs()
  const unfed = [...STANDARD_METRICS.keys()].filter((name) => unfedReason(name) !== undefined)
  for (const name of unfed) t.ok(documented.includes(`| \`${name}\``), name)
  t.equal(documented.split('\n| `').length - 1, unfed.length)
  t.equal(unfedReason('etcd_mvcc_put_total'), undefined)
  t.match(unfedReason('etcd_grpc_proxy_cache_hits_total'), /another program/)
  t.equal(unfedReason('etcd_network_peer_sent_bytes_total'), undefined)
})

t.test('docs/compatibility.md lists the metrics that stay at zero', async (t) => {
  const path = join(import.meta.dirname, '../../docs/compatibility.md')
  const parts = readFileSync(path, 'utf8').split(METRICS_MARKER)
  t.equal(parts.length, 3, 'two markers')
  const generated = `\n${metricsDocs()}`
  if (process.env['UPDATE'] === '1') {
    writeFileSync(path, [parts[0], generated, parts[2]].join(METRICS_MARKER))
    return
  }
  t.equal(parts[1], generated, 'UPDATE=1 rewrites it')
})
