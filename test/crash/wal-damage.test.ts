// Damaged logs: a cut loses only the torn tail, a flipped bit is either without effect or refused with file and offset.
import t from 'tap'
import { index, term, type ClusterId, type MemberId } from '#src/base/index.js'
import { silentLogger, type LogEntry } from '#src/env/index.js'
import { createWal, openWal, readWal, WalCorrupt, type WalOptions } from '#src/storage/index.js'
import { paddingOf, readLengthWord, RecordView } from '#src/storage/wal/frame.js'
import { seededRandom, SimFileSystem } from '../support/sim-file-system.js'

t.setTimeout(0)

const DIR = '/member/wal'
const SNAP = '/member/snap'
const IDENTITY = { memberId: 0x8e9e05c52164694dn as MemberId, clusterId: 0xcdf818194e3a8c32n as ClusterId }
const options = (segmentBytes: number): WalOptions => ({
  clock: { monotonicMs: () => 0 },
  logger: silentLogger,
  segmentBytes,
})

/** A log of entries with random data, as a cluster of one writes it. */
const makeLog = async (seed: number, entryCount: number, segmentBytes: number): Promise<SimFileSystem> => {
  const random = seededRandom(seed)
  const fs = new SimFileSystem({ random })
  const wal = await createWal(fs, DIR, SNAP, IDENTITY, options(segmentBytes))
  for (let at = 1; at <= entryCount; at++) {
    const data = Uint8Array.from({ length: random.below(400) }, () => random.below(256))
    const entry: LogEntry = { type: at === 1 ? 1 : 0, term: term(2), index: index(at), data }
    await wal.append({ term: term(2), vote: IDENTITY.memberId, commit: index(at - 1) }, [entry])
  }
  await wal.close()
  return fs
}

const segments = async (fs: SimFileSystem): Promise<string[]> =>
  (await fs.list(DIR)).filter((name) => name.endsWith('.wal')).map((name) => `${DIR}/${name}`)

interface Frame {
  readonly offset: number
  readonly end: number
  readonly type: number
}

const framesOf = (bytes: Uint8Array): Frame[] => {
  const frames: Frame[] = []
  const record = new RecordView()
  for (let offset = 0; offset + 8 <= bytes.length;) {
    const size = readLengthWord(bytes, offset)
    if (size <= 0) break
    record.read(bytes, offset + 8, offset + 8 + size)
    const end = offset + 8 + size + paddingOf(size)
    frames.push({ offset, end, type: record.type })
    offset = end
  }
  return frames
}

const summary = (log: Awaited<ReturnType<typeof readWal>>): string =>
  JSON.stringify({
    entries: log.entries.map(({ type, term, index, data }) => [
      type,
      term,
      index,
      Buffer.from(data).toString('base64'),
    ]),
    state: [log.hardState.term, String(log.hardState.vote), log.hardState.commit],
    ids: [String(log.memberId), String(log.clusterId)],
  })

const read = (fs: SimFileSystem) => readWal(fs, DIR, SNAP, { logger: silentLogger })

t.test('a log cut at any byte of its last 4 KiB opens with every whole record before the cut', async (t) => {
  const fs = await makeLog(1, 60, 64_000)
  const path = (await segments(fs))[0]!
  const whole = fs.content(path).slice()
  const frames = framesOf(whole)
  const end = frames.at(-1)!.end
  const problems: string[] = []
  for (let cut = end - 4096; cut <= end; cut++) {
    fs.replace(path, whole.subarray(0, cut))
    const expected = frames.filter((frame) => frame.type === 2 && frame.end <= cut).length
    try {
      const { entries } = await read(fs)
      if (entries.length !== expected) problems.push(`cut at ${cut}: ${entries.length} entries, not ${expected}`)
    } catch (error) {
      problems.push(`cut at ${cut}: ${String(error)}`)
    }
  }
  t.same(problems, [])
})

t.test('a repaired log keeps a copy, goes on, and needs no repair again', async (t) => {
  const random = seededRandom(2)
  for (let round = 0; round < 60; round++) {
    const fs = await makeLog(round, 30, 64_000)
    const path = (await segments(fs))[0]!
    const whole = fs.content(path).slice()
    const frames = framesOf(whole)
    const cut = frames.at(-1)!.end - 1 - random.below(1500)
    const torn = !frames.some((frame) => frame.end === cut)
    fs.replace(path, whole.subarray(0, cut))
    const { wal, recovered } = await openWal(fs, DIR, SNAP, options(64_000))
    const next = recovered.entries.length + 1
    t.equal(await fs.exists(`${path}.broken`), torn, `round ${round}`)
    if (torn) t.same(await fs.readFile(`${path}.broken`), whole.subarray(0, cut))
    await wal.append(undefined, [{ type: 0, term: term(2), index: index(next), data: Buffer.from('after') }])
    await wal.close()
    fs.crash({ random })
    await fs.remove(`${path}.broken`)
    const again = await openWal(fs, DIR, SNAP, options(64_000))
    t.equal(again.recovered.entries.length, next)
    t.equal(await fs.exists(`${path}.broken`), false)
    await again.wal.close()
  }
})

t.test('a sector of the last write that was never written is a torn tail', async (t) => {
  const fs = await makeLog(3, 40, 64_000)
  const path = (await segments(fs))[0]!
  const whole = fs.content(path).slice()
  const frames = framesOf(whole)
  for (const frame of frames.filter(({ offset, end }) => end - offset > 100).slice(-10)) {
    for (let sector = Math.ceil((frame.offset + 8) / 512); sector * 512 < frame.end; sector++) {
      const damaged = whole.slice()
      damaged.fill(0, sector * 512, (sector + 1) * 512)
      fs.replace(path, damaged)
      const { entries } = await read(fs)
      t.equal(entries.length, frames.filter(({ type, end }) => type === 2 && end <= frame.offset).length)
    }
  }
})

t.test('a flipped bit changes nothing or is refused with file and offset', async (t) => {
  const bits = Number(process.env.QUORATE_FLIPS ?? 1000)
  const seed = Number(process.env.QUORATE_SEED ?? 7)
  const random = seededRandom(seed)
  const counts = { same: 0, refused: 0 }
  const problems: string[] = []
  for (const segmentBytes of [64_000, 4096]) {
    const fs = await makeLog(seed, 60, segmentBytes)
    const paths = await segments(fs)
    const expected = summary(await read(fs))
    for (let i = 0; i < bits / 2; i++) {
      const path = paths[random.below(paths.length)]!
      const whole = fs.content(path).slice()
      const damaged = whole.slice()
      const end = framesOf(whole).at(-1)!.end
      const position = random.below(end)
      const bit = random.below(8)
      damaged[position]! ^= 1 << bit
      fs.replace(path, damaged)
      try {
        if (summary(await read(fs)) === expected) counts.same++
        else problems.push(`bit ${bit} of byte ${position} of ${path}: read wrongly`)
      } catch (error) {
        if (error instanceof WalCorrupt && new RegExp(`^${DIR}/\\S+\\.wal: .+ at offset \\d+$`).test(error.message)) {
          counts.refused++
        } else problems.push(`bit ${bit} of byte ${position} of ${path}: ${String(error)}`)
      }
      fs.replace(path, whole)
    }
  }
  t.same(problems.slice(0, 10), [], `seed ${seed}: ${problems.length} problems`)
  t.ok(counts.refused > counts.same, `${counts.refused} refused, ${counts.same} without effect`)
})

t.test('random bytes in place of a segment are refused, nothing else is thrown', async (t) => {
  const random = seededRandom(11)
  const fs = await makeLog(4, 10, 64_000)
  const path = (await segments(fs))[0]!
  const whole = fs.content(path).slice(0, 4096)
  for (let i = 0; i < 3000; i++) {
    const bytes = whole.slice(0, random.below(whole.length))
    // Half of them all random, half with a random piece in a good log, often of bytes that mean something.
    const from = i % 2 === 0 ? 0 : random.below(bytes.length + 1)
    const to = i % 2 === 0 ? bytes.length : Math.min(bytes.length, from + random.below(64))
    const meaningful = [0, 1, 2, 4, 8, 0x10, 0x1a, 0x80, 0xff]
    for (let pos = from; pos < to; pos++) {
      bytes[pos] = random.below(2) === 0 ? random.below(256) : meaningful[random.below(meaningful.length)]!
    }
    fs.replace(path, bytes)
    try {
      await read(fs)
    } catch (error) {
      if (!(error instanceof WalCorrupt)) t.fail(`round ${i}: ${String(error)}`)
    }
  }
  fs.replace(path, whole)
  t.equal((await read(fs)).entries.length, 10)
})

t.test('a damaged segment that is not the last is refused even if it looks torn', async (t) => {
  const fs = await makeLog(5, 60, 4096)
  const [first] = await segments(fs)
  const whole = fs.content(first!).slice()
  const { offset } = framesOf(whole).at(-1)!
  for (const cut of [offset + 3, offset + 20, whole.length - 1]) {
    fs.replace(first!, whole.subarray(0, cut))
    await t.rejects(read(fs), new RegExp(`${first}: .* at offset ${offset}$`))
  }
})
