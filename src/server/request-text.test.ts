import t from 'tap'
import { etcdserverpb } from '../proto/index.js'
import { proposalKind, proposalText, requestText } from './request-text.js'
import { bytes, make } from './testing.js'

const { Compare, InternalRaftRequest, PutRequest, RangeRequest, RequestHeader, RequestOp, TxnRequest } = etcdserverpb
const { CompareResult, CompareTarget, SortOrder, SortTarget } = etcdserverpb

t.test('keys are shown, values are not', async (t) => {
  const put = make(PutRequest, { key: bytes('k"\\\n\xff'), value: bytes('secret'), lease: 7n as never, prevKv: true })
  const range = make(RangeRequest, {
    ...{ key: bytes('a'), rangeEnd: bytes('b'), limit: 3, serializable: true },
    ...{ sortOrder: SortOrder.DESCEND, sortTarget: SortTarget.VALUE },
  })
  const compare = make(Compare, {
    ...{ key: bytes('c'), value: bytes('secret'), target: CompareTarget.VALUE, result: CompareResult.NOT_EQUAL },
  })
  const inner = make(TxnRequest, { success: [make(RequestOp, { requestRange: range })] })
  const txn = make(TxnRequest, {
    compare: [compare],
    success: [make(RequestOp, { requestPut: put }), make(RequestOp, { requestTxn: inner })],
    failure: [
      make(RequestOp, {
        requestDeleteRange: make(etcdserverpb.DeleteRangeRequest, { key: bytes('x'), prevKv: true }),
      }),
    ],
  })
  const putText = 'key:"k\\"\\\\\\012\\377" lease:7 prev_kv:true value_size:6 '
  const rangeText = 'key:"a" range_end:"b" limit:3 sort_order:DESCEND sort_target:VALUE serializable:true '
  t.equal(requestText(put), putText)
  t.equal(requestText(range), rangeText)
  t.equal(
    requestText(txn),
    'compare:<result:NOT_EQUAL target:VALUE key:"c" value_size:6 > ' +
      `success:<request_put:<${putText}> request_txn:<compare:<> success:<request_range:<${rangeText}>> failure:<>>> ` +
      'failure:<request_delete_range:<key:"x" prev_kv:true >>',
  )
  t.equal(requestText(new etcdserverpb.StatusRequest()), '')
  t.equal(requestText(undefined), '')
})

t.test('requests of the log are named', async (t) => {
  const header = make(RequestHeader, { id: 99n })
  const lease = make(InternalRaftRequest, {
    header,
    leaseGrant: make(etcdserverpb.LeaseGrantRequest, { id: 0xabn as never, ttl: 5 }),
  })
  t.equal(proposalText(lease), 'header:<ID:99 > lease_grant:<ttl:5-second id:00000000000000ab>')
  t.equal(proposalKind(lease), 'LeaseGrant')
  t.equal(proposalKind(make(InternalRaftRequest, { header, put: new PutRequest() })), 'Put')
  t.equal(proposalKind(new InternalRaftRequest()), 'Unknown')
  const secret = make(InternalRaftRequest, {
    header,
    authUserAdd: make(etcdserverpb.AuthUserAddRequest, { name: 'u', password: 'secret' }),
  })
  t.notMatch(proposalText(secret), /secret/)
})

t.test('texts are bounded', async (t) => {
  const large = make(PutRequest, { key: new Uint8Array(1_000_000) })
  t.ok(requestText(large).length < 4200)
  let txn = new TxnRequest()
  for (let depth = 0; depth < 400; depth++) txn = make(TxnRequest, { success: [make(RequestOp, { requestTxn: txn })] })
  t.ok(requestText(txn).length < 4200)
})
