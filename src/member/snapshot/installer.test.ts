import t from 'tap'
import { index, term } from '../../base/index.js'
import { silentLogger } from '../../env/index.js'
import { Restore } from '../../mvcc/index.js'
import { MemoryBackend } from '../../mvcc/testing.js'
import type { LoadedState } from '../load-state.js'
import { SnapshotInstaller } from './installer.js'
import { SwitchedBackend } from './switched-backend.js'
import { MemoryFolders } from './testing.js'

const AT = { index: index(20), term: term(2) }

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
    folders: new MemoryFolders(() => next),
    logger: silentLogger,
    take: async (point) => {
      steps.push(`took ${point.index}`)
      return { folder: 'store.next', backend: next, restored: new Restore(next, { logger: silentLogger }) }
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
  const place = installer.place().then((folder) => void steps.push(`free: ${folder}`))
  await loading
  await installer.close()
  end({ store: { close: note('store closed') } } as never)
  await refused
  await place
  t.same(steps, ['took 20', 'paused', 'resumed as before', 'store closed', 'backend closed', 'free: store.next'])
})
