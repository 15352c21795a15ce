import t from 'tap'
import { errors } from '../proto/index.js'
import { SeededRandom } from '../proto/testing.js'
import { PendingProposals } from './pending-proposals.js'
import { Told } from './testing.js'

const OUTCOME = { response: undefined, status: undefined, swept: undefined }
const data = (text: string) => Buffer.from(text)
const open = (countMax = 100, bytesMax = 1000) => new PendingProposals({ timeoutMs: 100, countMax, bytesMax })
/** Hands over and returns what was given, as text; undefined when nothing was. */
const give = (pending: PendingProposals, accept = true, isLeader = true): string | undefined => {
  let given: string | undefined
  pending.handOver(isLeader, (batch) => {
    given = batch.map((bytes) => Buffer.from(bytes).toString()).join()
    return accept
  })
  return given
}
const cause = (startedMs: number, taken: boolean) => ({ code: 14, message: `${startedMs} ${taken}` }) as const

t.test('a proposal is told once: applied, failed or expired', async (t) => {
  const pending = open()
  const told = [new Told(), new Told(), new Told()] as const
  for (const [i, one] of told.entries()) pending.add(BigInt(i), data('x'), one, i)
  t.equal(pending.resolve(0n, OUTCOME), true)
  t.equal(pending.resolve(0n, OUTCOME), false)
  pending.fail(0n, errors.timeout)
  pending.fail(1n, errors.stopped)
  t.equal(pending.resolve(9n, OUTCOME), false, 'an id of somebody else')
  t.equal(pending.expire(500, cause), 1)
  t.equal(pending.expire(1000, cause), 0)
  pending.failAll(errors.stopped)
  t.same(
    told.map(({ answers }) => answers),
    [['ok'], [errors.stopped.message], ['2 false']],
  )
  t.same([pending.count, pending.bytes], [0, 0])
})

t.test('expiry goes by age, not before its time, past what is answered', async (t) => {
  const pending = open()
  const told = Array.from({ length: 6 }, () => new Told())
  for (const [i, one] of told.entries()) pending.add(BigInt(i), data('x'), one, i * 10)
  give(pending)
  pending.resolve(0n, OUTCOME)
  pending.resolve(2n, OUTCOME)
  t.equal(pending.expire(109, cause), 0)
  t.equal(pending.expire(110, cause), 1)
  t.equal(pending.expire(139, cause), 1)
  t.same(
    told.map(({ last }) => last),
    ['ok', '10 true', 'ok', '30 true', undefined, undefined],
  )
  t.equal(pending.count, 2)
})

t.test('the cause knows whether consensus ever took it', async (t) => {
  const pending = open()
  const told = [new Told(), new Told(), new Told()] as const
  pending.add(1n, data('a'), told[0], 1)
  give(pending)
  pending.add(2n, data('b'), told[1], 2)
  give(pending, false)
  pending.add(3n, data('c'), told[2], 3)
  pending.expire(500, cause)
  t.same(
    told.map(({ last }) => last),
    ['1 true', '2 false', '3 false'],
  )
})

t.test('one batch in order of arrival; refused, it stays in order', async (t) => {
  const pending = open()
  const told = new Told()
  pending.add(1n, data('a'), told, 0)
  pending.add(2n, data('b'), told, 0)
  t.equal(give(pending, false), 'a,b')
  t.ok(pending.hasUnsent)
  pending.add(3n, data('c'), told, 0)
  t.equal(give(pending), 'a,b,c')
  t.notOk(pending.hasUnsent)
  t.equal(give(pending), undefined, 'nothing is given twice')
  t.equal(pending.count, 3, 'all wait for their results')
})

t.test('what nobody waits for any more before consensus took it never happens', async (t) => {
  const pending = open()
  const told = new Told()
  pending.add(1n, data('a'), told, 0)
  pending.add(2n, data('b'), told, 50)
  pending.expire(120, cause)
  t.equal(give(pending), 'b')
  t.equal(pending.bytes, 1)
})

t.test('proposals made while others are handed over wait for the next time', async (t) => {
  const pending = open()
  const told = new Told()
  pending.add(1n, data('a'), told, 0)
  const batches: string[] = []
  const propose = (accept: boolean) => (batch: readonly Uint8Array[]) => {
    batches.push(batch.map((bytes) => Buffer.from(bytes).toString()).join())
    pending.add(2n + BigInt(batches.length), data('n'), told, 0)
    return accept
  }
  pending.handOver(true, propose(false))
  pending.handOver(true, propose(true))
  t.same(batches, ['a', 'a,n'])
  t.equal(give(pending), 'n')
})

t.test('what only a leader may propose is not forwarded', async (t) => {
  const pending = open()
  const [revocation, put] = [new Told(), new Told()]
  pending.add(1n, data('revoke'), revocation, 0, true)
  pending.add(2n, data('put'), put, 0)
  t.equal(give(pending, true, false), 'put')
  t.same(revocation.answers, [errors.leaderChanged.message])
  pending.add(3n, data('revoke'), revocation, 0, true)
  t.equal(give(pending, true, true), 'revoke')
})

t.test('full by number and by bytes, until something ends', async (t) => {
  const byCount = open(2)
  byCount.add(1n, data('a'), new Told(), 0)
  t.notOk(byCount.full)
  byCount.add(2n, data('a'), new Told(), 0)
  t.ok(byCount.full)
  byCount.resolve(1n, OUTCOME)
  t.notOk(byCount.full)
  const byBytes = open(100, 10)
  byBytes.add(1n, data('123456789'), new Told(), 0)
  t.notOk(byBytes.full)
  byBytes.add(2n, data('0'), new Told(), 0)
  give(byBytes)
  t.ok(byBytes.full, 'handed over is not ended')
  byBytes.expire(100, cause)
  t.notOk(byBytes.full)
})

t.test('a waiter that proposes again when all fail is not lost in the loop', async (t) => {
  const pending = open()
  const again = new Told()
  const first = { onApplied: () => undefined, onFailed: () => pending.add(9n, data('z'), again, 0) }
  pending.add(1n, data('a'), first, 0)
  pending.failAll(errors.stopped)
  pending.failAll(errors.stopped)
  t.same(again.answers, [errors.stopped.message])
})

t.test('told in any order: each once, and nothing of them stays', async (t) => {
  const pending = open(10_000)
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.comment(`seed ${seed}`)
  const random = new SeededRandom(seed)
  const waiting = new Map<bigint, Told>()
  let id = 0n
  for (let step = 0; step < 5000; step++) {
    if (random.chance(50)) {
      id += BigInt(1 + random.below(3))
      const told = new Told()
      waiting.set(id, told)
      pending.add(id, data('x'), told, step)
    } else if (waiting.size > 0) {
      const [one, told] = random.pick([...waiting].slice(0, random.pick([1, 5, Infinity])))
      waiting.delete(one)
      if (!pending.resolve(one, OUTCOME) || pending.resolve(one, OUTCOME)) t.fail(`${one} is not told once`)
      if (told.answers.join() !== 'ok') t.fail(`${one}: ${told.answers}`)
    }
    if (pending.count !== waiting.size) t.fail(`${pending.count} instead of ${waiting.size}`)
    if (pending.count === 0 && pending.bytes !== 0) t.fail(`${pending.bytes} bytes of nothing`)
  }
  pending.failAll(errors.stopped)
  t.ok([...waiting.values()].every(({ answers }) => answers.length === 1))
  t.same([pending.count, pending.bytes], [0, 0])
})
