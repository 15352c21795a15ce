// The bucket `meta` as a row that moves: the same answers as from rows of its own, and files that LevelDB leaves alone.
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ClassicLevel } from 'classic-level'
import { type Backend, type BackendRow, type BackendView, type Bucket } from '../../env/index.js'
import { SeededRandom } from '../../proto/testing.js'
import { LevelBackend } from './level-backend.js'
import { decodeMetaRows, encodeMetaRows } from './meta-row.js'

const FIRST_SEED = Number(process.env['SEED'] ?? 1)
const SEEDS = process.env['SEED'] === undefined ? 6 : 1
const CHUNK_BYTES = 16 * 1024

const folder = (): string => join(mkdtempSync(join(tmpdir(), 'meta-row-')), 'store')
const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const text = (row: Uint8Array | undefined): string => (row === undefined ? '-' : Buffer.from(row).toString('latin1'))

/** As revisions are: 17 bytes, or 18 with a mark. */
const keyAt = (main: number, mark = ''): Uint8Array => {
  const key = Buffer.alloc(17)
  key.writeBigUInt64BE(BigInt(main))
  key[8] = 0x5f
  return Buffer.concat([key, bytes(mark)])
}

const listed = async (from: Backend | BackendView, bucket: Bucket, lo = '', hi?: string): Promise<string[]> => {
  const rows: string[] = []
  for await (const slice of from.scan(bucket, bytes(lo), hi === undefined ? undefined : bytes(hi), 500))
    rows.push(...slice.map(({ key, value }) => `${text(key)}=${text(value)}`))
  return rows
}

const modelled = (model: ReadonlyMap<string, string>, bucket: Bucket, lo = '', hi?: string): string[] =>
  [...model]
    .map(([id, value]) => [id.slice(id.indexOf('/') + 1), value, id.startsWith(`${bucket}/`)] as const)
    .filter(([key, , isHere]) => isHere && key >= lo && (hi === undefined || key < hi))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)

/** Rows that LevelDB holds, read behind the backend's back. */
const levelRows = async (path: string): Promise<number> => {
  const level = new ClassicLevel(path)
  await level.open()
  const keys = await level.keys().all()
  await level.close()
  return keys.length
}

const randomBatch = (random: SeededRandom, main: number): BackendRow[] => {
  const rows: BackendRow[] = []
  const value = (): Uint8Array => random.bytes(random.below(40))
  for (let n = random.below(5); n > 0; n--) {
    const at = random.chance(60) ? main + n : random.below(main + 1)
    const key = keyAt(at, random.chance(20) ? 'd' : '')
    rows.push({ bucket: 'key', key, value: random.chance(10) ? undefined : value() })
  }
  for (let n = random.below(3); n > 0; n--) {
    const key = bytes(random.pick(['', 'a', 'b', 'consistent_index', 'z\xff']))
    rows.push({ bucket: 'meta', key, value: random.chance(30) ? undefined : value() })
  }
  if (random.chance(20)) rows.push({ bucket: 'lease', key: random.bytes(8), value: value() })
  return rows
}

t.test('any history reads as from rows at fixed places, through restarts and views', async (t) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const random = new SeededRandom(seed)
    const path = folder()
    let backend = await LevelBackend.open(path, { syncWrites: false })
    const model = new Map<string, string>()
    const same = async (from: Backend | BackendView, at: ReadonlyMap<string, string>, what: string): Promise<void> => {
      for (const bucket of ['key', 'meta', 'lease', 'members_removed'] as const)
        t.same(await listed(from, bucket), modelled(at, bucket), `seed ${seed}, ${what}: ${bucket}`)
      t.same(await listed(from, 'meta', 'a', 'c'), modelled(at, 'meta', 'a', 'c'), `seed ${seed}, ${what}: part`)
    }
    let kept: { view: BackendView; model: Map<string, string> } | undefined
    for (let round = 0; round < 600; round++) {
      const rows = randomBatch(random, 3 * round)
      await backend.write(rows)
      for (const { bucket, key, value } of rows) {
        if (value === undefined) model.delete(`${bucket}/${text(key)}`)
        else model.set(`${bucket}/${text(key)}`, text(value))
      }
      if (random.chance(2)) {
        await kept?.view.close()
        kept = { view: backend.view(), model: new Map(model) }
      }
      if (random.chance(2) && kept !== undefined) await same(kept.view, kept.model, `view in round ${round}`)
      if (random.chance(3)) {
        await kept?.view.close()
        kept = undefined
        await backend.close()
        backend = await LevelBackend.open(path, { syncWrites: false })
        for (const key of ['', 'a', 'consistent_index'])
          t.equal(text(backend.get('meta', bytes(key))), model.get(`meta/${key}`) ?? '-', `seed ${seed}, restart`)
        if (random.chance(50)) await same(backend, model, `restart in round ${round}`)
      }
    }
    await same(backend, model, 'end')
    await kept?.view.close()
    await backend.close()
    const spare = (await levelRows(path)) - [...model.keys()].filter((id) => !id.startsWith('meta/')).length
    t.ok(spare < 200, `seed ${seed}: ${spare} rows of meta`)
  }
})

t.test('a view never shows the applied index of another batch than that of its revisions', async (t) => {
  const backend = await LevelBackend.open(folder(), { syncWrites: false })
  let isDone = false
  const writing = (async () => {
    for (let i = 1; i <= 1000; i++)
      await backend.write([
        { bucket: 'key', key: keyAt(i), value: bytes('x') },
        { bucket: 'meta', key: bytes('n'), value: keyAt(i) },
      ])
    isDone = true
  })()
  let views = 0
  while (!isDone) {
    const view = backend.view()
    const found = await Promise.all([listed(view, 'key'), listed(view, 'meta')])
    const [keys, [mark]] = found
    if (mark !== undefined && `n=${keys.at(-1)!.slice(0, -2)}` !== mark) t.fail(`view ${views}: ${mark}`)
    views++
    await view.close()
  }
  await writing
  t.ok(views > 10, `${views} views`)
  await backend.close()
})

t.test('replaced rows of before a restart are deleted once a scan has met them', async (t) => {
  const path = folder()
  for (let round = 0; round < 3; round++) {
    const backend = await LevelBackend.open(path, { syncWrites: false })
    await listed(backend, 'key')
    for (let i = 0; i < 50; i++) await backend.write([{ bucket: 'meta', key: bytes('n'), value: keyAt(i) }])
    await backend.close()
  }
  const backend = await LevelBackend.open(path, { syncWrites: false })
  await listed(backend, 'key')
  await backend.write([
    { bucket: 'key', key: keyAt(1), value: undefined },
    { bucket: 'meta', key: bytes('n'), value: keyAt(1) },
  ])
  t.same(await listed(backend, 'meta'), [`n=${text(keyAt(1))}`])
  await backend.close()
  t.equal(await levelRows(path), 2, 'the last row, and the one that it replaced')
})

t.test('LevelDB merges nothing while revisions come in order', async (t) => {
  const path = folder()
  const random = new SeededRandom(7)
  const noise = random.bytes(200_000)
  let backend = await LevelBackend.open(path, { syncWrites: false })
  await backend.write([{ bucket: 'members', key: bytes('m'), value: bytes('m') }])
  const logOf = (): string =>
    ['LOG.old', 'LOG']
      .map((name) => (readdirSync(path).includes(name) ? readFileSync(join(path, name), 'latin1') : ''))
      .join('\n')
  for (let batch = 0; batch < 60; batch++) {
    const rows: BackendRow[] = []
    for (let i = 0; i < 100; i++) {
      const at = random.below(noise.length - CHUNK_BYTES)
      rows.push({ bucket: 'key', key: keyAt(batch * 100 + i), value: noise.subarray(at, at + CHUNK_BYTES) })
    }
    rows.push({ bucket: 'meta', key: bytes('consistent_index'), value: keyAt(batch) })
    await backend.write(rows)
    if (batch !== 30) continue
    await backend.close()
    backend = await LevelBackend.open(path, { syncWrites: false })
  }
  await backend.close()
  const log = logOf()
  const [tables, merges] = [/Level-0 table #\d+: started/g, /Compacting \d+@\d+ \+ \d+@\d+ files/g].map(
    (pattern) => log.match(pattern)?.length ?? 0,
  )
  t.ok(tables! > 8, `${tables} tables`)
  t.equal(merges, 0, 'files that were merged')
})

t.test('whatever the bytes are, decoding ends with rows that encode to them, or with an error', (t) => {
  const random = new SeededRandom(FIRST_SEED)
  let refused = 0
  for (let i = 0; i < 20_000; i++) {
    const rows = new Map<string, Uint8Array>()
    for (let n = random.below(4); n > 0; n--)
      rows.set(text(random.bytes(random.below(4))), random.bytes(random.below(20)))
    const encoded = Uint8Array.from(encodeMetaRows(rows))
    if (i % 2 === 0) {
      if (!t.same(decodeMetaRows(encoded), rows)) break
      continue
    }
    for (let n = 1 + random.below(3); n > 0; n--)
      if (encoded.length > 0) encoded[random.below(encoded.length)] = random.below(256)
    const damaged = encoded.subarray(0, random.chance(50) ? random.below(encoded.length + 1) : encoded.length)
    try {
      const found = decodeMetaRows(damaged)
      // A key that comes twice counts once.
      if (encodeMetaRows(found).length > damaged.length) t.fail('more came out than went in')
    } catch (error) {
      if ((error as Error).message !== 'malformed row of the bucket meta') throw error
      refused++
    }
  }
  t.ok(refused > 1000, `${refused} refused`)
  t.end()
})
