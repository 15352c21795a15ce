import t from 'tap'
import { index, term, type ClusterId, type Index, type MemberId, type Term } from '../../base/index.js'
import { MalformedRecord } from './errors.js'
import {
  claimedSize,
  hasZeroSector,
  paddingOf,
  putLengthWord,
  readLengthWord,
  RecordType,
  RecordView,
} from './frame.js'
import { encodeMetadata, encodeSnapshotRecord } from './messages.js'
import type { LogEntry } from '../../env/index.js'
import { RecordBuffer } from './record-buffer.js'

const entryOf = (type: number, term: Term, index: Index, data: Uint8Array): LogEntry => ({ type, term, index, data })

const hex = (text: string): string => text.replace(/\s/g, '')

t.test('the head of a log is what etcd 3.4.23 wrote', async (t) => {
  const records = new RecordBuffer(0)
  records.addCrc()
  const metadata = { memberId: 0xab73c610cfeaaca7n as MemberId, clusterId: 0x6e60cbb971e646ebn as ClusterId }
  t.equal(Buffer.from(encodeMetadata(metadata)).toString('hex'), hex('08a7d9aaff8cc2f1b9ab01 10eb8d998f97f7b2b06e'))
  records.addRaw(RecordType.metadata, encodeMetadata(metadata))
  t.equal(records.crc, 0x6d3fc3eb)
  records.addRaw(RecordType.snapshot, encodeSnapshotRecord({ index: index(0), term: term(0), confState: undefined }))
  t.equal(records.crc, 0xe416410a)
  t.equal(
    Buffer.from(records.view()).toString('hex'),
    hex(`0400000000000084 0804100000000000
         1f00000000000081 0801 10eb87ffe906 1a15 08a7d9aaff8cc2f1b9ab01 10eb8d998f97f7b2b06e 00
         0e00000000000082 0805 108a82d9a00e 1a04 08001000 0000`),
  )
})

t.test('entries and hard states are written with all their scalars, empty data left out', async (t) => {
  const cases: [string, (records: RecordBuffer) => void][] = [
    ['0800 1001 1802', (r) => r.addEntry(entryOf(0, term(1), index(2), new Uint8Array(0)))],
    [
      '0801 10ac02 18ffffffff0f 2203616263',
      (r) => r.addEntry(entryOf(1, term(300), index(2 ** 32 - 1), Buffer.from('abc'))),
    ],
    [
      '0800 1080808080808008 18ffffffffffffff0f',
      (r) => r.addEntry(entryOf(0, term(2 ** 45), index(2 ** 53 - 1), new Uint8Array(0))),
    ],
    ['0800 1000 1807', (r) => r.addHardState({ term: term(0), vote: 0n as MemberId, commit: index(7) })],
    [
      '0802 10ffffffffffffffffff01 1800',
      (r) => r.addHardState({ term: term(2), vote: 0xffff_ffff_ffff_ffffn as MemberId, commit: index(0) }),
    ],
  ]
  for (const [expected, add] of cases) {
    const records = new RecordBuffer(0)
    add(records)
    const bytes = records.view()
    const view = new RecordView()
    view.read(bytes, 8, 8 + readLengthWord(bytes, 0))
    t.equal(Buffer.from(bytes.subarray(view.dataStart, view.dataEnd)).toString('hex'), hex(expected))
    t.equal(view.crc, records.crc)
  }
})

t.test('a checksum of fewer than five bytes moves the data', async (t) => {
  // Of many checksums one in sixteen is below 2^28.
  let short = 0
  const records = new RecordBuffer(0)
  const view = new RecordView()
  for (let i = 1; i <= 2000; i++) {
    records.clear()
    const data = Buffer.from(`value ${i}`)
    records.addEntry(entryOf(0, term(1), index(i), data))
    const bytes = records.view()
    const size = readLengthWord(bytes, 0)
    t.ok(size > 0)
    view.read(bytes, 8, 8 + size)
    if (view.crc < 2 ** 28) short++
    t.same(Buffer.from(bytes.subarray(view.dataEnd - data.length, view.dataEnd)), data)
    t.equal(bytes.length, 8 + size + paddingOf(size))
    t.equal(claimedSize(bytes, 8, bytes.length), size)
  }
  t.ok(short > 50, `${short} short checksums`)
})

t.test('length words round-trip, and words that no writer makes are refused', async (t) => {
  const word = new Uint8Array(8)
  for (const size of [1, 7, 8, 9, 255, 256, 64_000_000, 2 ** 31 + 3, 2 ** 32 - 1]) {
    putLengthWord(word, 0, size)
    t.equal(readLengthWord(word, 0), size)
    word[7]! ^= 0x40
    t.equal(readLengthWord(word, 0), -1, `unknown flag, size ${size}`)
  }
  t.equal(readLengthWord(new Uint8Array(8), 0), 0)
  t.equal(readLengthWord(Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0x83), 0), -1, 'padding of another length')
  t.equal(readLengthWord(Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0), 0), -1, 'no padding where some is needed')
})

t.test('the record parser throws nothing but MalformedRecord on random bytes', async (t) => {
  let state = 12345
  const random = (bound: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
  const view = new RecordView()
  let accepted = 0
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: random(40) }, () =>
      random(3) === 0 ? [0x08, 0x10, 0x1a, 0x80][random(4)]! : random(256),
    )
    try {
      view.read(bytes, 0, bytes.length)
      accepted++
      if (view.dataStart < 0 || view.dataStart > view.dataEnd || view.dataEnd > bytes.length) t.fail('data outside')
    } catch (error) {
      if (!(error instanceof MalformedRecord)) throw error
    }
  }
  t.ok(accepted > 10, `${accepted} were records`)
})

t.test('zero sectors are found at file offsets', async (t) => {
  const bytes = new Uint8Array(1024).fill(1)
  t.notOk(hasZeroSector(bytes, 0, 1024, 8))
  bytes.fill(0, 504, 1016)
  t.ok(hasZeroSector(bytes, 0, 1024, 8), 'bytes 504 to 1016 are sector 1 when the piece begins at 8')
  t.notOk(hasZeroSector(bytes, 0, 1024, 0))
  t.ok(hasZeroSector(bytes, 510, 512, 510), 'a part of a sector counts')
})
