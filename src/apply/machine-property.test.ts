// Random histories of requests: the state machine answers as a list of all changes would, and the same entries give the
// same state wherever commits, crashes and restarts fall between them.
import t from 'tap'
import type { Random } from '../env/index.js'
import { MemoryBackend, TurnClock, seededRandom, sweep } from '../mvcc/testing.js'
import { etcdserverpb } from '../proto/index.js'
import { Model } from './testing-model.js'
import { RequestGenerator } from './testing-generator.js'
import { TestMachine, dump, entry, plain, stateOf } from './testing.js'

const FIRST_SEED = Number(process.env['SEED'] ?? 1)
const SEEDS = process.env['SEED'] === undefined ? 120 : 1
const STEPS = 120

/** Deep equality by text: an assertion per step would take longer than the steps. */
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one))

t.test('every answer, and the state behind it, is that of the list of all changes', async (t) => {
  let answered = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const random = seededRandom(seed)
    const generator = new RequestGenerator(random)
    const backend = new MemoryBackend()
    let machine = await TestMachine.open(backend, new TurnClock())
    const model = new Model()
    for (let step = 0; step < STEPS; step++) {
      const one = generator.next(model.revision)
      const where = `SEED=${seed} step ${step}: ${textOf(one)}`
      const expected = model.apply(one)
      const outcome = machine.apply(one)
      const answer = plain(outcome)
      if (outcome.status === undefined) answered++
      if (textOf(answer) !== textOf(expected) || !sameState(machine, model)) {
        t.same([answer, stateOf(machine)], [expected, model.state()], where)
        t.fail(where)
        return
      }
      if (random.below(20) === 0) await machine.commit()
      if (random.below(60) === 0) {
        await machine.commit()
        machine = await TestMachine.open(backend, new TurnClock())
      }
    }
  }
  // Neither refusals nor successes may take over.
  t.ok(answered > (SEEDS * STEPS) / 4 && answered < SEEDS * STEPS * 0.9, `${answered} of ${SEEDS * STEPS} succeeded`)
})

const sameState = (machine: TestMachine, model: Model): boolean => textOf(stateOf(machine)) === textOf(model.state())

/** Applies the entries with commits, crashes that keep some of the batches, and restarts, all by chance. */
async function replay(
  entries: readonly Uint8Array[],
  random: Random,
): Promise<{ machine: TestMachine; crashes: number }> {
  let backend = new MemoryBackend()
  let machine = await TestMachine.open(backend, new TurnClock())
  let crashes = 0
  for (;;) {
    const from = machine.machine.applied.index
    // Handed out again from before the applied index, in batches of any size.
    let at = Math.max(0, from - random.below(4))
    let crashed = false
    while (at < entries.length && !crashed) {
      const size = 1 + random.below(12)
      machine.machine.applyAll(
        entries.slice(at, at + size).map((data, i) => entry(at + i + 1, data, 1 + Math.floor((at + i) / 50))),
      )
      at += size
      if (random.below(3) === 0) await machine.commit()
      crashed = random.below(12) === 0
    }
    if (!crashed) return { machine, crashes }
    crashes++
    const kept = random.below(backend.batches.length + 1)
    backend = backend.crashed(kept)
    machine = await TestMachine.open(backend, new TurnClock())
  }
}

t.test('the same entries give the same rows and hashes, whatever happens between them', async (t) => {
  let crashes = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + Math.ceil(SEEDS / 3); seed++) {
    const random = seededRandom(seed + 1_000_000)
    const generator = new RequestGenerator(random)
    const model = new Model()
    const entries: Uint8Array[] = []
    for (let step = 0; step < STEPS; step++) {
      const one = generator.next(model.revision)
      model.apply(one)
      entries.push(etcdserverpb.InternalRaftRequestCodec.encode(one))
    }
    const runs = [await replay(entries, random), await replay(entries, random)]
    const found: unknown[] = []
    for (const { machine, crashes: count } of runs) {
      crashes += count
      await machine.commit()
      const idle = machine.store.compact(-2).swept
      await sweep(machine.store, machine.backend, idle)
      await machine.commit()
      const hash = await machine.store.hashKv(0)
      found.push({ rows: await dump(machine.backend), hash, state: stateOf(machine) })
      await machine.store.close()
    }
    if (!t.same(found[0], found[1], `SEED=${seed}`)) return
    t.same((found[0] as { state: unknown }).state, model.state(), `SEED=${seed}`)
  }
  t.ok(crashes > SEEDS / 3 || SEEDS === 1, `${crashes} crashes`)
})
