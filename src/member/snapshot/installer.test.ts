import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type ClusterId, index, term } from '../../base/index.js'
import { silentLogger } from '../../env/index.js'
import { nodeFileSystem } from '../../host/index.js'
import { MemoryBackend } from '../../mvcc/testing.js'
import type { LoadedState } from '../load-state.js'
import { SnapshotInstaller } from './installer.js'
import { RowFiles } from './row-files.js'
import { encodeRows } from './row-stream.js'
import { SwitchedBackend } from './switched-backend.js'

const CLUSTER = 5n as ClusterId
const AT = { index: index(20), term: term(2) }

/** A folder with the rows of a snapshot at `AT`. */
const receivedRows = async (t: Test): Promise<string> => {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-installer-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const applied = Buffer.alloc(8)
  applied.writeBigUInt64BE(BigInt(AT.index))
  const source = new MemoryBackend()
  await source.write([{ bucket: 'meta', key: Buffer.from('consistent_index'), value: applied }])
  const fs = nodeFileSystem()
  const files = new RowFiles(fs, directory)
  const file = await fs.open(files.temporaryPathOf(AT.index), 'create')
  let position = 0
  for await (const chunk of encodeRows(source.view(), { clusterId: CLUSTER, ...AT })) {
    await file.write(chunk, position)
    position += chunk.length
  }
  await file.close()
  await files.publish(AT.index)
  return directory
}

t.test('an installation that is cut short leaves everything to the old state', async (t) => {
  const steps: string[] = []
  const note = (step: string) => async (): Promise<void> => void steps.push(step)
  const next = new MemoryBackend()
  next.close = note('backend closed')
  const old = new MemoryBackend()
  let begin = (): void => undefined
  const loading = new Promise<void>((resolve) => (begin = resolve))
  let end = (_: LoadedState): void => undefined
  const loaded = new Promise<LoadedState>((resolve) => (end = resolve))
  const installer = new SnapshotInstaller({
    parts: {
      folders: { list: async () => [], open: async () => next, remove: async () => {}, sync: async () => {} },
      fs: nodeFileSystem(),
      snapDirectory: await receivedRows(t),
      clusterId: CLUSTER,
      logger: silentLogger,
    },
    store: { folder: 'store', backend: old },
    switched: new SwitchedBackend(old),
    load: () => {
      begin()
      return loaded
    },
    state: { machine: { applied: { index: index(5), term: term(1) }, adopt: () => t.fail('adopted') } } as never,
    committer: {
      pause: note('paused'),
      resume: (point) => void steps.push(point === undefined ? 'resumed as before' : 'resumed elsewhere'),
    },
    onInstalled: () => t.fail('installed'),
  })
  const refused = t.rejects(installer.install(AT), { message: 'the member is closing' })
  await loading
  await installer.close()
  end({ store: { close: note('store closed') } } as never)
  await refused
  t.same(steps, ['paused', 'resumed as before', 'store closed', 'backend closed'])
})
