import t from 'tap'
import { NO_LEASE } from '../base/index.js'
import { MemoryBackend, TurnClock, key, openStore, value } from '../mvcc/testing.js'
import { errors, etcdserverpb } from '../proto/index.js'
import { readRange, readTxn } from './reads.js'

const range = (from: string, end = '', revision = 0): etcdserverpb.RangeRequest => {
  const made = new etcdserverpb.RangeRequest()
  made.key = Buffer.from(from)
  made.rangeEnd = Buffer.from(end)
  made.revision = revision
  return made
}

const txnOf = (...ranges: etcdserverpb.RangeRequest[]): etcdserverpb.TxnRequest => {
  const txn = new etcdserverpb.TxnRequest()
  txn.success = ranges.map((requestRange) => Object.assign(new etcdserverpb.RequestOp(), { requestRange }))
  return txn
}

const withKeys = async (count: number) => {
  const clock = new TurnClock()
  const store = await openStore(new MemoryBackend(), { clock })
  const put = (name: string): void => {
    const txn = store.beginWrite()
    txn.put(key(name), value('v'), NO_LEASE)
    txn.end()
  }
  for (let i = 0; i < count; i++) put(`k${i}`)
  return { clock, store, put }
}

const told = () => {
  const answers: (etcdserverpb.TxnResponse | etcdserverpb.RangeResponse | string)[] = []
  return {
    answers,
    onResult: (response: etcdserverpb.TxnResponse | etcdserverpb.RangeResponse) => void answers.push(response),
    onFailed: ({ message }: { readonly message: string }) => void answers.push(message),
  }
}

t.test('a range answers with the store\u2019s revision, or says why not', async (t) => {
  const { store } = await withKeys(5)
  store.compact(4)
  for (const [revision, expected] of [
    [0, undefined],
    [-7, undefined],
    [4, undefined],
    [3, errors.compacted.message],
    [7, errors.futureRevision.message],
  ] as const) {
    const waiter = told()
    readRange(store, range('k', '\0', revision), waiter, true)
    if (expected === undefined) t.match(waiter.answers, [{ header: { revision: 6 }, count: revision === 4 ? 3 : 5 }])
    else t.same(waiter.answers, [expected])
  }
})

t.test('a transaction of ranges: guards, inner headers, and revisions as in every transaction', async (t) => {
  const { store } = await withKeys(5)
  const read = (txn: etcdserverpb.TxnRequest) => {
    const waiter = told()
    readTxn(store, txn, waiter)
    return waiter.answers
  }
  t.match(read(txnOf(range('k0'), range('k', '\0', 3))), [
    {
      header: { revision: 6 },
      succeeded: true,
      responses: [
        { responseRange: { header: { revision: 6 }, count: 1 } },
        { responseRange: { header: { revision: 6 }, count: 2 } },
      ],
    },
  ])
  t.match(read(txnOf()), [{ header: { revision: 6 }, succeeded: true, responses: [] }])
  t.match(read(txnOf(range('k0', '', -1))), [{ responses: [{ responseRange: { count: 1 } }] }])
  t.same(read(txnOf(range('k0', '', -5))), [errors.compacted.message])
  t.same(read(txnOf(range('k0', '', 9), range('k0', '', -5))), [errors.futureRevision.message], 'the first decides')
  const guarded = txnOf(range('k0'))
  guarded.compare = [Object.assign(new etcdserverpb.Compare(), { key: Buffer.from('no'), version: 1 })]
  t.match(read(guarded), [{ succeeded: false, responses: [] }])
})

t.test(
  'neither a write nor a compaction comes between the ranges of a transaction, however long they take',
  async (t) => {
    const { clock, store, put } = await withKeys(5000)
    clock.manual = true
    clock.lookMs = 3
    const waiter = told()
    readTxn(store, txnOf(range('k', '\0'), range('k', '\0'), range('k7', 'k8')), waiter)
    t.same(waiter.answers, [], 'it takes more than one turn')
    put('k99999')
    t.equal(store.compact(store.revision).kind, 'ok')
    while (waiter.answers.length === 0) await clock.turn()
    const [response] = waiter.answers as etcdserverpb.TxnResponse[]
    t.equal(response!.header?.revision, 5001)
    t.same(
      response!.responses.map(({ responseRange }) => responseRange?.count),
      [5000, 5000, 111],
    )
  },
)
