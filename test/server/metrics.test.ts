// The numbers of /metrics after a known history, and the promise about those that stay at zero.
import { get } from 'node:http'
import t from 'tap'
import { unfedReason } from '#src/http/index.js'
import { GrpcClient } from '../support/grpc-client.js'
import { waitFor } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'

const scrape = async (url: string): Promise<Map<string, number>> => {
  const text = await new Promise<string>((resolve, reject) => {
    get(`${url}/metrics`, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => (body += part))
      response.on('end', () => resolve(body))
    }).on('error', reject)
  })
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

const key = (name: string): Buffer => Buffer.from(name)

t.test('what happened is counted exactly', async (t) => {
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate')
  const client = workbench.own(new GrpcClient(server.endpoint))
  const before = await scrape(server.url)
  const watch = client.stream<{ events: unknown[] }>('Watch/Watch')
  watch.send({ create_request: { key: key('a') } })
  await watch.next()
  for (let i = 0; i < 3; i++) await client.call('KV/Put', { key: key('a'), value: key('12345') })
  await client.call('KV/Range', { key: key('a') })
  await client.call('KV/DeleteRange', { key: key('none') })
  const put = { request_put: { key: key('b'), value: key('1') } }
  const isNew = { key: key('b'), target: 'VERSION', result: 'EQUAL', version: 0 }
  await client.call('KV/Txn', { compare: [isNew], success: [put, { request_delete_range: { key: key('a') } }] })
  await client.call('KV/Txn', { success: [{ request_range: { key: key('a') } }, { request_range: { key: key('b') } }] })
  for (let events = 0; events < 4;) events += (await watch.next())?.events.length ?? 0
  await client.call('KV/Compact', { revision: 4, physical: true })
  await client.call('Maintenance/Alarm', { action: 1, memberID: '7', alarm: 1 })
  const after = await waitFor('the compaction', async () => {
    const found = await scrape(server.url)
    return found.get('etcd_debugging_mvcc_db_compaction_keys_total') !== 0 && found
  })
  const grown = (name: string): number => (after.get(name) ?? NaN) - (before.get(name) ?? NaN)
  for (const [name, by] of [
    ['etcd_mvcc_put_total', 4],
    ['etcd_mvcc_delete_total', 2],
    ['etcd_mvcc_range_total', 4],
    ['etcd_debugging_mvcc_range_total', 4],
    ['etcd_mvcc_txn_total', 2],
    ['etcd_debugging_mvcc_total_put_size_in_bytes', 20],
    ['etcd_debugging_mvcc_events_total', 4],
    ['etcd_debugging_mvcc_db_compaction_keys_total', 2],
    ['etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count', 1],
    ['etcd_debugging_mvcc_current_revision', 4],
    ['etcd_debugging_mvcc_watcher_total', 1],
  ] as const) {
    t.equal(grown(name), by, name)
  }
  t.ok(Math.abs((after.get('etcd_debugging_mvcc_db_compaction_last') ?? 0) - Date.now() / 1000) < 60)
  t.equal(after.get('etcd_debugging_server_alarms{server_id="7",alarm_type="NOSPACE"}'), 1)
  t.equal(after.get('etcd_cluster_version{cluster_version="3.7"}'), 1)
  t.equal(after.get('etcd_server_feature_enabled{name="FastLeaseKeepAlive",stage="BETA"}'), 1)
  t.equal(after.get('etcd_server_apply_duration_seconds_count{version="v3",op="Put",success="true"}'), 3)
  t.equal(after.get('etcd_server_request_duration_seconds_count{type="Put",success="true"}'), 3)
  t.equal(after.get('etcd_server_request_duration_seconds_count{type="ReadonlyTxn",success="true"}'), 1)
  await client.call('Maintenance/Alarm', { action: 2, memberID: '7', alarm: 1 })
  const cleared = await scrape(server.url)
  t.equal(cleared.get('etcd_debugging_server_alarms{server_id="7",alarm_type="NOSPACE"}'), 0)
  for (const [name, value] of after) {
    const base = name.replace(/\{.*$/, '').replace(/_(?:bucket|sum|count)$/, '')
    if (unfedReason(base) !== undefined) t.equal(value, 0, `${name} is listed as staying at zero`)
  }
})
