// Logs of etcd 3.4 and 3.5: v2 requests between those of today (reference: on-disk formats 3.2).
import t from 'tap'
import type { MemberId } from '../base/index.js'
import { MemoryBackend, TurnClock } from '../mvcc/testing.js'
import { encodeMemberJson, etcdserverpb, raftpb } from '../proto/index.js'
import { TestMachine, request } from './testing.js'

const ID = 0x00ab_cdef_0123_4567n as MemberId

const legacy = (method: string, path: string, val = ''): Uint8Array => {
  const made = new etcdserverpb.Request()
  made.id = 0x1234_5678_9abcn
  made.method = method
  made.path = path
  made.val = val
  return etcdserverpb.RequestCodec.encode(made)
}

const withMember = async (): Promise<TestMachine> => {
  const machine = await TestMachine.open(new MemoryBackend(), new TurnClock())
  const change = new raftpb.ConfChange()
  change.type = raftpb.ConfChangeType.ConfChangeAddNode
  change.nodeId = ID
  const member = { id: ID, peerUrls: ['http://p'], isLearner: false, name: '', clientUrls: [] }
  change.context = Buffer.from(encodeMemberJson(member))
  machine.applyChange(change)
  return machine
}

t.test('members publish themselves by a PUT of their attributes', async (t) => {
  const machine = await withMember()
  const path = '/0/members/abcdef01234567/attributes'
  machine.applyBytes(legacy('PUT', path, '{"name":"infra1","clientURLs":["http://c:1","http://c:2"]}'))
  t.match(machine.membership.get(ID), {
    name: 'infra1',
    clientUrls: ['http://c:1', 'http://c:2'],
    peerUrls: ['http://p'],
  })
  machine.applyBytes(legacy('PUT', path, '{"name":"infra2","clientURLs":null}'))
  t.match(machine.membership.get(ID), { name: 'infra2', clientUrls: [] })
  machine.applyBytes(legacy('PUT', path, '{"name":"infra3"}'))
  t.match(machine.membership.get(ID), { name: 'infra3', clientUrls: [] })
  machine.applyBytes(legacy('PUT', '/0/members/77/attributes', '{"name":"x"}'))
  t.equal(machine.membership.get(0x77n as MemberId), undefined, 'an unknown member is ignored')
  t.throws(() => machine.applyBytes(legacy('PUT', path, '{"name":5}')), /member attributes that are none/)
})

t.test('the cluster version is set by a PUT', async (t) => {
  const machine = await withMember()
  machine.applyBytes(legacy('PUT', '/0/version', '3.5.0'))
  t.equal(machine.membership.clusterVersion, '3.5.0')
})

t.test('everything else advances the applied index and nothing more', async (t) => {
  const machine = await withMember()
  machine.apply(request.put({ key: 'k', value: 'v' }))
  const before = [JSON.stringify(machine.membership.describe()), machine.store.revision, machine.machine.applied.index]
  const ignored = [
    legacy('SYNC', ''),
    legacy('QGET', '/0/version', '3.5.0'),
    legacy('DELETE', '/0/members/abcdef01234567/attributes'),
    legacy('POST', '/0/version', '9.9.0'),
    legacy('PUT', '/1/foo', 'bar'),
    legacy('PUT', '/0/version/more', '9.9.0'),
    legacy('PUT', '/1/0/members/abcdef01234567/attributes', '{"name":"no"}'),
    legacy('PUT', '/0/members/abcdef01234567/attributes/more', '{"name":"no"}'),
  ]
  for (const data of ignored) machine.applyBytes(data)
  const after = [JSON.stringify(machine.membership.describe()), machine.store.revision, machine.machine.applied.index]
  t.same(after, [before[0], before[1], (before[2] as number) + ignored.length])
  t.equal(machine.membership.clusterVersion, undefined)
  t.equal(machine.results.size, 1, 'nobody is told')
})

t.test('a request of today that begins with its id is none of these', async (t) => {
  const machine = await withMember()
  const put = request.put({ key: 'PUT', value: '/0/version' })
  put.id = 5n
  machine.applyBytes(etcdserverpb.InternalRaftRequestCodec.encode(put))
  t.equal(machine.store.revision, 2)
})
