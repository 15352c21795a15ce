import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { index, memberId, term, type MemberId } from '../../base/index.js'
import { silentLogger, type LogSnapshot } from '../../env/index.js'
import { nodeFileSystem } from '../../host/index.js'
import { MalformedRecord, WalCorrupt } from '../wal/errors.js'
import { listSnapFiles, loadSnapFile, purgeSnapFiles, readSnapFile, saveSnapFile } from './snap-directory.js'
import { decodeSnapFile, encodeSnapFile } from './snap-file.js'
import { decodeV2Store, encodeV2Store } from './v2-store.js'

const fs = nodeFileSystem()

const folder = (t: Test): string => {
  const path = mkdtempSync(join(tmpdir(), 'quorate-snap-'))
  t.teardown(() => {
    rmSync(path, { recursive: true })
  })
  return path
}

const snapshotAt = (at: number, data = 'data'): LogSnapshot => ({
  index: index(at),
  term: term(2),
  confState: {
    voters: [1n, 0xffff_ffff_ffff_ffffn] as MemberId[],
    learners: [3n] as MemberId[],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  },
  data: Buffer.from(data),
})

t.test('a snapshot file holds the bytes of the format', async (t) => {
  const hex = Buffer.from(encodeSnapFile(snapshotAt(7, 'xy'))).toString('hex')
  const confState = '0801' + '08ffffffffffffffffff01' + '1003' + '2800'
  const body = '0a027879' + '1217' + '0a11' + confState + '1007' + '1802'
  t.match(hex, new RegExp(`^08[0-9a-f]{2,10}12${(body.length / 2).toString(16)}${body}$`))
  const back = decodeSnapFile(Buffer.from(hex, 'hex'))
  t.same({ ...back, data: Buffer.from(back.data) }, snapshotAt(7, 'xy'))
  t.same(decodeSnapFile(encodeSnapFile(snapshotAt(1, ''))).data.length, 0, 'data may be empty')
})

t.test('every damaged byte and every cut of a snapshot file is noticed', async (t) => {
  const bytes = encodeSnapFile(snapshotAt(300, 'some content'))
  for (let i = 0; i < bytes.length; i++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Uint8Array.from(bytes)
      damaged[i]! ^= 1 << bit
      t.throws(() => decodeSnapFile(damaged), MalformedRecord, `bit ${bit} of byte ${i}`)
    }
    t.throws(() => decodeSnapFile(bytes.subarray(0, i)), MalformedRecord, `cut at ${i}`)
  }
})

t.test('saves under the final name only, lists newest first', async (t) => {
  const dir = folder(t)
  for (const at of [5, 300, 70_000]) await saveSnapFile(fs, dir, snapshotAt(at))
  writeFileSync(join(dir, 'db'), 'x')
  writeFileSync(join(dir, 'zz-1.snap'), 'x')
  t.same(
    (await listSnapFiles(fs, dir)).map((file) => file.index),
    [70_000, 300, 5],
  )
  t.notOk(readdirSync(dir).some((name) => name.startsWith('tmp')))
  t.same(await listSnapFiles(fs, join(dir, 'missing')), [])
  await saveSnapFile(fs, dir, snapshotAt(300, 'again'))
  const again = await loadSnapFile(fs, dir, (await listSnapFiles(fs, dir))[1]!, silentLogger)
  t.equal(Buffer.from(again?.data ?? []).toString(), 'again')
})

t.test('a file that is broken, empty or under a wrong name is renamed', async (t) => {
  const dir = folder(t)
  const name = (at: number) => `0000000000000002-${at.toString(16).padStart(16, '0')}.snap`
  writeFileSync(join(dir, name(1)), '')
  writeFileSync(join(dir, name(2)), 'nonsense')
  writeFileSync(join(dir, name(3)), encodeSnapFile(snapshotAt(4)))
  for (const file of await listSnapFiles(fs, dir)) t.equal(await loadSnapFile(fs, dir, file, silentLogger), undefined)
  t.same(
    readdirSync(dir),
    [1, 2, 3].map((at) => `${name(at)}.broken`),
  )
  await t.rejects(readSnapFile(fs, join(dir, `${name(2)}.broken`)), WalCorrupt)
})

t.test('purges the oldest of each kind', async (t) => {
  const dir = folder(t)
  for (const at of [1, 2, 3]) await saveSnapFile(fs, dir, snapshotAt(at))
  for (const at of [1, 2, 3]) writeFileSync(join(dir, `000000000000000${at}.snap.db`), 'x')
  t.same(await purgeSnapFiles(fs, dir, 0, undefined), [], '0 keeps all')
  await purgeSnapFiles(fs, dir, 2, undefined)
  t.same(readdirSync(dir), [
    '0000000000000002-0000000000000002.snap',
    '0000000000000002-0000000000000003.snap',
    '0000000000000002.snap.db',
    '0000000000000003.snap.db',
  ])
  await purgeSnapFiles(fs, dir, 1, '0000000000000002-0000000000000002.snap')
  t.ok(readdirSync(dir).includes('0000000000000002-0000000000000002.snap'), 'never the one that recovery needs')
})

t.test('the v2 store round-trips membership', async (t) => {
  const membership = {
    members: [
      {
        id: memberId(0x0eb6497f14c595den),
        peerUrls: ['http://a:1', 'http://b:2?x=<&>'],
        isLearner: false,
        name: 'm1',
        clientUrls: ['http://a:3'],
      },
      { id: memberId(0xfcb394b6a691b599n), peerUrls: ['http://c:1'], isLearner: true, name: '', clientUrls: [] },
    ],
    removed: [memberId(5n), memberId(0xffff_ffff_ffff_ffffn)],
    clusterVersion: '3.5.0',
  }
  const bytes = encodeV2Store(membership)
  t.same(decodeV2Store(bytes), membership)
  const text = Buffer.from(bytes).toString()
  t.match(text, /"eb6497f14c595de":\{"Path":"\/0\/members\/eb6497f14c595de"/, 'ids without padding')
  t.match(text, /\\\\u003c\\\\u0026\\\\u003e/, 'escaped as Go does')
  t.notMatch(text, /"isLearner\\":false/)
  t.same(decodeV2Store(encodeV2Store({ members: [], removed: [], clusterVersion: undefined })), {
    members: [],
    removed: [],
    clusterVersion: undefined,
  })
})

t.test('a v2 store that is none is refused', async (t) => {
  const store = (members: unknown) =>
    JSON.stringify({ Root: { Children: { 0: { Children: { members: { Children: members } } } } } })
  const file = (value: unknown) => ({ Value: JSON.stringify(value), Children: null })
  const cases: [string, string][] = [
    ['not JSON', '{'],
    ['no root', '{}'],
    ['root is a file', '{"Root":{"Value":"","Children":null}}'],
    ['bad id', store({ xyz: { Children: { raftAttributes: file({ peerURLs: [] }) } } })],
    ['member without raftAttributes', store({ 1: { Children: {} } })],
    ['URLs of another type', store({ 1: { Children: { raftAttributes: file({ peerURLs: [1] }) } } })],
    ['attributes not JSON', store({ 1: { Children: { raftAttributes: { Value: '{', Children: null } } } })],
  ]
  for (const [name, text] of cases) t.throws(() => decodeV2Store(Buffer.from(text)), MalformedRecord, name)
  t.throws(() => decodeV2Store(Uint8Array.of(0xff, 0xfe)), MalformedRecord, 'not UTF-8')
  const missing = store({ 1: { Children: { raftAttributes: file({ peerURLs: null }) } } })
  t.same(decodeV2Store(Buffer.from(missing)).members[0]?.peerUrls, [], 'Go writes null for no URLs')
})
