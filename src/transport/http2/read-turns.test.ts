import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import t from 'tap'
import type { Clock } from '../../env/index.js'
import { HTTP2_PREFACE } from '../sniff.js'
import { realClock } from '../testing.js'
import { Http2Connection } from './connection.js'
import { HTTP2_LIMITS } from './limits.js'
import { Turns } from './output.js'
import { ReadTurns } from './read-turns.js'
import type { Http2Stream } from './stream.js'
import { frame, POST, SETTINGS } from './testing.js'

/** Time moves by what reading a chunk costs; turns end by hand. */
const setup = (chunkMs: number) => {
  let nowMs = 1000
  const soon: (() => void)[] = []
  const clock: Clock = { ...realClock, monotonicMs: () => nowMs, soon: (callback) => void soon.push(callback) }
  const turns = new ReadTurns(clock)
  const read: string[] = []
  const add = (name: string): void => {
    turns.add(
      {
        readChunk: (chunk) => {
          read.push(chunk.toString())
          nowMs += chunkMs
        },
      },
      Buffer.from(name),
    )
  }
  const endTurn = (): void => {
    for (const callback of soon.splice(0)) callback()
  }
  const sleep = (ms: number): void => void (nowMs += ms)
  return { add, read, endTurn, sleep, soon }
}

t.test('a turn reads for a while, the next ones go on in the order of arrival', async (t) => {
  const { add, read, endTurn, soon } = setup(HTTP2_LIMITS.readTurnMs / 2)
  for (const name of ['a', 'b', 'c', 'd', 'e']) add(name)
  t.same(read, ['a', 'b'])
  t.equal(soon.length, 1)
  endTurn()
  t.same(read, ['a', 'b', 'c', 'd'])
  add('f')
  t.equal(read.length, 4, 'what comes meanwhile is behind what waits')
  endTurn()
  t.same(read, ['a', 'b', 'c', 'd', 'e', 'f'])
  t.equal(soon.length, 0)
})

t.test('what comes one by one is read at once', async (t) => {
  const { add, read, sleep } = setup(HTTP2_LIMITS.readTurnMs / 2)
  for (let i = 1; i < 20; i++) {
    add(String(i))
    t.equal(read.length, i)
    sleep(2)
  }
})

t.test('a chunk that takes long delays the others by a turn, not for ever', async (t) => {
  const { add, read, endTurn } = setup(100)
  for (const name of ['a', 'b', 'c']) add(name)
  t.same(read, ['a'])
  endTurn()
  t.same(read, ['a', 'b'])
  endTurn()
  t.same(read, ['a', 'b', 'c'])
})

/** A socket that has read what it is told to. */
class ToldSocket extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 1
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done()
  }
}

t.test('of a connection whose chunks wait, no more is taken than a bound', async (t) => {
  const soon: (() => void)[] = []
  let nowMs = 0
  const clock: Clock = { ...realClock, monotonicMs: () => nowMs, soon: (callback) => void soon.push(callback) }
  const socket = new ToldSocket()
  const received: number[] = []
  const connection = new Http2Connection({
    socket: socket as unknown as Socket,
    clock,
    turns: new Turns(clock),
    owner: {
      onRequest: (stream: Http2Stream) => {
        stream.reader = {
          onData: (_bytes, start, end) => {
            received.push(end - start)
            nowMs += HTTP2_LIMITS.readTurnMs // one chunk a turn
          },
          onEnd: () => undefined,
          onReset: () => undefined,
          onTaken: () => undefined,
        }
      },
      onPing: () => undefined,
      onClosed: () => undefined,
    },
    concurrentStreamsMax: 10,
  })
  connection.open()
  const push = async (chunk: Buffer): Promise<void> => {
    socket.push(chunk)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await push(Buffer.concat([HTTP2_PREFACE, SETTINGS, frame(1, 4, 1, POST)]))
  const piece = Buffer.concat(Array.from({ length: 4 }, () => frame(0, 0, 1, Buffer.alloc(16_000))))
  let pieces = 0
  for (; !socket.isPaused() && pieces < 100; pieces++) await push(piece)
  t.ok(pieces >= 4 && pieces <= 6, `paused after ${pieces} pieces of 64 KB`)
  const heard = received.length
  let turns = 0
  for (; socket.isPaused() && turns < 100; turns++) for (const callback of soon.splice(0)) callback()
  t.ok(turns >= 2 && turns < pieces, `resumed after ${turns} turns`)
  while (soon.length > 0) for (const callback of soon.splice(0)) callback()
  t.equal(received.length, 4 * pieces, 'nothing is lost')
  t.ok(heard < received.length)
  await push(piece)
  await push(piece)
  const before = received.length
  socket.destroy()
  await new Promise((resolve) => setImmediate(resolve))
  while (soon.length > 0) for (const callback of soon.splice(0)) callback()
  t.equal(received.length, before, 'what waits is forgotten with its connection')
})
