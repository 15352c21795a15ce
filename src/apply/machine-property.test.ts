// Random histories of requests: the state machine answers as a list of all changes would, and the same entries give the
// same state wherever commits, crashes and restarts fall between them.
import t from 'tap'
import { type LeaseId, NO_LEASE } from '../base/index.js'
import type { Random } from '../env/index.js'
import { RangeQuery, OPEN_END } from '../mvcc/index.js'
import { MemoryBackend, TurnClock, key, seededRandom, sweep } from '../mvcc/testing.js'
import { etcdserverpb } from '../proto/index.js'
import { Model } from './testing-model.js'
import { type CompareFields, TestMachine, dump, entry, kvText, op, plain, request } from './testing.js'

const FIRST_SEED = Number(process.env['SEED'] ?? 1)
const SEEDS = process.env['SEED'] === undefined ? 120 : 1
const STEPS = 120

const KEYS = ['a', 'b', 'ba', 'c', '\x80', 'z']
const ENDS = ['', '', '', '\0', 'b', 'c', 'zz', 'a']

/** Requests that meet each other: few keys, few leases, revisions around the present. */
class Generator {
  readonly #random: Random
  #values = 0

  constructor(random: Random) {
    this.#random = random
  }

  next(revision: number): etcdserverpb.InternalRaftRequest {
    const dice = this.#random.below(100)
    if (dice < 30) return request.put(this.#put())
    if (dice < 42) return request.delete(this.#delete())
    if (dice < 80) return request.txn(this.#txn(revision, 0))
    if (dice < 84) return request.compact(revision - this.#random.below(8) + 2)
    if (dice < 91) return request.grant(this.#lease(), this.#pick([-1, 3, 60, 9_000_000_001]))
    if (dice < 95) return request.revoke(this.#lease())
    return request.alarm({
      action: this.#pick([0, 1, 2, 2, 2]),
      memberId: this.#pick([0n, 7n]) as never,
      alarm: this.#pick([0, 1, 1, 2]),
    })
  }

  #put() {
    const ignoreValue = this.#chance(15)
    const ignoreLease = this.#chance(15)
    return {
      key: this.#pick(KEYS),
      value: ignoreValue ? '' : `v${this.#values++}`,
      lease: (ignoreLease || this.#chance(60) ? NO_LEASE : this.#lease()) as never,
      prevKv: this.#chance(50),
      ignoreValue,
      ignoreLease,
    }
  }

  #delete() {
    return { key: this.#pick(KEYS), rangeEnd: this.#pick(ENDS), prevKv: this.#chance(50) }
  }

  #range(revision: number) {
    const near = () => (this.#chance(80) ? 0 : Math.max(0, revision - this.#random.below(6)))
    return {
      key: this.#pick(KEYS),
      rangeEnd: this.#pick(ENDS),
      revision: this.#chance(70) ? 0 : revision + 1 - this.#random.below(8),
      limit: this.#chance(60) ? 0 : this.#random.below(4) - 1,
      sortOrder: this.#random.below(3),
      sortTarget: this.#random.below(5),
      keysOnly: this.#chance(20),
      countOnly: this.#chance(15),
      minModRevision: near(),
      maxModRevision: near(),
      minCreateRevision: near(),
      maxCreateRevision: near(),
    }
  }

  #txn(revision: number, depth: number): Parameters<typeof request.txn>[0] {
    const list = <T>(max: number, make: () => T): T[] => Array.from({ length: this.#random.below(max + 1) }, make)
    const ops = () => list(4, () => this.#op(revision, depth))
    return { compare: list(2, () => this.#compare(revision)), success: ops(), failure: ops() }
  }

  #op(revision: number, depth: number): etcdserverpb.RequestOp {
    const dice = this.#random.below(100)
    if (dice < 35) return op.put(this.#put())
    if (dice < 55) return op.delete(this.#delete())
    if (dice < 80 || depth === 2) return op.range(this.#range(revision))
    return dice < 99 ? op.txn(this.#txn(revision, depth + 1)) : new etcdserverpb.RequestOp()
  }

  #compare(revision: number): CompareFields {
    const near = revision - this.#random.below(5)
    return {
      key: this.#pick(KEYS),
      rangeEnd: this.#pick(ENDS),
      target: this.#random.below(6),
      result: this.#random.below(5),
      ...this.#pick<CompareFields>([
        { version: this.#random.below(3) },
        { createRevision: near },
        { modRevision: near },
        { value: `v${this.#random.below(this.#values + 1)}` },
        { lease: this.#lease() as LeaseId },
        {},
      ]),
    }
  }

  #lease(): bigint {
    return this.#pick([1n, 2n, -3n, 0n])
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)]!
  }
}

/** Alarms answer in no order. */
const ordered = (answer: unknown): unknown => {
  if (typeof answer === 'object' && answer !== null && 'alarms' in answer)
    return { ...answer, alarms: [...(answer.alarms as string[])].sort() }
  return answer
}

/** Deep equality by text: an assertion per step would take longer than the steps. */
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}` : one))

t.test('every answer, and the state behind it, is that of the list of all changes', async (t) => {
  let answered = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const random = seededRandom(seed)
    const generator = new Generator(random)
    const backend = new MemoryBackend()
    let machine = await TestMachine.open(backend, new TurnClock())
    const model = new Model()
    for (let step = 0; step < STEPS; step++) {
      const one = generator.next(model.revision)
      const where = `SEED=${seed} step ${step}: ${textOf(one)}`
      const expected = model.apply(one)
      const outcome = machine.apply(one)
      const answer = ordered(plain(outcome))
      if (outcome.status === undefined) answered++
      if (textOf(answer) !== textOf(expected) || !sameState(machine, model)) {
        t.same([answer, stateOf(machine)], [expected, stateOfModel(model)], where)
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

const sameState = (machine: TestMachine, model: Model): boolean =>
  textOf(stateOf(machine)) === textOf(stateOfModel(model))

function stateOf({ store, lessor }: TestMachine): unknown {
  const all = store.rangeSync(new RangeQuery(key(''), OPEN_END))
  const leases = lessor.list().map((id) => `${id}: ${[...lessor.keysOf(id)].sort()}`)
  return [store.revision, store.compactRevision, all.kind === 'ok' ? all.kvs.map(kvText) : all.kind, leases.sort()]
}

function stateOfModel(model: Model): unknown {
  const kvs = model.live().map(({ key, value, create, main, version, lease }) => {
    return `${key}=${value} ${create}/${main}/${version}${lease === 0n ? '' : ` lease ${lease}`}`
  })
  const leases = [...model.leases.keys()].map((id) => {
    return `${id}: ${model.live().flatMap(({ key, lease }) => (lease === id ? [key] : []))}`
  })
  return [model.revision, model.compactRevision, kvs, leases.sort()]
}

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
    const generator = new Generator(random)
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
    t.same((found[0] as { state: unknown }).state, stateOfModel(model), `SEED=${seed}`)
  }
  t.ok(crashes > SEEDS / 3 || SEEDS === 1, `${crashes} crashes`)
})
