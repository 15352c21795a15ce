// A snapshot on its way into a member on a disk that loses what was not synced: received, put into the log, made a store. Whatever
// the moment of the crash, and of a second one during recovery, the member has the state before or the state after, and its log
// fits.
import t from 'tap'
import { type ClusterId, type Index, type MemberId, index, term } from '#src/base/index.js'
import { type Backend, type BackendFolders, type BackendRow, BUCKETS, silentLogger } from '#src/env/index.js'
import { appliedIndexOf, catchUpStore, discard, openNewest, otherFolder } from '#src/member/snapshot/stores.js'
import { SnapshotReceiver } from '#src/member/snapshot/receiver.js'
import { appliedRows, chunksOf, snapshotMessageAt } from '#src/member/snapshot/testing.js'
import { MemoryBackend, TurnClock } from '#src/mvcc/testing.js'
import { createWal, openWal } from '#src/storage/index.js'
import { SimFolders } from '../support/sim-folders.js'
import { seededRandom, SimCrashed, SimFileSystem } from '../support/sim-file-system.js'

t.setTimeout(0)

const WAL = '/data/member/wal'
const SNAP = '/data/member/snap'
const IDS = { memberId: 1n as MemberId, clusterId: 2n as ClusterId }
const OPTIONS = { clock: { monotonicMs: () => 0 }, logger: silentLogger, segmentBytes: 8192 }
const CONF = { voters: [1n as MemberId], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false }
const OLD = 5
const NEW = 20
const termOf = (at: number): number => (at === NEW ? 2 : 1)

const rowsAt = (at: number): BackendRow[] => [
  ...Array.from({ length: 140 }, (_, i) => ({
    bucket: 'auth' as const,
    key: Buffer.from(`k${at}-${i}`),
    value: Buffer.alloc(60_000, at),
  })),
  { bucket: 'lease', key: Buffer.from(`l${at}`), value: Buffer.from('x') },
  ...appliedRows(index(at), termOf(at)),
]

const textOf = async (backend: Backend): Promise<string> => {
  const rows: string[] = []
  for (const bucket of BUCKETS) {
    for await (const slice of backend.scan(bucket, new Uint8Array(0), undefined)) {
      for (const { key, value } of slice)
        rows.push(`${bucket}/${Buffer.from(key).toString()}:${value.length}:${value[0]}`)
    }
  }
  return rows.join('\n')
}
const expectedAt = async (at: number): Promise<string> => {
  const backend = new MemoryBackend()
  await backend.write(rowsAt(at))
  return textOf(backend)
}

const POINT = { index: index(NEW), term: term(termOf(NEW)) }
const message = Object.assign(snapshotMessageAt(NEW, termOf(NEW)), { from: 3n, to: IDS.memberId })

/** Mistakes to plant. */
interface Plants {
  readonly folders?: (folders: BackendFolders) => BackendFolders
  readonly logsFirst?: boolean
  readonly takesFirst?: boolean
}

const entry = (at: number, atTerm: number) => ({
  type: 0,
  term: term(atTerm),
  index: index(at),
  data: Buffer.from('e'),
})

class Machine {
  readonly fs: SimFileSystem
  readonly #stores: SimFolders
  readonly folders: BackendFolders
  readonly plants: Plants

  constructor(seed: number, plants: Plants) {
    const random = seededRandom(seed)
    this.fs = new SimFileSystem({ random })
    this.plants = plants
    this.#stores = new SimFolders(this.fs, { clock: new TurnClock(), random })
    this.folders = plants.folders?.(this.#stores) ?? this.#stores
  }

  crash(seed: number, crashAt: number | undefined): void {
    const random = seededRandom(seed)
    this.#stores.crash({ clock: new TurnClock(), random })
    this.fs.crash({ random, ...(crashAt !== undefined && { crashAt }) })
  }

  async prepare(): Promise<void> {
    await this.fs.makeDirectory(SNAP)
    const wal = await createWal(this.fs, WAL, SNAP, IDS, OPTIONS)
    await wal.append(
      { term: term(1), vote: IDS.memberId, commit: index(OLD) },
      [1, 2, 3, 4, 5, 6].map((at) => entry(at, 1)),
    )
    await wal.close()
    await (await this.folders.open('store')).write(rowsAt(OLD))
  }

  get parts() {
    return { folders: this.folders, logger: silentLogger }
  }

  /** As a running member does it. */
  async take(): Promise<void> {
    const { wal } = await openWal(this.fs, WAL, SNAP, OPTIONS)
    const opened = await openNewest(this.folders)
    const log = async (): Promise<void> => {
      const snapshot = { ...POINT, confState: CONF, data: Buffer.from('members') }
      await wal.install(snapshot, { term: term(2), vote: 0n as MemberId, commit: index(NEW) }, [entry(NEW + 1, 2)])
    }
    const receiver = new SnapshotReceiver({
      folders: this.folders,
      logger: silentLogger,
      clusterId: IDS.clusterId,
      place: async () => otherFolder(opened.folder),
      isObsolete: () => false,
      committed: () => index(NEW),
      applied: () => index(OLD),
      step: () => undefined,
    })
    const receipt = await receiver.begin(message)
    for (const chunk of await chunksOf(rowsAt(NEW), IDS.clusterId, NEW, termOf(NEW))) await receipt!.write(chunk)
    if (this.plants.logsFirst === true) await log()
    await receipt!.finish()
    if (this.plants.takesFirst === true) await receiver.take(POINT)
    if (this.plants.logsFirst !== true) await log()
    if (this.plants.takesFirst !== true) await receiver.take(POINT)
    await discard(this.folders, opened)
    await wal.close()
  }

  /** As a start does it. Returns what is wrong. */
  async recover(): Promise<string | undefined> {
    const { wal, recovered } = await openWal(this.fs, WAL, SNAP, OPTIONS)
    await wal.close()
    const store = await catchUpStore(this.parts, await openNewest(this.folders), recovered.snapshot)
    const applied: Index = appliedIndexOf(store.backend)
    if (recovered.snapshot === undefined) {
      if (applied !== OLD || recovered.entries.length !== 6)
        return `${applied} applied, ${recovered.entries.length} entries`
    } else if (applied !== NEW || recovered.hardState.commit !== NEW) return `applied ${applied} under snapshot ${NEW}`
    if ((await textOf(store.backend)) !== (await expectedAt(applied))) return `the rows are not those of ${applied}`
    if ((await this.folders.list()).length !== 1) return 'two stores are left'
    return undefined
  }
}

const run = async (seed: number, crashAt: number, again: number | undefined, plants: Plants = {}) => {
  const machine = new Machine(seed, plants)
  await machine.prepare()
  machine.crash(seed, crashAt)
  let survived = false
  try {
    await machine.take()
    survived = true
  } catch (error) {
    if (!isStop(error)) throw error
  }
  machine.crash(seed + 1, again)
  try {
    const problem = await machine.recover()
    if (problem !== undefined) return { survived, problem }
  } catch (error) {
    if (again === undefined || !isStop(error)) throw error
  }
  machine.crash(seed + 2, undefined)
  return { survived, problem: await machine.recover() }
}

const isStop = (error: unknown): boolean =>
  error instanceof SimCrashed || (error instanceof Error && error.cause instanceof SimCrashed)

t.test('a crash at any step leaves the state before or after, and a second one in the recovery too', async (t) => {
  const problems: string[] = []
  let steps = 0
  for (let seed = 1; seed <= 6; seed++) {
    let over = false
    for (let crashAt = 1; !over; crashAt++) {
      const again = seed % 2 === 0 ? 1 + ((crashAt * 7 + seed) % 40) : undefined
      const { survived, problem } = await run(seed * 1000 + crashAt, crashAt, again)
      if (problem !== undefined) problems.push(`seed ${seed}, crash at ${crashAt}, then at ${again}: ${problem}`)
      over = survived
      steps++
    }
  }
  t.same(problems, [])
  t.ok(steps > 200, `${steps} moments`)
})

const MISTAKES: Readonly<Record<string, Plants>> = {
  'the log begins with the snapshot before its store is durable': { logsFirst: true },
  'the store counts before the log begins with the snapshot': { takesFirst: true },
  'the applied index written first': {
    folders: (folders) => ({
      list: () => folders.list(),
      open: async (folder) => {
        const backend = await folders.open(folder)
        if (folder === 'store.next') await backend.write(appliedRows(POINT.index, POINT.term))
        return backend
      },
      sync: (folder) => folders.sync(folder),
      remove: (folder) => folders.remove(folder),
    }),
  },
}

t.test('planted mistakes are found', async (t) => {
  for (const [name, plants] of Object.entries(MISTAKES)) {
    let found: string | undefined
    for (let crashAt = 1, over = false; !over && found === undefined; crashAt++) {
      try {
        const { survived, problem } = await run(crashAt, crashAt, undefined, plants)
        over = survived
        found = problem
      } catch (error) {
        found = String(error)
      }
    }
    t.ok(found, `${name}: ${found?.slice(0, 100)}`)
  }
})
