// Decode and encode of the hot messages, ours against protobufjs: node bench/proto.mjs [rounds]
// Runs alternate; each figure is the fastest of all rounds, in nanoseconds per message.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { encodeKeyValue, etcdserverpb, KeyValueView, mvccpb, raftpb } from '../dist/proto/index.js'

const rounds = Number(process.argv[2] ?? 5)
const folder = join(dirname(fileURLToPath(import.meta.url)), '../proto')
const root = new protobuf.Root()
root.resolvePath = (_origin, target) => (target.startsWith(folder) ? target : join(folder, target))
root.loadSync([join(folder, 'etcdserverpb/raft_internal.proto'), join(folder, 'raftpb/raft.proto')])

const value = Buffer.alloc(256, 'v')
const key = Buffer.from('/registry/pods/default/web-0')
const keyText = key.toString('latin1')
const pair = (i) => encodeKeyValue(keyText, 1_000_000 + i, 1_000_100 + i, 3, value, 0n)

const header = Object.assign(new etcdserverpb.ResponseHeader(), {
  clusterId: 0xcdf818194e3a8c32n,
  memberId: 0x8e9e05c52164694dn,
  revision: 1_234_567,
  raftTerm: 3,
})
const put = Object.assign(new etcdserverpb.PutRequest(), { key, value, lease: 7587870343212343210n })
const internal = Object.assign(new etcdserverpb.InternalRaftRequest(), {
  header: Object.assign(new etcdserverpb.RequestHeader(), { id: 0x694dcdf818194e3an, username: '' }),
  put,
})
const messages = {
  PutRequest: [etcdserverpb.PutRequestCodec, 'etcdserverpb.PutRequest', put],
  PutResponse: [
    etcdserverpb.PutResponseCodec,
    'etcdserverpb.PutResponse',
    Object.assign(new etcdserverpb.PutResponse(), { header }),
  ],
  'RangeResponse of 1 pair': [
    etcdserverpb.RangeResponseCodec,
    'etcdserverpb.RangeResponse',
    Object.assign(new etcdserverpb.RangeResponse(), { header, kvs: [pair(0)], count: 1 }),
  ],
  'RangeResponse of 100 pairs': [
    etcdserverpb.RangeResponseCodec,
    'etcdserverpb.RangeResponse',
    Object.assign(new etcdserverpb.RangeResponse(), {
      header,
      kvs: Array.from({ length: 100 }, (_, i) => pair(i)),
      count: 100,
    }),
  ],
  InternalRaftRequest: [etcdserverpb.InternalRaftRequestCodec, 'etcdserverpb.InternalRaftRequest', internal],
  'raftpb.Entry': [
    raftpb.EntryCodec,
    'raftpb.Entry',
    Object.assign(new raftpb.Entry(), {
      term: 3,
      index: 1_234_567,
      data: etcdserverpb.InternalRaftRequestCodec.encode(internal),
    }),
  ],
  'mvccpb.KeyValue': [mvccpb.KeyValueCodec, 'mvccpb.KeyValue', mvccpb.KeyValueCodec.decode(pair(0))],
}

const cases = []
for (const [name, [codec, full, message]] of Object.entries(messages)) {
  const type = root.lookupType(full)
  const bytes = codec.encode(message)
  const theirs = type.decode(bytes)
  cases.push([`${name} (${bytes.length} bytes)`, 'decode', () => codec.decode(bytes), () => type.decode(bytes)])
  cases.push([`${name}`, 'encode', () => codec.encode(message), () => type.encode(theirs).finish()])
}
const stored = pair(0)
const view = new KeyValueView()
cases.push(['KeyValue in place', 'read', () => view.load(stored).modRevision, undefined])
cases.push(['KeyValue by hand', 'encode', () => pair(0), undefined])

let sink
const measure = (run) => {
  let count = 0
  const started = process.hrtime.bigint()
  let now = started
  while (now - started < 60_000_000n) {
    for (let i = 0; i < 2000; i++) sink = run()
    count += 2000
    now = process.hrtime.bigint()
  }
  return Number(now - started) / count
}

const best = cases.map(() => [Infinity, Infinity])
for (let round = 0; round < rounds; round++) {
  cases.forEach(([, , ours, theirs], i) => {
    best[i][0] = Math.min(best[i][0], measure(ours))
    if (theirs !== undefined) best[i][1] = Math.min(best[i][1], measure(theirs))
  })
}
console.log(`node ${process.version}, ns per message: ours / protobufjs`)
cases.forEach(([name, what, , theirs], i) => {
  const [ours, other] = best[i].map((ns) => ns.toFixed(0).padStart(6))
  console.log(`${what.padEnd(7)} ${name.padEnd(42)} ${ours} ${theirs === undefined ? '' : `/ ${other}`}`)
})
if (sink === undefined) throw new Error('nothing ran')
