import t from 'tap'
import { errors, etcdserverpb, mvccpb } from '../proto/index.js'
import { RangeChunks, RangeStream, nextChunkKeys } from './range-stream.js'
import { FakeMember, ManualClock, StreamProbe, bytes, make } from './testing.js'

const { RangeRequest } = etcdserverpb

const all = (fields: Partial<etcdserverpb.RangeRequest> = {}): etcdserverpb.RangeRequest =>
  make(RangeRequest, { key: bytes('\0'), rangeEnd: bytes('\0'), serializable: true, ...fields })

interface Running {
  readonly member: FakeMember
  readonly clock: ManualClock
  readonly call: StreamProbe<etcdserverpb.RangeStreamResponse>
  readonly stream: RangeStream
}

function start(member: FakeMember, request: etcdserverpb.RangeRequest, room = Infinity, targetBytes = 1000): Running {
  const clock = new ManualClock()
  const call = new StreamProbe<etcdserverpb.RangeStreamResponse>()
  call.room = room
  const stream = new RangeStream({ member, clock, requestBytesMax: targetBytes }, call)
  stream.onMessage(request)
  stream.onHalfClose()
  return { member, clock, call, stream }
}

const filled = (keys: number, valueBytes = 1): FakeMember => {
  const member = new FakeMember()
  for (let i = 0; i < keys; i++) member.put(`k${String(i).padStart(4, '0')}`, 'v'.repeat(valueBytes))
  return member
}

const keysOf = (kvs: readonly Uint8Array[]): string[] =>
  kvs.map((kv) => Buffer.from(mvccpb.KeyValueCodec.decode(kv).key).toString())

/** Merges messages as protobuf does: repeated fields follow each other, the last set scalar wins. */
function merged({ sent }: StreamProbe<etcdserverpb.RangeStreamResponse>): etcdserverpb.RangeResponse {
  const result = new etcdserverpb.RangeResponse()
  for (const { rangeResponse } of sent) {
    result.kvs.push(...rangeResponse!.kvs)
    if (rangeResponse!.header !== undefined) result.header = rangeResponse!.header
    if (rangeResponse!.more) result.more = true
    if (rangeResponse!.count !== 0) result.count = rangeResponse!.count
  }
  return result
}

function wholeRange(member: FakeMember, request: etcdserverpb.RangeRequest): etcdserverpb.RangeResponse {
  let answer: etcdserverpb.RangeResponse | undefined
  member.range(request, { onResult: (r) => (answer = r), onFailed: () => undefined })
  answer!.header = member.completeHeader(answer!.header!, answer!.header!.revision)
  return answer!
}

t.test('25 small pairs come in pieces that grow', async (t) => {
  const { call, clock, member } = start(filled(25), all())
  t.equal(call.sent.length, 1, 'the next piece waits for its turn')
  clock.settle()
  t.same(
    call.sent.map(({ rangeResponse }) => rangeResponse!.kvs.length),
    [10, 15],
  )
  t.equal(call.ended, true)
  t.equal(call.status, undefined)
  const [first, last] = call.sent.map(({ rangeResponse }) => rangeResponse!)
  t.match(first, { header: undefined, more: false, count: 0 })
  t.match(last, { more: false, count: 25 })
  t.same(last!.header, member.header(26))
})

t.test('the messages together are what Range answers', async (t) => {
  const member = filled(100, 30)
  member.remove('k0007')
  for (const fields of [
    {},
    { limit: 1 },
    { limit: 9 },
    { limit: 10 },
    { limit: 11 },
    { limit: 99 },
    { limit: 100 },
    { limit: -4 },
    { revision: 50 },
    { revision: 1 },
    { countOnly: true },
    { countOnly: true, limit: 3 },
    { key: bytes('k0003'), rangeEnd: bytes('') },
    { key: bytes('nothing'), rangeEnd: bytes('') },
    { key: bytes('k0050'), rangeEnd: bytes('k0020') },
    { key: bytes('k002'), rangeEnd: bytes('k003') },
    { sortOrder: 1 },
  ]) {
    const { call, clock } = start(member, all(fields))
    clock.settle()
    t.same(merged(call), wholeRange(member, all(fields)), JSON.stringify(fields))
    t.equal(call.ended, true)
    t.equal(call.sent.filter(({ rangeResponse }) => rangeResponse!.header !== undefined).length, 1)
  }
})

t.test('a negative limit gives one message, count only too', async (t) => {
  t.equal(start(filled(50), all({ limit: -1 })).call.sent.length, 1)
  const { call } = start(filled(50), all({ countOnly: true }))
  t.match(call.sent, [{ rangeResponse: { kvs: [], count: 50 } }])
  t.equal(start(new FakeMember(), all()).call.sent.length, 1, 'and so does nothing at all')
})

t.test('writes between pieces are not seen', async (t) => {
  const { call, clock, member } = start(filled(25), all())
  member.put('k0000a', 'new')
  member.put('k0020a', 'new')
  member.remove('k0024')
  clock.settle()
  const result = merged(call)
  t.equal(result.kvs.length, 25)
  t.notOk(keysOf(result.kvs).includes('k0020a'))
  t.match(result, { count: 25, header: { revision: 26 } })
})

t.test('an older revision is answered with the current one in the header', async (t) => {
  const { call, clock } = start(filled(25), all({ revision: 20 }))
  clock.settle()
  t.match(merged(call), { count: 19, header: { revision: 26 } })
})

t.test('a compaction that passes the revision ends the stream after partial data', async (t) => {
  const { call, clock, member } = start(filled(25), all())
  member.put('more', '')
  member.compactRevision = member.revision
  clock.settle()
  t.equal(call.sent.length, 1)
  t.equal(call.status, errors.compacted)
})

t.test('a revision that is gone or not there yet', async (t) => {
  const member = filled(5)
  member.compactRevision = 4
  t.equal(start(member, all({ revision: 3 })).call.status, errors.compacted)
  t.equal(start(member, all({ revision: 7 })).call.status, errors.futureRevision)
})

t.test('no more is read while the client does not take what was sent', async (t) => {
  const { call, clock, member, stream } = start(filled(200), all(), 1)
  clock.settle()
  t.equal(call.sent.length, 1)
  t.equal(member.reads.length, 1)
  call.room = 2
  stream.onDrain()
  clock.settle()
  t.equal(call.sent.length, 3)
  call.room = Infinity
  stream.onDrain()
  clock.settle()
  t.equal(merged(call).kvs.length, 200)
  t.equal(call.ended, true)
  stream.onDrain()
  t.equal(call.sent.length, member.reads.length, 'a drain after the end asks for nothing')
})

t.test('a client that leaves is not read for any more', async (t) => {
  const { clock, member, stream } = start(filled(200), all())
  stream.onCancel('canceled')
  clock.settle()
  t.equal(member.reads.length, 1)
})

t.test('one barrier before the first piece, unless serializable', async (t) => {
  const member = filled(25)
  member.barriers = []
  const { call, clock } = start(member, all({ serializable: false }))
  t.equal(member.reads.length, 0)
  t.equal(member.barriers.length, 1)
  member.barriers[0]!.onReady()
  clock.settle()
  t.equal(member.barriers.length, 1)
  t.equal(merged(call).kvs.length, 25)
  member.barrierFailure = errors.timeout
  t.equal(start(member, all({ serializable: false })).call.status, errors.timeout)
})

t.test('refused before anything is read', async (t) => {
  const member = filled(1)
  t.equal(start(member, all({ key: bytes('') })).call.status, errors.emptyKey)
  t.equal(start(member, all({ sortOrder: 2 })).call.status, errors.streamCustomSort)
  t.equal(start(member, all({ minModRevision: 3 })).call.status, errors.streamRevisionFilter)
  t.equal(member.reads.length, 0)
})

t.test('pieces double, halve and stay at one key at least', async (t) => {
  const cases = [
    [10, 499, 20],
    [10, 500, 10],
    [10, 2000, 10],
    [10, 2001, 5],
    [1, 9999, 1],
    [3, 9999, 1],
  ] as const
  for (const [keys, sizeBytes, expected] of cases) t.equal(nextChunkKeys(keys, sizeBytes, 1000), expected)
})

t.test('one oversized value is a piece of its own', async (t) => {
  const { call, clock } = start(filled(12, 4000), all(), Infinity, 1000)
  clock.settle()
  t.same(
    call.sent.map(({ rangeResponse }) => rangeResponse!.kvs.length),
    [10, 2],
  )
  const long = start(filled(40, 4000), all(), Infinity, 1000)
  long.clock.settle()
  t.same(
    long.call.sent.slice(0, 5).map(({ rangeResponse }) => rangeResponse!.kvs.length),
    [10, 5, 2, 1, 1],
  )
})

t.test('a limit is never exceeded', async (t) => {
  const chunks = new RangeChunks(all({ limit: 25 }), 1_000_000)
  const member = filled(100)
  const limits: number[] = []
  while (!chunks.done) {
    const request = chunks.nextRequest()
    limits.push(request.limit)
    member.range(request, { onResult: (r) => void chunks.take(r), onFailed: () => undefined })
  }
  t.same(limits, [10, 15])
})
