import type { Socket } from 'node:net'
import t from 'tap'
import { realClock } from '../testing.js'
import { HTTP2_LIMITS } from './limits.js'
import { Output, Turns } from './output.js'
import { Sender } from './sender.js'
import { Http2Stream } from './stream.js'

const WINDOW = 2 ** 30
const PIECE = new Uint8Array(8000)

t.test('a socket that takes everything at once does not get it in one turn', async (t) => {
  let takenBytes = 0
  const socket = {
    writableLength: 0,
    write: (bytes: Uint8Array) => {
      takenBytes += bytes.length
      return true
    },
  }
  const nothing = (): undefined => undefined
  const output = new Output(socket as unknown as Socket, new Turns(realClock), realClock, nothing)
  const sender = new Sender(output, { onQueued: nothing, onStreamEnded: nothing })
  sender.onConnectionCredit(WINDOW)
  const owner = {
    peer: '',
    writeHeaders: nothing,
    writeBody: nothing,
    endStream: nothing,
    resetStream: nothing,
    giveCredit: nothing,
  }
  const stream = new Http2Stream(1, owner, WINDOW, -1, true)
  const total = 1000 * PIECE.length
  for (let i = 0; i < 1000; i++) sender.writeBody(stream, new Uint8Array(0), PIECE)
  t.ok(takenBytes <= HTTP2_LIMITS.turnBytes, `${takenBytes} bytes went out at once`)
  t.ok(sender.queuedBytes >= total - HTTP2_LIMITS.turnBytes - PIECE.length)
  for (let i = 0; i < total && sender.queuedBytes > 0; i++) {
    sender.endTurn()
    sender.pump()
    output.flush()
  }
  t.ok(takenBytes > total, 'all of it goes out in the end')
  sender.endTurn()
  const before = takenBytes
  sender.writeBody(stream, new Uint8Array(0), PIECE)
  output.flush()
  t.ok(takenBytes > before + PIECE.length, 'and the next turn begins anew')
})
