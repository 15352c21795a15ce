import t from 'tap'
import { IntervalSets, type RangeEnd } from './interval-sets.js'
import { key, seededRandom } from './testing.js'

const found = (sets: IntervalSets<string>, at: string): string[] => {
  const into: Set<string>[] = []
  sets.stab(key(at), into)
  return into.flatMap((members) => [...members]).sort()
}

t.test('a range holds its start and not its end', async (t) => {
  const sets = new IntervalSets<string>()
  sets.add(key('b'), key('d'), 'x')
  t.same(found(sets, 'a'), [])
  t.same(found(sets, 'b'), ['x'])
  t.same(found(sets, 'c\xff\xff'), ['x'])
  t.same(found(sets, 'd'), [])
})

t.test('a range without end holds every later key', async (t) => {
  const sets = new IntervalSets<string>()
  sets.add(key('b'), undefined, 'x')
  sets.add(key('b'), key('c'), 'y')
  t.same(found(sets, 'b'), ['x', 'y'])
  t.same(found(sets, '\xff\xff'), ['x'])
  t.same(found(sets, 'a'), [])
})

t.test('bytes compare unsigned', async (t) => {
  const sets = new IntervalSets<string>()
  sets.add(key('\x7f'), key('\x81'), 'x')
  t.same(found(sets, '\x80'), ['x'])
  t.same(found(sets, '\x81'), [])
})

t.test('members of equal ranges share one entry and leave one by one', async (t) => {
  const sets = new IntervalSets<string>()
  sets.add(key('a'), key('c'), 'x')
  sets.add(key('a'), key('c'), 'y')
  sets.add(key('a'), key('c'), 'y')
  t.equal(sets.ranges, 1)
  t.ok(sets.delete(key('a'), key('c'), 'x'))
  t.notOk(sets.delete(key('a'), key('c'), 'x'))
  t.notOk(sets.delete(key('a'), key('d'), 'y'), 'another range')
  t.same(found(sets, 'b'), ['y'])
  t.ok(sets.delete(key('a'), key('c'), 'y'))
  t.equal(sets.ranges, 0)
  t.same(found(sets, 'b'), [])
})

t.test('finds what a scan over all ranges finds, and stays balanced', async (t) => {
  const seed = Number(process.env['SEED'] ?? 7)
  t.comment(`SEED=${seed}`)
  const random = seededRandom(seed)
  const name = (): string => {
    let text = ''
    for (let i = 1 + random.below(3); i > 0; i--) text += String.fromCharCode(97 + random.below(6))
    return text
  }
  let checks = 0
  for (let round = 0; round < 20; round++) {
    const sets = new IntervalSets<number>()
    let model: { lo: string; hi: RangeEnd; member: number }[] = []
    // Rounds differ in how many ranges live at once.
    const growth = 55 + 2 * (round % 20)
    for (let i = 0; i < 600; i++) {
      if (model.length === 0 || random.below(100) < growth) {
        const lo = round % 3 === 0 ? String(i).padStart(4, '0') : name()
        const hi = random.below(8) === 0 ? undefined : key(lo + name())
        sets.add(key(lo), hi, i)
        model.push({ lo, hi, member: i })
      } else {
        const gone = model[random.below(model.length)]!
        if (!sets.delete(key(gone.lo), gone.hi, gone.member)) t.fail(`seed ${seed}: a member is missing`)
        model = model.filter((entry) => entry !== gone)
      }
      if (i % 7 !== 0) continue
      const at = round % 3 === 0 && i % 2 === 0 ? String(random.below(i + 1)).padStart(4, '0') : name()
      const into: Set<number>[] = []
      sets.stab(key(at), into)
      const got = into.flatMap((members) => [...members]).sort((a, b) => a - b)
      const want = model.filter(({ lo, hi }) => lo <= at && (hi === undefined || at < hi)).map(({ member }) => member)
      if (got.join() !== want.sort((a, b) => a - b).join()) t.same(got, want, `seed ${seed}, round ${round}, key ${at}`)
      if (!sets.checkInvariants()) t.fail(`seed ${seed}, round ${round}, step ${i}: tree out of shape`)
      checks++
    }
    const all: number[] = []
    sets.collect(all)
    t.equal(all.length, model.length)
    for (const { lo, hi, member } of model) sets.delete(key(lo), hi, member)
    t.equal(sets.ranges, 0, 'empty again')
  }
  t.ok(checks > 1000)
})
