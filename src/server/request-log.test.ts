import t from 'tap'
import { Code } from '../env/index.js'
import { MetricsRegistry } from '../http/index.js'
import { etcdserverpb } from '../proto/index.js'
import { RequestLog } from './request-log.js'
import { HandClock, bytes, make, recordingLogger } from './testing.js'

const { KVService, PutRequest, PutResponse, RangeRequest, RangeResponse, RequestOp, TxnRequest, TxnResponse } =
  etcdserverpb

const FAILED = { code: Code.unavailable, message: 'etcdserver: no leader' }

const world = (options: { debug?: boolean } = {}) => {
  const clock = new HandClock()
  const { logger, lines } = recordingLogger(options.debug)
  const metrics = new MetricsRegistry()
  let slowReads = 0
  const log = new RequestLog({
    ...{ clock, logger, metrics, warningUnaryMs: 300, warningApplyMs: 100 },
    onSlowRead: () => slowReads++,
  })
  const service = KVService.name
  const watches = new Map(
    ['Range', 'Put', 'Txn'].map((method) => [method, log.watch({ service, method, kind: 'unary' })]),
  )
  let decoded = 0
  const call = (name: string, request: object, tookMs: number, answer?: object): void => {
    const startedMs = clock.monotonicMs()
    const watcher = watches.get(name)!(request)
    clock.advance(tookMs)
    const decodeRequest = (): object => {
      decoded++
      return request
    }
    const status = answer === undefined ? FAILED : undefined
    watcher.answered({ peer: '127.0.0.1:5', startedMs, decodeRequest }, answer, status)
  }
  return { call, lines, decoded: () => decoded, render: () => metrics.render(), slowReads: () => slowReads }
}

const put = make(PutRequest, { key: bytes('k'), value: bytes('value') })
const rangeOp = make(RequestOp, { requestRange: make(RangeRequest, { key: bytes('k') }) })

t.test('fast calls leave nothing but counts, and their requests are not decoded again', async (t) => {
  const { call, lines, decoded, render } = world()
  call('Put', put, 300, new PutResponse())
  call('Put', put, 2)
  t.same(lines, [])
  t.equal(decoded(), 0)
  const text = render()
  t.match(text, 'etcd_server_request_duration_seconds_count{type="Put",success="true"} 1')
  t.match(text, 'etcd_server_request_duration_seconds_sum{type="Put",success="true"} 0.3')
  t.match(text, 'etcd_server_request_duration_seconds_count{type="Put",success="false"} 1')
})

t.test('a slow call is reported with what its kind counts', async (t) => {
  const txn = make(TxnRequest, { failure: [make(RequestOp, { requestPut: put }), rangeOp] })
  const cases: [string, object, object | undefined, object][] = [
    [
      'Put',
      put,
      new PutResponse(),
      {
        ...{ 'request count': 1, 'request size': 10, 'response count': 0, 'response size': 0 },
        'request content': 'key:"k" value_size:5 ',
      },
    ],
    [
      'Range',
      make(RangeRequest, { key: bytes('k') }),
      make(RangeResponse, { count: 12, kvs: [bytes('xx')] }),
      {
        ...{ 'request count': 0, 'request size': 3, 'response count': 12, 'response size': 6 },
        'request content': 'key:"k" ',
      },
    ],
    ['Txn', txn, new TxnResponse(), { 'request count': 2, 'response count': 0, 'response size': 0 }],
    [
      'Put',
      put,
      undefined,
      {
        ...{ 'request count': -1, 'request size': -1, 'response count': -1, 'response size': -1 },
        'request content': '',
      },
    ],
  ]
  for (const [name, request, answer, fields] of cases) {
    const { call, lines } = world()
    call(name, request, 301, answer)
    const stats = lines.find(({ message }) => message === 'request stats')
    t.match(stats, {
      level: 'warn',
      fields: {
        'start time': '2030-01-01T00:00:01.000Z',
        'time spent': '301ms',
        remote: '127.0.0.1:5',
        'response type': `/etcdserverpb.KV/${name}`,
        ...fields,
      },
    })
  }
})

t.test('with debug lines every call is reported', async (t) => {
  const { call, lines } = world({ debug: true })
  call('Put', put, 1, new PutResponse())
  t.match(lines, [{ level: 'debug', message: 'request stats', fields: { 'time spent': '1ms' } }])
})

t.test('slow reads count as slow applies; slow writes are reported where they are applied', async (t) => {
  const { call, lines, slowReads, render } = world()
  const range = make(RangeRequest, { key: bytes('k') })
  call('Range', range, 100, new RangeResponse())
  call('Put', put, 150, new PutResponse())
  t.same(lines, [])
  call('Range', range, 101, make(RangeResponse, { kvs: [bytes('a'), bytes('b')] }))
  const readTxn = make(TxnRequest, { success: [rangeOp] })
  const readAnswer = make(TxnResponse, {
    responses: [make(etcdserverpb.ResponseOp, { responseRange: make(RangeResponse, { kvs: [bytes('a')] }) })],
  })
  call('Txn', readTxn, 120, readAnswer)
  call('Range', range, 200)
  t.match(lines, [
    {
      level: 'warn',
      message: 'apply request took too long',
      fields: {
        ...{ took: '101ms', 'expected-duration': '100ms', prefix: 'read-only range ', request: 'key:"k" ' },
        response: 'range_response_count:2 size:6',
      },
    },
    { fields: { took: '120ms', prefix: 'read-only txn ', response: 'responses:<range_response_count:1> size:7' } },
    { fields: { prefix: 'read-only range ', response: '', error: 'etcdserver: no leader' } },
  ])
  t.equal(slowReads(), 3)
  t.match(render(), 'etcd_server_request_duration_seconds_count{type="ReadonlyTxn",success="true"} 1')
  t.notMatch(render(), /type="Txn",success="true"} [1-9]/)
})
