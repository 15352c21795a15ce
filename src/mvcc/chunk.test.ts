import t from 'tap'
import { ChunkBuilder, ChunkView, deadRowKey, isDead, isDeadRowKey, markDead } from './chunk.js'
import { CorruptStore } from './corrupt-store.js'
import { isTombstoneKey, mainOf, revisionKey, subOf, writeRevisionKey } from './revision-key.js'
import { seededRandom } from './testing.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

t.test('revision keys have the layout of the reference', async (t) => {
  const tombstone = new Uint8Array(18)
  t.equal(writeRevisionKey(tombstone, 0, 10, 2, true), 18)
  t.equal(hex(tombstone), '000000000000000a5f000000000000000274')
  t.ok(isTombstoneKey(tombstone))
  t.notOk(isTombstoneKey(revisionKey(10, 2)))
  for (const main of [0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER]) {
    const key = revisionKey(main, main)
    t.same([mainOf(key, 0), subOf(key, 0)], [main, main])
  }
  t.throws(() => mainOf(Buffer.alloc(17, 0xff), 0), CorruptStore)
  for (const bad of ['', '00'.repeat(16), '00'.repeat(17), hex(tombstone).slice(0, -2) + '64', hex(tombstone) + '00'])
    t.throws(() => isTombstoneKey(Buffer.from(bad, 'hex')), CorruptStore, bad)
})

t.test('a chunk row has the documented layout', async (t) => {
  const builder = new ChunkBuilder()
  builder.addRevision(2, 0, false, Buffer.from('v'))
  builder.addRevision(2, 1, true, Buffer.from('k'))
  t.equal(builder.rowBytes, 5 + 8 + 18 + 19)
  const row = builder.build()
  t.equal(
    hex(row),
    '01' +
      '00000002' +
      '00000012' +
      '80000025' +
      '0000000000000002' +
      '5f' +
      '0000000000000000' +
      '76' +
      '0000000000000002' +
      '5f' +
      '0000000000000001' +
      '74' +
      '6b',
  )
  t.equal(builder.count, 0, 'the builder is empty again')
  const view = new ChunkView(row)
  view.check()
  t.same([view.count, view.tombstone(0), view.tombstone(1)], [2, false, true])
  t.equal(Buffer.from(row.subarray(view.valueStart(1), view.end(1))).toString(), 'k')
  t.same([view.find(2, 0), view.find(2, 1), view.find(2, 2), view.find(1, 0)], [0, 1, -1, -1])
  t.same([view.seek(0, 0), view.seek(2, 1), view.seek(3, 0)], [0, 1, 2])
})

t.test('revisions of any size come back, copied over or new', async (t) => {
  const random = seededRandom(7)
  const builder = new ChunkBuilder()
  const values: Uint8Array[] = []
  for (let i = 0; i < 50; i++) values.push(Buffer.alloc(random.below(i === 20 ? 100_000 : 500), i))
  for (const [i, value] of values.entries()) builder.addRevision(i + 2, i % 3, i % 7 === 0, value)
  const first = new ChunkView(builder.build())
  for (let i = 0; i < first.count; i++) builder.add(first.bytes, first.start(i), first.end(i), first.tombstone(i))
  const second = new ChunkView(builder.build())
  t.equal(hex(second.bytes), hex(first.bytes))
  for (const [i, value] of values.entries())
    t.ok(Buffer.compare(second.bytes.subarray(second.valueStart(i), second.end(i)), value) === 0)
})

t.test('the list of gone revisions', async (t) => {
  const bits = new Uint8Array(2)
  markDead(bits, 3)
  markDead(bits, 8)
  t.same(
    [0, 3, 8, 9, 40].map((i) => isDead(bits, i)),
    [false, true, true, false, false],
  )
  t.notOk(isDead(undefined, 0))
  t.equal(hex(deadRowKey(10, 2)), '000000000000000a5f000000000000000264')
  t.ok(isDeadRowKey(deadRowKey(10, 2)))
  t.notOk(isDeadRowKey(revisionKey(10, 2)))
})

t.test('malformed chunk rows are refused, never read past', async (t) => {
  const builder = new ChunkBuilder()
  for (let i = 0; i < 5; i++) builder.addRevision(2 + i, 0, i === 3, Buffer.from('abc'))
  const good = builder.build()
  const random = seededRandom(1)
  let refused = 0
  for (let n = 0; n < 20_000; n++) {
    let bytes: Uint8Array = Uint8Array.from(good)
    if (n % 4 === 0) bytes = bytes.subarray(0, random.below(bytes.length))
    for (let i = random.below(4); i > 0 && bytes.length > 0; i--) bytes[random.below(bytes.length)] = random.below(256)
    try {
      const view = new ChunkView(bytes)
      view.check()
      for (let i = 0; i < view.count; i++) {
        if (view.valueStart(i) > view.end(i) || view.end(i) > bytes.length) t.fail(`case ${n} reads past its end`)
        if (view.find(view.main(i), view.sub(i)) !== i) t.fail(`case ${n}: revision ${i} is not found`)
      }
    } catch (error) {
      if (!(error instanceof CorruptStore)) throw error
      refused++
    }
  }
  t.ok(refused > 5000, `${refused} refused`)
})
