import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ClusterId, index, term } from '../../base/index.js'
import { silentLogger } from '../../env/index.js'
import { nodeFileSystem } from '../../host/index.js'
import { MemoryBackend } from '../../mvcc/testing.js'
import { raftpb } from '../../proto/index.js'
import { SnapshotReceiver } from './receiver.js'
import { MalformedRows, encodeRows } from './row-stream.js'

const CLUSTER = 5n as ClusterId

const messageAt = (at: number): raftpb.Message => {
  const message = new raftpb.Message()
  message.snapshot = new raftpb.Snapshot()
  message.snapshot.metadata = new raftpb.SnapshotMetadata()
  message.snapshot.metadata.index = index(at)
  message.snapshot.metadata.term = term(1)
  return message
}

const chunksAt = async (at: number, clusterId = CLUSTER): Promise<Uint8Array[]> => {
  const backend = new MemoryBackend()
  await backend.write([{ bucket: 'key', key: Buffer.from('k'), value: Buffer.alloc(600_000) }])
  const chunks: Uint8Array[] = []
  const header = { clusterId, index: index(at), term: term(1) }
  for await (const chunk of encodeRows(backend.view(), header)) chunks.push(Uint8Array.from(chunk))
  return chunks
}

const setup = (t: Test) => {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-receiver-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const obsolete: raftpb.Message[] = []
  const state = { committed: 10 }
  const receiver = new SnapshotReceiver({
    fs: nodeFileSystem(),
    directory,
    clusterId: CLUSTER,
    logger: silentLogger,
    isObsolete: (at) => at <= state.committed,
    onObsolete: (message) => obsolete.push(message),
  })
  const receive = async (at: number): Promise<void> => {
    const receipt = await receiver.begin(messageAt(at))
    for (const chunk of await chunksAt(at)) await receipt!.write(chunk)
    await receipt!.finish()
  }
  return { directory, receiver, obsolete, receive }
}

t.test('rows get their name when they are complete', async (t) => {
  const { directory, receiver } = setup(t)
  const receipt = await receiver.begin(messageAt(0x2a))
  const chunks = await chunksAt(0x2a)
  for (const chunk of chunks) await receipt!.write(chunk)
  t.same(readdirSync(directory), ['tmp-000000000000002a.snap.rows'])
  await receipt!.finish()
  t.same(readdirSync(directory), ['000000000000002a.snap.rows'])
})

t.test('one that brings nothing new goes to consensus without its rows', async (t) => {
  const { receiver, obsolete, directory } = setup(t)
  t.equal(await receiver.begin(messageAt(10)), undefined)
  t.equal(obsolete.length, 1)
  t.same(readdirSync(directory), [])
  t.equal(await receiver.begin(new raftpb.Message()), undefined)
})

t.test('one at a time; an aborted one leaves nothing and makes room', async (t) => {
  const { receiver, directory, receive } = setup(t)
  const first = await receiver.begin(messageAt(20))
  t.equal(await receiver.begin(messageAt(21)), undefined)
  await first!.write((await chunksAt(20))[0]!)
  const aborted = first!.abort()
  t.equal(await receiver.begin(messageAt(20)), undefined, 'not while its file is being removed')
  await aborted
  t.same(readdirSync(directory), [])
  await receive(21)
  t.same(readdirSync(directory), ['0000000000000015.snap.rows'])
})

t.test('rows that are cut, or of another cluster or index, are refused and removed', async (t) => {
  const { receiver, directory } = setup(t)
  for (const chunks of [(await chunksAt(20)).slice(0, -1), await chunksAt(20, 6n as ClusterId), await chunksAt(21)]) {
    const receipt = await receiver.begin(messageAt(20))
    for (const chunk of chunks) await receipt!.write(chunk)
    await t.rejects(receipt!.finish(), MalformedRows)
    t.same(readdirSync(directory), [])
  }
  const receipt = await receiver.begin(messageAt(20))
  await t.rejects(receipt!.write(Buffer.alloc(100)), MalformedRows)
  await receipt!.abort()
  t.same(readdirSync(directory), [])
})

t.test('rows that never came to the log make room for others', async (t) => {
  const { directory, receive } = setup(t)
  await receive(20)
  await receive(30)
  t.ok(existsSync(join(directory, '0000000000000014.snap.rows')), 'the last may be on its way to consensus')
  writeFileSync(join(directory, '0000000000000001-0000000000000014.snap'), 'x')
  await receive(40)
  await receive(50)
  t.same(
    readdirSync(directory).filter((name) => name.endsWith('.rows')),
    ['0000000000000014.snap.rows', '0000000000000028.snap.rows', '0000000000000032.snap.rows'],
    'one of which the log may begin with stays',
  )
})
