// Random and mutated request bytes on every unary method: the server stays healthy, and when a whole round was refused the
// store is as it was. REQUESTS=100000 for a long run, SEED to replay one.
import { status } from '@grpc/grpc-js'
import t from 'tap'
import { GrpcClient, encodeRequest } from '../support/grpc-client.js'
import { SeededRandom } from '../support/random.js'
import { Workbench } from '../support/workbench.js'

const requests = Number(process.env.REQUESTS ?? 10_000)
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const IN_FLIGHT = 32
/** Raise the shortest lease to more than a minute: none may expire, and so change the store, during a round. */
const FLAGS = ['--heartbeat-interval=10000', '--election-timeout=50000']

/** Well-formed requests to start from; each is refused or harmless as it is. */
const SEEDS: readonly (readonly [string, object])[] = [
  ['KV/Range', { key: Buffer.from('a'), range_end: Buffer.from('z'), limit: 3, sort_order: 1, sort_target: 2 }],
  ['KV/Put', { key: Buffer.from('a'), value: Buffer.from('v'), lease: '77', prev_kv: true }],
  ['KV/DeleteRange', { key: Buffer.from('none'), range_end: Buffer.from('none2'), prev_kv: true }],
  [
    'KV/Txn',
    {
      compare: [{ key: Buffer.from('a'), target: 1, create_revision: '1' }],
      success: [{ request_put: { key: Buffer.from('b'), lease: '78' } }],
      failure: [{ request_txn: { success: [{ request_range: { key: Buffer.from('a'), revision: '999' } }] } }],
    },
  ],
  ['KV/Compact', { revision: '999999' }],
  ['Lease/LeaseGrant', { ID: '7', TTL: 100 }],
  ['Lease/LeaseRevoke', { ID: '79' }],
  ['Lease/LeaseTimeToLive', { ID: '7', keys: true }],
  ['Lease/LeaseLeases', {}],
  ['Cluster/MemberList', { linearizable: true }],
  ['Maintenance/Status', {}],
  ['Maintenance/HashKV', { revision: '1' }],
  ['Maintenance/Alarm', { action: 0, memberID: '5', alarm: 1 }],
]
/** Codes of a request that had no effect. */
const REFUSED = new Set([
  status.INVALID_ARGUMENT,
  status.INTERNAL,
  status.NOT_FOUND,
  status.OUT_OF_RANGE,
  status.FAILED_PRECONDITION,
  status.RESOURCE_EXHAUSTED,
])
/** Never, whatever is asked. */
const FORBIDDEN = new Set([status.UNKNOWN, status.UNAVAILABLE, status.DATA_LOSS, status.DEADLINE_EXCEEDED])

const WRITES = new Set(['KV/Put', 'KV/DeleteRange', 'KV/Txn', 'KV/Compact', 'Lease/LeaseRevoke'])

const mutate = (random: SeededRandom, bytes: Buffer): Buffer => {
  if (random.chance(10)) return random.bytes(random.below(200))
  const copy = Buffer.from(bytes)
  for (let n = 1 + random.below(4); n > 0 && copy.length > 0; n--) {
    copy[random.below(copy.length)] = random.below(256)
  }
  if (random.chance(20)) return copy.subarray(0, random.below(copy.length + 1))
  if (random.chance(20)) return Buffer.concat([copy, random.bytes(random.below(20))])
  return copy
}

t.setTimeout(10 * 60_000)

t.test('mutated requests never harm the server', async (t) => {
  t.comment(`note: ${requests} requests, SEED=${seed}`)
  const random = new SeededRandom(seed)
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate', { flags: FLAGS })
  const client = workbench.own(new GrpcClient(server.endpoint))
  await client.call('KV/Put', { key: Buffer.from('a'), value: Buffer.from('v') })
  const encoded = SEEDS.map(([method, request]) => [method, encodeRequest(method, request)] as const)
  const hash = async (): Promise<number> => (await client.call<{ hash: number }>('Maintenance/HashKV')).hash

  const forbidden: string[] = []
  let refusedRounds = 0
  for (let sent = 0; sent < requests; sent += IN_FLIGHT) {
    const round = Array.from({ length: IN_FLIGHT }, () => {
      const [method, bytes] = random.pick(encoded)
      return { method, bytes: mutate(random, bytes) }
    })
    const before = await hash()
    const outcomes = await Promise.all(round.map(({ method, bytes }) => client.raw(method, bytes)))
    outcomes.forEach((outcome, i) => {
      const { method, bytes } = round[i]!
      if (outcome.ok || !FORBIDDEN.has(outcome.failure.code)) return
      forbidden.push(`${method} ${bytes.toString('hex')}: ${outcome.failure.message}`)
    })
    const wrote = outcomes.some((outcome, i) =>
      outcome.ok ? WRITES.has(round[i]!.method) : !REFUSED.has(outcome.failure.code),
    )
    if (wrote) continue
    refusedRounds++
    t.equal(await hash(), before, `a round of refused requests changes nothing, SEED=${seed}`)
  }
  t.same(forbidden.slice(0, 5), [], 'no answer that means a broken server')
  t.comment(`note: ${refusedRounds} rounds of ${IN_FLIGHT} were refused whole and changed nothing`)
  // A mutated request may have raised an alarm, as it may have written a key.
  const { alarms } = await client.call<{ alarms: { memberID: string; alarm: string }[] }>('Maintenance/Alarm', {
    action: 0,
  })
  for (const { memberID, alarm } of alarms) await client.call('Maintenance/Alarm', { action: 2, memberID, alarm })
  await client.call('KV/Put', { key: Buffer.from('end'), value: Buffer.from('v') })
  const { kvs } = await client.call<{ kvs: { value: Buffer }[] }>('KV/Range', { key: Buffer.from('end') })
  t.equal(kvs[0]?.value.toString(), 'v', 'the server works as before')
  t.equal(server.running, true)
})

t.test('what only refused requests say changes nothing', async (t) => {
  const random = new SeededRandom(seed + 1)
  const workbench = new Workbench(t)
  const server = await workbench.start('quorate', { flags: FLAGS })
  const client = workbench.own(new GrpcClient(server.endpoint))
  await client.call('KV/Put', { key: Buffer.from('a'), value: Buffer.from('v') })
  const before = await client.call<{ hash: number; header: { revision: string } }>('Maintenance/HashKV')
  // Refused whatever follows: a length beyond the end, a field number of zero, and an empty or unfinished key.
  const broken = [Buffer.from([0x0a, 0xff, 0x7f]), Buffer.from([0x00, 0x01]), Buffer.from([0x0a])]
  let accepted = 0
  for (let i = 0; i < requests / 10; i += IN_FLIGHT) {
    const outcomes = await Promise.all(
      Array.from({ length: IN_FLIGHT }, () =>
        client.raw(random.pick([...WRITES]), Buffer.concat([random.pick(broken), random.bytes(random.below(2))])),
      ),
    )
    accepted += outcomes.filter((outcome) => outcome.ok).length
  }
  const after = await client.call<{ hash: number; header: { revision: string } }>('Maintenance/HashKV')
  t.equal(accepted, 0)
  t.equal(after.hash, before.hash)
  t.equal(after.header.revision, before.header.revision)
})
