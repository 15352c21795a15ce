// Random histories, answered by real etcd and by us in the same order: every answer must be equal.
//
//   SEEDS=20 OPERATIONS=2000 FIRST_SEED=1   how much, and from where
//   SHRINK_SECONDS=60                       how long to look for a shorter history after a difference
//   QUORATE_SUBJECT=reference               real etcd on both sides: proves the suite itself
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { GrpcClient, type Outcome } from '../support/grpc-client.js'
import type { RangeResponse } from '../support/messages.js'
import { SeededRandom } from '../support/random.js'
import { subjectKind } from '../support/server.js'
import { Workbench } from '../support/workbench.js'
import { eventHistory } from './event-history.js'
import { Generator, newWorld, type World } from './generator.js'
import { GrpcSide, runHistory, type Divergence, type Side, type Translate } from './history.js'
import { as37 } from './known-deltas.js'
import { show, showOperation, write, type Operation } from './operation.js'
import { shrink } from './shrink.js'

const seeds = Number(process.env.SEEDS ?? 20)
const operationCount = Number(process.env.OPERATIONS ?? 2000)
const firstSeed = Number(process.env.FIRST_SEED ?? 1)
const shrinkMs = Number(process.env.SHRINK_SECONDS ?? 60) * 1000
const HASH_POINTS = 20
/** Calls of a shortened history that are printed. */
const SHOWN_MAX = 40
/** Quick to elect, and no fsync: the histories need neither. */
const FLAGS = ['--unsafe-no-fsync', '--heartbeat-interval=20', '--election-timeout=200']

const translate: Translate = subjectKind === 'reference' ? (_, outcome) => outcome : as37

t.setTimeout(14 * 60_000)

/** A pair of fresh servers with a client each. */
const openPair = async (workbench: Workbench) => {
  const { reference, subject } = await workbench.startBoth({ flags: FLAGS })
  return {
    reference: workbench.own(new GrpcClient(reference.endpoint)),
    subject: workbench.own(new GrpcClient(subject.endpoint)),
  }
}

function* drawn(seed: number, world: World): Generator_ {
  const generator = new Generator(new SeededRandom(seed), world)
  for (let i = 1; i <= operationCount; i++) {
    yield generator.next()
    if (i % Math.ceil(operationCount / HASH_POINTS) === 0) yield generator.hashKv('0')
  }
  yield write('KV/Put', { key: Buffer.from('end'), value: Buffer.from(String(seed)) })
  return undefined
}
type Generator_ = globalThis.Generator<Operation, undefined>

/** Plays a fixed list on a fresh pair. */
const replay = async (
  operations: readonly Operation[],
  wrap: (side: Side) => Side = (side) => side,
): Promise<Divergence | undefined> => {
  const workbench = new Workbench()
  try {
    const pair = await openPair(workbench)
    const list = operations.values() as unknown as Generator_
    return await runHistory(new GrpcSide(pair.reference), wrap(new GrpcSide(pair.subject)), list, translate, newWorld())
  } finally {
    await workbench.close()
  }
}

/** Lines that tell what was answered differently, and how to get there in fewer calls. */
const report = async ({ operations, difference }: Divergence): Promise<string[]> => {
  const divergesLast = async (list: readonly Operation[]): Promise<boolean> =>
    (await replay(list))?.operations.length === list.length
  const short = await shrink(operations, divergesLast, Date.now() + shrinkMs)
  return [
    ...difference.split('\n'),
    `asked:     ${showOperation(operations.at(-1)!)}`,
    `the same after ${short.length} calls${short.length > SHOWN_MAX ? ', the last of them' : ''}:`,
    ...short.slice(-SHOWN_MAX).map((operation) => `  ${showOperation(operation)}`),
  ]
}

for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
  t.test(`seed ${seed}: equal answers, hashes and events`, async (t) => {
    const workbench = new Workbench(t)
    const { reference, subject } = await openPair(workbench)
    const world = newWorld()
    const operations = drawn(seed, world)
    const found = await runHistory(new GrpcSide(reference), new GrpcSide(subject), operations, translate, world)
    if (found !== undefined) {
      await workbench.close()
      t.fail(`call ${found.operations.length} was answered differently (again: FIRST_SEED=${seed} SEEDS=1)`)
      for (const line of await report(found)) t.comment(line)
      return
    }
    const [expected, events] = await Promise.all(
      [reference, subject].map((client) => eventHistory(client, world.compacted, world.revision)),
    )
    t.ok(expected!.length > 0, 'there were events')
    const firstWrong = expected!.findIndex((event, i) => !isDeepStrictEqual(event, events![i]))
    t.equal(firstWrong, -1, `event ${firstWrong} of ${expected!.length}: ${show(events![firstWrong])}`)
    t.equal(events!.length, expected!.length, 'no event more')
  })
}

t.test('a server that lies once is found, and its history is made short', async (t) => {
  /** Says `more` to every range that found exactly two pairs. */
  const lying = (side: Side): Side => ({
    async answer(operation: Operation): Promise<Outcome<object>> {
      const outcome = await side.answer(operation)
      if (operation.method !== 'KV/Range' || !outcome.ok) return outcome
      const range = outcome.value as RangeResponse
      if (range.kvs.length === 2) range.more = !range.more
      return outcome
    },
  })
  const generator = new Generator(new SeededRandom(4711), newWorld())
  const list = Array.from({ length: 150 }, () => generator.next())
  const found = await replay(list, lying)
  t.match(found?.difference, /more/)
  t.ok(found !== undefined && found.operations.length > 10, 'not found at once')
  const short = await shrink(
    found!.operations,
    async (shorter) => (await replay(shorter, lying))?.operations.length === shorter.length,
    Date.now() + 8_000,
  )
  t.ok(short.length <= 40, `${short.length} calls are left`)
})

t.comment(`note: ${seeds} seeds from ${firstSeed}, ${operationCount} calls each, subject ${subjectKind}`)
