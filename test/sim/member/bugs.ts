// Mistakes that the simulation must find: doubles of what a member is given, each wrong in one way.
import type { Index } from '#src/base/index.js'
import { type Backend, type BackendRow, type LogStorage } from '#src/env/index.js'
import type { MemberParts } from '#src/member/index.js'
import type { Plants } from './world.js'

/** Everything of `log`, with some methods replaced. */
const withLog = (log: LogStorage, changes: Partial<LogStorage>): LogStorage => ({
  append: (hardState, entries) => log.append(hardState, entries),
  saveSnapshot: (snapshot) => log.saveSnapshot(snapshot),
  install: (snapshot, hardState, entries) => log.install(snapshot, hardState, entries),
  release: (index) => log.release(index),
  purge: (maxSegments, maxSnapshots) => log.purge(maxSegments, maxSnapshots),
  close: () => log.close(),
  ...changes,
})

const withBackend = (backend: Backend, write: (rows: readonly BackendRow[]) => Promise<void>): Backend => ({
  get: (bucket, key) => backend.get(bucket, key),
  scan: (bucket, lo, hi) => backend.scan(bucket, lo, hi),
  view: () => backend.view(),
  write,
  sync: () => backend.sync(),
  reclaim: () => backend.reclaim(),
  fileBytes: () => backend.fileBytes(),
  close: () => backend.close(),
})

const isIndexRow = ({ bucket, key }: BackendRow): boolean =>
  bucket === 'meta' && ['consistent_index', 'term'].includes(Buffer.from(key).toString())

/** Writes the rows in two batches, those that `first` picks before the others. */
const inTwo = (backend: Backend, first: (row: BackendRow) => boolean): Backend =>
  withBackend(backend, async (rows) => {
    await backend.write(rows.filter(first))
    await backend.write(rows.filter((row) => !first(row)))
  })

export const BUGS: Readonly<Record<string, Plants>> = {
  'acknowledges before the entries are durable': {
    log: (log) =>
      withLog(log, {
        append: async (hardState, entries) => {
          log.append(hardState, entries).catch(() => undefined)
        },
      }),
  },
  'writes the applied index before the effects': { backend: (backend) => inTwo(backend, isIndexRow) },
  'writes the applied index after the effects': { backend: (backend) => inTwo(backend, (row) => !isIndexRow(row)) },
  'saves a snapshot before the backend holds its state': {
    // A write that says it is done when it has only begun: whoever relies on a commit is ahead of it.
    backend: (backend) => {
      let last: Promise<void> = Promise.resolve()
      return withBackend(backend, async (rows) => {
        last = last.then(() => backend.write(rows))
      })
    },
  },
  'trusts the commit index in the log after a restart': {
    parts: (parts: MemberParts) => {
      const commit = parts.started.recovered.hardState.commit
      return { ...parts, applied: { ...parts.applied, index: Math.min(parts.applied.index, commit) as Index } }
    },
  },
  'starts one entry too far after a restart': {
    parts: (parts: MemberParts) => {
      const last = parts.started.recovered.entries.at(-1)?.index ?? parts.applied.index
      const isRestart = !parts.started.isNew && parts.applied.index < last
      const index = (isRestart ? parts.applied.index + 1 : parts.applied.index) as Index
      return { ...parts, applied: { ...parts.applied, index } }
    },
  },
}
