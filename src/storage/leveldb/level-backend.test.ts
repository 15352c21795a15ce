import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { type BackendRow, type Bucket, BUCKETS } from '../../env/index.js'
import { BackendLocked, LevelBackend } from './level-backend.js'

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const text = (row: Uint8Array | undefined): string | undefined =>
  row === undefined ? undefined : Buffer.from(row).toString('latin1')
const put = (bucket: Bucket, key: string, value: string): BackendRow => ({
  bucket,
  key: bytes(key),
  value: bytes(value),
})
const folder = (): string => join(mkdtempSync(join(tmpdir(), 'level-backend-')), 'member', 'store')

const scanned = async (
  backend: LevelBackend,
  bucket: Bucket,
  lo = '',
  hi?: string,
  slice?: number,
): Promise<string[]> => {
  const rows: string[] = []
  for await (const part of backend.scan(bucket, bytes(lo), hi === undefined ? undefined : bytes(hi), slice))
    rows.push(...part.map(({ key, value }) => `${text(key)}=${text(value)}`))
  return rows
}

t.test('rows of a bucket are apart from those of its neighbours', async (t) => {
  const backend = await LevelBackend.open(folder())
  await backend.write(BUCKETS.flatMap((bucket) => ['', '\0', '\xff\xff'].map((key) => put(bucket, key, bucket + key))))
  for (const bucket of BUCKETS) {
    t.same(await scanned(backend, bucket), [`=${bucket}`, `\0=${bucket}\0`, `\xff\xff=${bucket}\xff\xff`])
    t.equal(text(backend.get(bucket, bytes('\0'))), `${bucket}\0`)
    t.equal(backend.get(bucket, bytes('a')), undefined)
  }
  t.same(await scanned(backend, 'key', '\0', '\xff'), ['\0=key\0'])
  await backend.close()
})

t.test('writes are batches in call order, and the later row of a batch wins', async (t) => {
  const backend = await LevelBackend.open(folder())
  const writes: Promise<void>[] = []
  for (let i = 0; i < 200; i++) writes.push(backend.write([put('meta', 'n', String(i)), put('meta', `n${i}`, '')]))
  await Promise.all(writes)
  t.equal(text(backend.get('meta', bytes('n'))), '199')
  await backend.write([
    put('key', 'a', '1'),
    put('key', 'a', '2'),
    put('key', 'b', '1'),
    { bucket: 'key', key: bytes('b'), value: undefined },
  ])
  t.same(await scanned(backend, 'key'), ['a=2'])
  await backend.close()
})

t.test('a scan shows the rows as of the call, however late it is read', async (t) => {
  const backend = await LevelBackend.open(folder())
  const rows = Array.from({ length: 1000 }, (_, i) => put('key', String(i).padStart(4, '0'), 'x'.repeat(100)))
  await backend.write(rows)
  const scan = backend.scan('key', bytes(''), undefined, 1000)
  await backend.write(rows.map(({ bucket, key }) => ({ bucket, key, value: undefined })))
  const slices: number[] = []
  for await (const slice of scan) slices.push(slice.length)
  t.equal(
    slices.reduce((sum, length) => sum + length, 0),
    1000,
  )
  t.ok(slices.length > 50, `${slices.length} slices`)
  t.same(await scanned(backend, 'key'), [])
  await backend.close()
})

t.test('a scan may be left early', async (t) => {
  const backend = await LevelBackend.open(folder())
  await backend.write(Array.from({ length: 1000 }, (_, i) => put('key', String(i), 'x'.repeat(100))))
  for await (const slice of backend.scan('key', bytes(''), undefined, 100)) {
    t.ok(slice.length > 0)
    break
  }
  await backend.close()
  await t.rejects(backend.write([put('key', 'a', '')]), 'nothing works after the end')
})

t.test('rows survive a restart', async (t) => {
  for (const syncWrites of [true, false]) {
    const path = folder()
    const backend = await LevelBackend.open(path, { syncWrites })
    await backend.write([put('key', 'a', '1'), put('lease', 'b', '')])
    await backend.sync()
    if (!syncWrites)
      t.ok(
        readdirSync(path).some((name) => name.endsWith('.ldb')),
        'a sync leaves a table file',
      )
    await backend.close()
    await backend.close()
    const again = await LevelBackend.open(path)
    t.same(await scanned(again, 'key'), ['a=1'])
    t.same(await scanned(again, 'lease'), ['b='])
    t.ok((await again.fileBytes()) > 0)
    await again.close()
  }
})

t.test('reclaiming gives the space of deleted rows back', async (t) => {
  const backend = await LevelBackend.open(folder(), { syncWrites: false })
  // Incompressible rows, so that file sizes tell.
  let state = 1
  const noise = Buffer.from(Array.from({ length: 50_000 }, () => (state = Math.imul(state, 48271) >>> 0) >>> 24))
  const key = (i: number): Uint8Array => bytes(String(i).padStart(4, '0'))
  for (let i = 0; i < 400; i++)
    await backend.write([{ bucket: 'key', key: key(i), value: noise.subarray(i * 50, i * 50 + 30_000) }])
  await backend.reclaim()
  const before = await backend.fileBytes()
  for (let i = 0; i < 400; i++)
    if (i % 10 !== 0) await backend.write([{ bucket: 'key', key: key(i), value: undefined }])
  await backend.reclaim()
  const after = await backend.fileBytes()
  t.ok(before > 5_000_000 && after < before / 4, `${before} bytes became ${after}`)
  t.equal((await scanned(backend, 'key')).length, 40)
  await backend.close()
})

/** What a process of its own gets. */
const openElsewhere = async (path: string): Promise<string> => {
  const door = new URL('./level-backend.js', import.meta.url).href
  const script = `import(${JSON.stringify(door)}).then(({ LevelBackend }) => LevelBackend.open(${JSON.stringify(path)}))
    .then(() => console.log('opened'), (error) => console.log(error.name))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const output: Buffer[] = []
  child.stdout.on('data', (data: Buffer) => output.push(data))
  await once(child, 'close')
  return Buffer.concat(output).toString().trim()
}

t.test('a second opener gets BackendLocked, from this process or another, until the first one closes', async (t) => {
  const path = folder()
  const backend = await LevelBackend.open(path)
  await t.rejects(LevelBackend.open(path), BackendLocked)
  await t.rejects(LevelBackend.open(join(path, '..', 'store')), BackendLocked)
  t.equal(await openElsewhere(path), 'BackendLocked', 'attempts from here do not loosen the lock')
  await backend.close()
  t.equal(await openElsewhere(path), 'opened')
  const again = await LevelBackend.open(path)
  await again.close()
})

t.test('a view shows the rows as of its making, in slices, until it is closed', async (t) => {
  const backend = await LevelBackend.open(folder())
  await backend.write(Array.from({ length: 100 }, (_, i) => put('key', `k${100 + i}`, 'old'.repeat(50))))
  await backend.write([put('meta', 'm', 'old')])
  const view = backend.view()
  await backend.write([put('key', 'k100', 'new'), put('key', 'a', 'new'), put('meta', 'm', 'new')])
  await backend.write([{ bucket: 'key', key: bytes('k101'), value: undefined }])
  const rows: string[] = []
  let slices = 0
  for await (const slice of view.scan('key', bytes(''), undefined, 2000)) {
    slices++
    rows.push(...slice.map(({ key, value }) => `${text(key)}${text(value)!.slice(0, 3)}`))
  }
  t.same(
    rows,
    Array.from({ length: 100 }, (_, i) => `k${100 + i}old`),
  )
  t.ok(slices > 3, `${slices} slices`)
  for await (const slice of view.scan('meta', bytes('a'), bytes('z')))
    t.same(
      slice.map(({ value }) => text(value)),
      ['old'],
    )
  const unread = view.scan('key', bytes(''), undefined)[Symbol.asyncIterator]()
  await unread.next()
  await unread.return?.()
  await view.close()
  await view.close()
  t.throws(() => view.scan('key', bytes(''), undefined))
  await backend.close()
})

t.test('a view that was forgotten does not keep the store from closing', async (t) => {
  const backend = await LevelBackend.open(folder())
  await backend.write([put('key', 'k', 'v')])
  backend.view()
  await backend.close()
  t.pass('closed')
})

t.test('a large batch leaves turns to others, and is seen whole or not at all', async (t) => {
  const backend = await LevelBackend.open(folder())
  const large = 'x'.repeat(16 * 1024)
  await backend.write([put('meta', 'gone', '')])
  const rows = Array.from({ length: 200 }, (_, i) => put('key', `k${1000 + i}`, large))
  let done = false
  let turns = 0
  const written = backend
    .write([
      put('key', 'first', 'yes'),
      ...rows,
      put('key', 'last', 'yes'),
      { ...put('meta', 'gone', ''), value: undefined },
    ])
    .then(() => (done = true))
  while (!done) {
    // It may become visible between two looks, so the later row is looked for first.
    for (const [later, earlier] of [
      ['last', 'k1000'],
      ['first', 'last'],
    ] as const) {
      const seen = [later, earlier].map((key) => backend.get('key', bytes(key)) !== undefined)
      if (seen[0] && !seen[1]) t.fail(`${later} is seen without ${earlier}`)
    }
    turns++
    await new Promise((resolve) => setImmediate(resolve))
  }
  await written
  t.ok(turns > 10, `${turns} turns`)
  t.equal((await scanned(backend, 'key')).length, 202)
  t.equal(backend.get('meta', bytes('gone')), undefined)
  await backend.close()
})
