import t from 'tap'
import { etcdserverpb } from '../../proto/index.js'
import { clusterId, memberId } from '../../base/index.js'
import { frameSize, splitEvents } from './fragments.js'
import { seededRandom } from './testing.js'

const encodedSize = (
  header: etcdserverpb.ResponseHeader,
  id: bigint,
  fragment: boolean,
  events: Uint8Array[],
): number => {
  const response = Object.assign(new etcdserverpb.WatchResponse(), { header, watchId: id, fragment, events })
  return etcdserverpb.WatchResponseCodec.encode(response).length
}

const headerOf = (cluster: bigint, member: bigint, revision: number, raftTerm: number): etcdserverpb.ResponseHeader =>
  Object.assign(new etcdserverpb.ResponseHeader(), {
    clusterId: clusterId(cluster),
    memberId: memberId(member),
    revision,
    raftTerm,
  })

t.test('the size of the frame is what the codec makes', async (t) => {
  for (const header of [
    headerOf(0n, 0n, 0, 0),
    headerOf(1n, 127n, 128, 2),
    headerOf(2n ** 64n - 1n, 2n ** 63n, Number.MAX_SAFE_INTEGER, 300),
  ]) {
    for (const id of [0n, 1n, 128n, -1n, 2n ** 63n - 1n]) {
      t.equal(frameSize(header, id), encodedSize(header, id, false, []), `revision ${header.revision}, id ${id}`)
    }
  }
})

t.test('pieces keep all events in order, stay below the threshold and are as few as that allows', async (t) => {
  const seed = Number(process.env['SEED'] ?? 11)
  const random = seededRandom(seed)
  const header = headerOf(2n ** 63n, 5n, 1000, 7)
  let split = 0
  for (let round = 0; round < 300; round++) {
    const threshold = 100 + random.below(400)
    const events = Array.from({ length: 1 + random.below(12) }, () => new Uint8Array(random.below(200)))
    const pieces = splitEvents(events, frameSize(header, 3n), threshold)
    t.ok(
      pieces.flat().every((event, i) => event === events[i]) && pieces.flat().length === events.length,
      `seed ${seed}`,
    )
    const whole = encodedSize(header, 3n, false, events)
    if (pieces.length === 1) {
      t.ok(whole < threshold || events.length === 1, `whole: ${whole} of ${threshold}`)
      continue
    }
    split++
    t.ok(whole >= threshold, 'only what is too large is split')
    pieces.forEach((piece, i) => {
      const size = encodedSize(header, 3n, true, piece)
      if (piece.length > 1) t.ok(size < threshold, `piece of ${size}, threshold ${threshold}`)
      const next = pieces[i + 1]?.[0]
      if (next !== undefined)
        t.ok(encodedSize(header, 3n, true, [...piece, next]) >= threshold, 'no piece is needlessly small')
    })
  }
  t.ok(split > 50, 'pieces were made')
})
