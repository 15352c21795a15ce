import t from 'tap'
import type { Clock } from '../../env/index.js'
import { realClock } from '../testing.js'
import { HTTP2_LIMITS } from './limits.js'
import { Turns } from './output.js'

/** A clock whose turns end by hand, and whose time stands still unless `time` moves it. */
const handTurns = (time = { ms: 0 }) => {
  const soon: (() => void)[] = []
  const clock: Clock = { ...realClock, monotonicMs: () => time.ms, soon: (callback) => void soon.push(callback) }
  const endTurn = (): void => {
    for (const callback of soon.splice(0)) callback()
  }
  return { turns: new Turns(clock), endTurn, soon }
}

t.test('few connections do not wait for the end of the turn, many share it', async (t) => {
  const { turns, endTurn, soon } = handTurns()
  const ended: number[] = []
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) turns.add({ onTurnEnd: () => ended.push(i) })
  }
  add(1)
  t.same(ended, [], 'not inside the callback that has something to send')
  await Promise.resolve()
  t.same(ended, [0])
  add(5)
  await Promise.resolve()
  t.equal(ended.length, 6)
  add(5)
  await Promise.resolve()
  t.equal(ended.length, 6, 'the last turn had many')
  t.equal(soon.length, 1)
  endTurn()
  t.equal(ended.length, 11)
})

t.test('who has more to send waits for the next turn, whatever its length', async (t) => {
  const { turns, endTurn } = handTurns()
  let ended = 0
  const member = {
    onTurnEnd: () => {
      ended++
      turns.add(member)
    },
  }
  turns.add(member)
  for (let i = 0; i < 10; i++) await Promise.resolve()
  t.equal(ended, 1)
  endTurn()
  t.equal(ended, 2)
  endTurn()
  t.equal(ended, 3)
})

t.test('whose writing does not fit into a turn has the next one, before who comes later', async (t) => {
  const time = { ms: 0 }
  const { turns, endTurn, soon } = handTurns(time)
  const ended: string[] = []
  const add = (name: string): void => {
    turns.add({
      onTurnEnd: () => {
        ended.push(name)
        time.ms += HTTP2_LIMITS.writeTurnMs / 2
      },
    })
  }
  for (const name of ['a', 'b', 'c', 'd', 'e']) add(name)
  await Promise.resolve()
  t.same(ended, ['a', 'b'])
  add('f')
  t.equal(soon.length, 1)
  endTurn()
  t.same(ended, ['a', 'b', 'c', 'd'])
  endTurn()
  t.same(ended, ['a', 'b', 'c', 'd', 'e', 'f'])
  t.equal(soon.length, 0)
})

t.test('hundreds of connections of one turn find the buffers of the turn before', async (t) => {
  const { turns } = handTurns()
  const first = Array.from({ length: 600 }, () => turns.take())
  for (const chunk of first) turns.give(chunk)
  const known = new Set(first)
  const again = Array.from({ length: 600 }, () => turns.take())
  t.equal(again.filter((chunk) => known.has(chunk)).length, HTTP2_LIMITS.pooledBuffers, 'as many as are kept')
})
