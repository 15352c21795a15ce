// Bytes that etcd wrote, and rules of the records that its readers rely on.
import { crc32c } from '@node-rs/crc32'
import t, { type Test } from 'tap'
import { clusterId, index, leaseId, memberId, term } from '../base/index.js'
import {
  authpb,
  etcdserverpb,
  isLegacyRequest,
  leasepb,
  MalformedMessage,
  membershippb,
  mvccpb,
  raftpb,
  snappb,
  walpb,
} from './index.js'
import { fromHex, hex } from './testing.js'
import { DEPTH_MAX, type WireCodec } from './wire.js'

const roundTrip = <T>(t: Test, codec: WireCodec<T>, bytes: Uint8Array): T => {
  const message = codec.decode(bytes)
  t.equal(hex(codec.encode(message)), hex(bytes), 'encodes to the same bytes')
  return message
}

t.test('the first records of a log of etcd 3.4.23', async (t) => {
  const crc = roundTrip(t, walpb.RecordCodec, fromHex('0804 1000'))
  t.match({ ...crc }, { type: 4, crc: 0 })

  const first = roundTrip(
    t,
    walpb.RecordCodec,
    fromHex('0801 10eb87ffe906 1a15 08a7d9aaff8cc2f1b9ab01 10eb8d998f97f7b2b06e'),
  )
  t.equal(first.type, 1)
  t.equal(first.crc, crc32c(first.data), 'the example is copied well')
  const metadata = roundTrip(t, etcdserverpb.MetadataCodec, first.data)
  t.equal(metadata.nodeId.toString(16), 'ab73c610cfeaaca7')
  t.equal(metadata.clusterId.toString(16), '6e60cbb971e646eb')

  const second = roundTrip(t, walpb.RecordCodec, fromHex('0805 108a82d9a00e 1a04 08001000'))
  t.equal(second.crc, crc32c(second.data, first.crc), 'the crc runs on')
  const snapshot = roundTrip(t, walpb.SnapshotCodec, second.data)
  t.match({ ...snapshot }, { index: 0, term: 0, confState: undefined })

  const third = walpb.RecordCodec.decode(fromHex(`0802 10ac9282f901 1a66 0801 1001 1801 225e ${'7b'.repeat(94)}`))
  const entry = roundTrip(t, raftpb.EntryCodec, third.data)
  t.match({ ...entry }, { type: raftpb.EntryType.EntryConfChange, term: 1, index: 1 })
  t.equal(entry.data.length, 94)
})

t.test('the head of a snapshot file of etcd', async (t) => {
  const snapshot = new raftpb.Snapshot()
  snapshot.data = Buffer.alloc(7082, '{"Root"')
  snapshot.metadata = new raftpb.SnapshotMetadata()
  snapshot.metadata.index = index(7)
  snapshot.metadata.term = term(2)
  snapshot.metadata.confState = new raftpb.ConfState()
  snapshot.metadata.confState.voters = [memberId(0x8e9e05c52164694dn)]
  const file = new snappb.Snapshot()
  file.crc = 0x63fee412
  file.data = raftpb.SnapshotCodec.encode(snapshot)
  t.equal(file.data.length, 7106)
  t.equal(hex(snappb.SnapshotCodec.encode(file)).slice(0, 38), '0892c8fb9f0612c2370aaa377b22526f6f7422')
  t.same(raftpb.SnapshotCodec.decode(file.data).metadata, snapshot.metadata)
})

t.test('records of consensus are written with their zeros, as etcd up to 3.6 does, and read without', async (t) => {
  t.equal(hex(raftpb.EntryCodec.encode(new raftpb.Entry())), '080010001800')
  t.equal(hex(raftpb.HardStateCodec.encode(new raftpb.HardState())), '080010001800')
  t.equal(hex(raftpb.ConfStateCodec.encode(new raftpb.ConfState())), '2800')
  t.equal(hex(raftpb.SnapshotMetadataCodec.encode(new raftpb.SnapshotMetadata())), '0a02280010001800')
  t.equal(hex(raftpb.SnapshotCodec.encode(new raftpb.Snapshot())), '12080a02280010001800')
  t.equal(hex(raftpb.ConfChangeCodec.encode(new raftpb.ConfChange())), '080010001800')
  t.equal(hex(raftpb.MessageCodec.encode(new raftpb.Message())), '080010001800200028003000400050005800' + '6800')
  t.same(raftpb.EntryCodec.decode(new Uint8Array(0)), new raftpb.Entry())
})

t.test('lists of member ids are written unpacked and read in both forms', async (t) => {
  const state = new raftpb.ConfState()
  state.voters = [memberId(1n), memberId(300n)]
  t.equal(hex(raftpb.ConfStateCodec.encode(state)), '080108ac022800')
  for (const bytes of ['0801 08ac02 2800', '0a03 01ac02', '0a01 01 08ac02', '0a00 0801 0a02 ac02']) {
    t.same(raftpb.ConfStateCodec.decode(fromHex(bytes)).voters, [1n, 300n], bytes)
  }
  t.throws(() => raftpb.ConfStateCodec.decode(fromHex('0a02 01ac')), MalformedMessage, 'a packed list ends at its end')
  const create = new etcdserverpb.WatchCreateRequest()
  create.filters = [etcdserverpb.FilterType.NODELETE, etcdserverpb.FilterType.NOPUT]
  t.equal(hex(etcdserverpb.WatchCreateRequestCodec.encode(create)), '2a020100', 'proto3 packs')
  t.same(etcdserverpb.WatchCreateRequestCodec.decode(fromHex('2801 2800')).filters, [1, 0])
})

t.test('a put of b="1" at revision 4 is stored as etcd stores it', async (t) => {
  const pair = roundTrip(t, mvccpb.KeyValueCodec, fromHex('0a0162 1004 1804 2001 2a0131'))
  t.match({ ...pair }, { createRevision: 4, modRevision: 4, version: 1, lease: 0n })
  t.equal(hex(pair.key) + hex(pair.value), '6231')
  roundTrip(t, mvccpb.KeyValueCodec, fromHex('0a0162'))
})

t.test('a user without options still says that it has options, when they are there', async (t) => {
  const user = roundTrip(t, authpb.UserCodec, fromHex('0a04726f6f74 2200'))
  t.same(user.options, new authpb.UserAddOptions())
})

t.test('identifiers keep all 64 bits', async (t) => {
  const grant = new etcdserverpb.LeaseGrantRequest()
  for (const id of [1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 7587870343212343210n]) {
    grant.id = leaseId(id)
    t.equal(etcdserverpb.LeaseGrantRequestCodec.decode(etcdserverpb.LeaseGrantRequestCodec.encode(grant)).id, id)
  }
  const header = new etcdserverpb.ResponseHeader()
  header.clusterId = clusterId(2n ** 64n - 1n)
  header.memberId = memberId(0x8e9e05c52164694dn)
  const decoded = etcdserverpb.ResponseHeaderCodec.decode(etcdserverpb.ResponseHeaderCodec.encode(header))
  t.equal(decoded.clusterId, 2n ** 64n - 1n)
  t.equal(decoded.memberId, 0x8e9e05c52164694dn)
})

t.test('counters of clients saturate, counters of disks and members are refused', async (t) => {
  const tooBig = 'ffffffffffffffff7f'
  const tooSmall = '80808080808080808001'
  const max = Number.MAX_SAFE_INTEGER
  t.equal(etcdserverpb.RangeRequestCodec.decode(fromHex(`20${tooBig}`)).revision, max)
  t.equal(etcdserverpb.RangeRequestCodec.decode(fromHex(`18${tooSmall}`)).limit, -max)
  t.equal(etcdserverpb.WatchCreateRequestCodec.decode(fromHex(`18${tooBig}`)).startRevision, max)
  t.equal(etcdserverpb.LeaseGrantRequestCodec.decode(fromHex(`08${tooBig}`)).ttl, max)
  t.equal(etcdserverpb.CompareCodec.decode(fromHex(`20${tooBig}`)).version, max)
  for (const [codec, tag] of [
    [raftpb.EntryCodec, '10'],
    [raftpb.EntryCodec, '18'],
    [raftpb.HardStateCodec, '18'],
    [raftpb.MessageCodec, '30'],
    [walpb.RecordCodec, '08'],
    [walpb.SnapshotCodec, '10'],
    [mvccpb.KeyValueCodec, '18'],
    [leasepb.LeaseCodec, '10'],
  ] as const) {
    t.throws(() => codec.decode(fromHex(tag + tooBig)), MalformedMessage)
    t.doesNotThrow(() => codec.decode(fromHex(`${tag}ffffffffffffff0f`)))
  }
})

t.test('unknown enum values survive', async (t) => {
  const request = etcdserverpb.RangeRequestCodec.decode(fromHex('2863 30ffffffffffffffffff01'))
  t.equal(request.sortOrder, 99)
  t.equal(request.sortTarget, -1)
  t.equal(hex(etcdserverpb.RangeRequestCodec.encode(request)), '286330ffffffffffffffffff01')
  t.equal(raftpb.MessageCodec.decode(fromHex('0863')).type, 99)
})

t.test('the last member of a oneof wins and clears the others', async (t) => {
  const op = etcdserverpb.RequestOpCodec.decode(fromHex('0a03 0a0161 1203 0a0162'))
  t.equal(op.requestRange, undefined)
  t.equal(hex(op.requestPut?.key ?? new Uint8Array(0)), '62')
  const merged = etcdserverpb.RequestOpCodec.decode(fromHex('1203 0a0162 1203 120163'))
  t.equal(hex(merged.requestPut?.key ?? new Uint8Array(0)), '62', 'the same member merges')
  t.equal(hex(merged.requestPut?.value ?? new Uint8Array(0)), '63')
  const compare = etcdserverpb.CompareCodec.decode(fromHex('2000 3a00'))
  t.equal(compare.version, undefined)
  t.same(compare.value, new Uint8Array(0), 'an empty member is there')
  t.equal(hex(etcdserverpb.CompareCodec.encode(compare)), '3a00')
})

t.test('a known field of another wire type is malformed', async (t) => {
  for (const bytes of ['0801', '0d01020304', '1a0101', '0b0c', '190102030405060708']) {
    t.throws(() => etcdserverpb.PutRequestCodec.decode(fromHex(bytes)), MalformedMessage, bytes)
  }
  t.throws(() => etcdserverpb.PutRequestCodec.decode(fromHex('0801')), {
    message: 'proto: cannot parse invalid wire-format data',
    name: 'MalformedMessage',
  })
})

t.test('a zero-length message is a message', async (t) => {
  const response = etcdserverpb.PutResponseCodec.decode(fromHex('1200'))
  t.equal(response.prevKv?.length, 0)
  t.equal(hex(etcdserverpb.PutResponseCodec.encode(response)), '1200')
  t.same(etcdserverpb.AuthEnableRequestCodec.decode(fromHex('7a0161')), new etcdserverpb.AuthEnableRequest())
})

t.test('stored pairs travel through responses as they are', async (t) => {
  const pair = fromHex('0a0162 1004 1804 2001 2a0131')
  const response = new etcdserverpb.RangeResponse()
  response.kvs = [pair, pair]
  response.count = 2
  const bytes = etcdserverpb.RangeResponseCodec.encode(response)
  t.equal(hex(bytes), `120c${hex(pair)}120c${hex(pair)}2002`)
  t.same(etcdserverpb.RangeResponseCodec.decode(bytes).kvs.map(hex), [hex(pair), hex(pair)])
  t.equal(
    hex(etcdserverpb.PutResponseCodec.decode(fromHex('1203 0a0162 1202 1004')).prevKv ?? new Uint8Array(0)),
    '0a01621004',
    'two parts of an encoded message merge by standing behind each other',
  )
})

t.test('merging encoded parts without end is malformed', async (t) => {
  const part = Buffer.concat([fromHex('12c09a0c'), Buffer.alloc(200_000)])
  const many = Buffer.concat(Array.from({ length: 100 }, () => part))
  t.throws(() => etcdserverpb.PutResponseCodec.decode(many), MalformedMessage)
  t.doesNotThrow(() => etcdserverpb.PutResponseCodec.decode(many.subarray(0, part.length * 20)))
})

/** A transaction inside a transaction, `levels` messages deep. */
const nestedTxn = (levels: number): Uint8Array => {
  let bytes: Uint8Array = new Uint8Array(0)
  for (let level = levels; level > 0; level--) {
    const tag = level % 2 === 1 ? 0x12 : 0x22 // TxnRequest.success, RequestOp.request_txn
    const length = bytes.length
    const head = [tag]
    for (let rest = length; ; rest >>>= 7) {
      head.push(rest > 127 ? (rest & 127) | 128 : rest)
      if (rest <= 127) break
    }
    bytes = Buffer.concat([Uint8Array.from(head), bytes])
  }
  return bytes
}

t.test('nesting has a limit, and what a client may send can be read back from the log', async (t) => {
  const deepest = etcdserverpb.TxnRequestCodec.decode(nestedTxn(DEPTH_MAX))
  t.throws(() => etcdserverpb.TxnRequestCodec.decode(nestedTxn(DEPTH_MAX + 1)), MalformedMessage)
  t.throws(() => etcdserverpb.TxnRequestCodec.decode(nestedTxn(20_000)), MalformedMessage)
  const request = new etcdserverpb.InternalRaftRequest()
  request.txn = deepest
  const entry = etcdserverpb.InternalRaftRequestCodec.encode(request)
  t.same(etcdserverpb.InternalRaftRequestCodec.decode(entry), request)
})

t.test('a v2 request of an old log is told apart from an InternalRaftRequest', async (t) => {
  const old = new etcdserverpb.Request()
  old.id = 77n
  old.method = 'PUT'
  old.path = '/0/version'
  old.val = '3.5.0'
  const bytes = etcdserverpb.RequestCodec.encode(old)
  t.same(etcdserverpb.RequestCodec.decode(bytes), old)
  t.equal(isLegacyRequest(bytes), true)
  const request = new etcdserverpb.InternalRaftRequest()
  request.id = 77n
  request.clusterVersionSet = new membershippb.ClusterVersionSetRequest()
  request.clusterVersionSet.ver = '3.7.0'
  t.equal(isLegacyRequest(etcdserverpb.InternalRaftRequestCodec.encode(request)), false)
  request.put = new etcdserverpb.PutRequest()
  t.equal(isLegacyRequest(etcdserverpb.InternalRaftRequestCodec.encode(request)), false)
  for (const bytes of ['', '1203505554', '1204505554', '12', '12025055']) {
    t.equal(isLegacyRequest(fromHex(bytes)), bytes === '1203505554', bytes)
  }
  t.same(old.prevExist, undefined)
  old.prevExist = false
  t.equal(etcdserverpb.RequestCodec.decode(etcdserverpb.RequestCodec.encode(old)).prevExist, false)
})
