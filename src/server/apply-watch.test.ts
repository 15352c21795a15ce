import t from 'tap'
import { type Status, Code } from '../env/index.js'
import { MetricsRegistry } from '../http/index.js'
import { etcdserverpb, raftpb } from '../proto/index.js'
import { ApplyWatch } from './apply-watch.js'
import { HandClock, bytes, make, recordingLogger } from './testing.js'

const { InternalRaftRequest, InternalRaftRequestCodec, PutRequest, PutResponse, RequestHeader } = etcdserverpb

const entry = (index: number, key: string): raftpb.Entry => {
  const request = make(InternalRaftRequest, {
    header: make(RequestHeader, { id: BigInt(index) }),
    put: make(PutRequest, { key: bytes(key), value: bytes('secret') }),
  })
  return make(raftpb.Entry, { index: index as never, data: InternalRaftRequestCodec.encode(request) })
}

const world = () => {
  const clock = new HandClock()
  const { logger, lines } = recordingLogger()
  const metrics = new MetricsRegistry()
  let slow = 0
  const watch = new ApplyWatch({ clock, logger, metrics, warningMs: 100, onSlow: () => slow++ })
  const apply = (index: number, tookMs: number, status?: Status): void => {
    clock.advance(tookMs)
    const response = status === undefined ? new PutResponse() : undefined
    watch.onResult(index, { response, status, swept: undefined })
  }
  return { watch, apply, clock, lines, slow: () => slow, text: () => metrics.render() }
}

t.test('the slow request of a batch is named, the others are not', async (t) => {
  const { watch, apply, clock, lines, slow, text } = world()
  watch.onBatch([entry(7, 'a'), entry(8, 'b'), entry(9, 'c')])
  apply(7, 100)
  apply(8, 101)
  apply(9, 1)
  // Time between two batches is nobody's.
  clock.advance(5000)
  watch.onBatch([entry(10, 'd')])
  apply(10, 1)
  t.same(lines, [
    {
      level: 'warn',
      message: 'apply request took too long',
      fields: {
        ...{ took: '101ms', 'expected-duration': '100ms', prefix: '' },
        request: 'header:<ID:8 > put:<key:"b" value_size:6 >',
        response: 'size:0',
      },
    },
  ])
  t.equal(slow(), 1)
  t.match(text(), 'etcd_server_apply_duration_seconds_count{version="v3",op="Put",success="true"} 4')
})

t.test('refused requests are counted and reported as such', async (t) => {
  const { watch, apply, lines, text } = world()
  watch.onBatch([entry(7, 'a')])
  apply(7, 200, { code: Code.notFound, message: 'etcdserver: requested lease not found' })
  t.match(lines[0]?.fields, { response: '', error: 'etcdserver: requested lease not found' })
  t.match(text(), 'etcd_server_apply_duration_seconds_count{version="v3",op="Put",success="false"} 1')
})
