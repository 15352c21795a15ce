// What goes to the sockets: frames gather in a buffer and leave with one write, at the end of the turn or of the callback.

import type { Socket } from 'node:net'
import { RingQueue } from '../../base/index.js'
import type { Clock } from '../../env/index.js'
import { Arrivals } from './arrivals.js'
import { HTTP2_LIMITS } from './limits.js'
import { ReadTurns } from './read-turns.js'

/** Size of an output buffer, and so of most writes at most. */
export const CHUNK_BYTES = 64 * 1024
/** After a turn of so few connections the next answers do not wait for others that could leave with them. */
const FEW_CONNECTIONS = 4
/** What takes the place of a buffer that went back to the pool before its write was reported. */
const RETURNED = Buffer.alloc(0)

interface TurnMember {
  onTurnEnd(): void
}

/** Shared by the connections of a server: ends their turns together, lends them buffers and lets them read in turn. */
export class Turns {
  readonly reading: ReadTurns
  readonly arrivals = new Arrivals()
  readonly #clock: Clock
  readonly #pool: Buffer[] = []
  #members: TurnMember[] = []
  #spare: TurnMember[] = []
  #isEnding = false
  /** Connections of the last turn. */
  #lastCount = 0
  readonly #run = (): void => this.#endTurn()

  constructor(clock: Clock) {
    this.#clock = clock
    this.reading = new ReadTurns(clock)
  }

  /**
   * Calls `onTurnEnd` once, after what arrives in this turn was read; when only few connections have something to send, after
   * the current callback. Callers ask once per turn.
   */
  add(member: TurnMember): void {
    if (this.#members.length === 0) this.#schedule()
    this.#members.push(member)
  }

  #schedule(): void {
    if (this.#isEnding || this.#lastCount > FEW_CONNECTIONS) this.#clock.soon(this.#run)
    else this.#clock.afterCallback(this.#run)
  }

  take(): Buffer {
    return this.#pool.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
  }

  give(chunk: Buffer): void {
    if (this.#pool.length < HTTP2_LIMITS.pooledBuffers) this.#pool.push(chunk)
  }

  #endTurn(): void {
    const members = this.#members
    this.#members = this.#spare
    this.#isEnding = true
    this.#lastCount = members.length
    const endMs = this.#clock.monotonicMs() + HTTP2_LIMITS.writeTurnMs
    let done = 0
    while (done < members.length) {
      members[done++]!.onTurnEnd()
      if (this.#clock.monotonicMs() >= endMs) break
    }
    if (done < members.length) this.#putOff(members.slice(done))
    this.#isEnding = false
    members.length = 0
    this.#spare = members
  }

  /** Writing took long: these have the next turn, before those that have something to send only then. */
  #putOff(members: readonly TurnMember[]): void {
    if (this.#members.length === 0) this.#schedule()
    this.#members.unshift(...members)
  }
}

/** The output of one connection. Writers ask for room with `reserve`, fill `chunk` and move `length` on. */
export class Output {
  readonly #socket: Socket
  readonly #turns: Turns
  readonly #clock: Clock
  readonly #onProgress: () => void
  /** The buffer in work; undefined while there is nothing. */
  #chunk: Buffer | undefined
  #length = 0
  /** Full buffers that wait for the write before them. */
  readonly #waiting = new RingQueue<Buffer>(4)
  /** Buffers of writes that were not reported yet, in order. */
  readonly #written = new RingQueue<Buffer>(4)
  /** Bytes of the write that the socket did not take at once; 0 when there is none. */
  #inFlightBytes = 0
  #inFlightSinceMs = 0
  #closed = false
  readonly #report = (): void => this.#onWritten()

  /** `onProgress` is called when a write that the socket had to put off is through. */
  constructor(socket: Socket, turns: Turns, clock: Clock, onProgress: () => void) {
    this.#socket = socket
    this.#turns = turns
    this.#clock = clock
    this.#onProgress = onProgress
  }

  /** Bytes that the socket has not taken. */
  get heldBytes(): number {
    return this.#length + this.#inFlightBytes + this.#waiting.length * CHUNK_BYTES
  }

  /** The socket is behind: what is added waits. */
  get isBlocked(): boolean {
    return this.#inFlightBytes > 0
  }

  /** Bytes that fit into the buffer in work. */
  get roomBytes(): number {
    return CHUNK_BYTES - this.#length
  }

  /** The buffer that `reserve` gave. */
  get chunk(): Buffer {
    return this.#chunk!
  }

  /** Makes room for `sizeBytes` (at most `CHUNK_BYTES`) at the returned position of `chunk`, and counts them as written. */
  reserve(sizeBytes: number): number {
    if (this.#chunk === undefined) this.#chunk = this.#turns.take()
    else if (this.#length + sizeBytes > CHUNK_BYTES) {
      this.#seal()
      this.#chunk = this.#turns.take()
    }
    const pos = this.#length
    this.#length = pos + sizeBytes
    return pos
  }

  /** Gives the last `sizeBytes` of what was reserved back. */
  unreserve(sizeBytes: number): void {
    this.#length -= sizeBytes
  }

  /** Writes what has gathered, unless the socket is behind; answers how many bytes. */
  flush(): number {
    const chunk = this.#chunk
    if (chunk === undefined || this.#inFlightBytes > 0 || this.#length === 0) return 0
    const sizeBytes = this.#length
    this.#chunk = undefined
    this.#length = 0
    this.#write(chunk, sizeBytes)
    return sizeBytes
  }

  /** A write has been waiting for the socket for so long; 0 when none is. */
  stalledMs(nowMs: number): number {
    return this.#inFlightBytes > 0 ? nowMs - this.#inFlightSinceMs : 0
  }

  /** Nothing is written any more. */
  close(): void {
    this.#closed = true
    this.#waiting.clear()
    this.#chunk = undefined
    this.#length = 0
  }

  #seal(): void {
    const chunk = this.#chunk!
    const sizeBytes = this.#length
    this.#length = 0
    if (this.#inFlightBytes === 0) this.#write(chunk, sizeBytes)
    else this.#waiting.push(chunk.subarray(0, sizeBytes))
  }

  #write(chunk: Buffer, sizeBytes: number): void {
    if (this.#closed) return
    this.#socket.write(sizeBytes === chunk.length ? chunk : chunk.subarray(0, sizeBytes), this.#report)
    // What the system took at once is done, though the report comes later.
    if (this.#socket.writableLength === 0) {
      if (chunk.length === CHUNK_BYTES) this.#turns.give(chunk)
      this.#written.push(RETURNED)
      return
    }
    this.#written.push(chunk)
    this.#inFlightBytes = sizeBytes
    this.#inFlightSinceMs = this.#clock.monotonicMs()
  }

  #onWritten(): void {
    const chunk = this.#written.shift()
    if (chunk === RETURNED || chunk === undefined || this.#closed) return
    if (chunk.length === CHUNK_BYTES) this.#turns.give(chunk)
    this.#inFlightBytes = 0
    // Invariant: buffers wait only behind a write in flight.
    while (this.#inFlightBytes === 0 && this.#waiting.length > 0) {
      const next = this.#waiting.shift()!
      this.#write(next, next.length)
    }
    this.#onProgress()
  }
}

/** Output beyond which messages are queued at their streams instead: fair turns need a short line at the socket. */
export const DIRECT_OUTPUT_BYTES = HTTP2_LIMITS.outputBytes / 4
