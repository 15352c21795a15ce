// The cheapest gRPC client that is still one: HTTP/2 frames written to a socket by hand, requests as bytes made beforehand,
// answers counted and, unless somebody wants them, thrown away. A load generator must cost less than what it measures.
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const FRAME_HEAD_BYTES = 9
const DATA_FRAME_BYTES = 16_384
const WINDOW_MAX = 2 ** 31 - 1
/** Received bytes after which the connection's window is filled up again. */
const REFILL_BYTES = 64 * 1024 * 1024
const TYPE = { data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 }
const FLAG = { endStream: 1, ack: 1, endHeaders: 4 }
const SETTING = { tableSize: 1, initialWindow: 4 }

const frame = (type, flags, stream, payload = Buffer.alloc(0)) => {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  payload.copy(bytes, FRAME_HEAD_BYTES)
  return bytes
}

const uint32 = (value) => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const settings = (...pairs) => {
  const bytes = Buffer.allocUnsafe(6 * pairs.length)
  for (const [i, [id, value]] of pairs.entries()) {
    bytes.writeUInt16BE(id, 6 * i)
    bytes.writeUInt32BE(value, 6 * i + 2)
  }
  return bytes
}

const literal = (text) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])

/** Header block of a call: no field goes into a table, so the block is the same for every call. */
const headerBlock = (path, secure) =>
  Buffer.concat([
    Buffer.of(0x83, secure ? 0x87 : 0x86, 0x04),
    literal(path),
    Buffer.of(0x01),
    literal('127.0.0.1'),
    Buffer.of(0x0f, 0x10),
    literal('application/grpc'),
    Buffer.of(0x00),
    literal('te'),
    literal('trailers'),
  ])

/** A unary method and its header block. */
export class RawMethod {
  constructor(path) {
    this.path = path
    this.block = headerBlock(path, false)
    this.secureBlock = headerBlock(path, true)
  }
}

export class RawClient {
  #socket
  #secure
  #nextStream = 1
  #rest = Buffer.alloc(0)
  #sendWindow = 65_535
  #received = 0
  #calls = new Map()
  /** Frames that wait for the window, oldest first. */
  #waiting = []
  #out = []
  #flushScheduled = false

  /** To a port of 127.0.0.1, or to a target (load-connection.mjs). */
  static open(portOrTarget) {
    const target = typeof portOrTarget === 'number' ? { host: '127.0.0.1', port: portOrTarget } : portOrTarget
    const { host, port, ca } = target
    return new Promise((resolve, reject) => {
      const secure = ca !== undefined
      const socket = secure
        ? connectTls({ host, port, ca, ALPNProtocols: ['h2'], servername: 'localhost' })
        : connect({ port, host, noDelay: true })
      socket.once('error', reject)
      socket.once(secure ? 'secureConnect' : 'connect', () => resolve(new RawClient(socket, secure)))
    })
  }

  constructor(socket, secure = false) {
    this.#socket = socket
    this.#secure = secure
    socket.on('data', (chunk) => this.#onData(chunk))
    socket.on('close', () => this.#failAll('connection closed'))
    socket.on('error', () => undefined)
    socket.write(PREFACE)
    const own = settings([SETTING.tableSize, 0], [SETTING.initialWindow, WINDOW_MAX])
    socket.write(frame(TYPE.settings, 0, 0, own))
    socket.write(frame(TYPE.windowUpdate, 0, 0, uint32(WINDOW_MAX - 65_535)))
  }

  /**
   * Resolves with the answer's message bytes, or with their number when `discard` is set. `message` must fit into a stream's
   * first window (64 KiB). @throws when the server answers with an error.
   */
  call(method, message, discard = false) {
    return new Promise((resolve, reject) => {
      const stream = this.#nextStream
      this.#nextStream += 2
      this.#calls.set(stream, { resolve, reject, discard, parts: [], size: 0, path: method.path })
      this.#send(frame(TYPE.headers, FLAG.endHeaders, stream, this.#secure ? method.secureBlock : method.block))
      const body = Buffer.allocUnsafe(5 + message.length)
      body[0] = 0
      body.writeUInt32BE(message.length, 1)
      message.copy(body, 5)
      for (let at = 0; at < body.length; at += DATA_FRAME_BYTES) {
        const last = at + DATA_FRAME_BYTES >= body.length
        const piece = body.subarray(at, at + DATA_FRAME_BYTES)
        this.#send(frame(TYPE.data, last ? FLAG.endStream : 0, stream, piece), piece.length)
      }
    })
  }

  close() {
    this.#socket.destroy()
  }

  #send(bytes, windowBytes = 0) {
    if (this.#waiting.length > 0 || windowBytes > this.#sendWindow) {
      this.#waiting.push({ bytes, windowBytes })
      return
    }
    this.#sendWindow -= windowBytes
    this.#out.push(bytes)
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    setImmediate(() => {
      this.#flushScheduled = false
      this.#socket.write(Buffer.concat(this.#out))
      this.#out = []
    })
  }

  #windowGrew(bytes) {
    this.#sendWindow += bytes
    const waiting = this.#waiting
    this.#waiting = []
    for (const { bytes: frameBytes, windowBytes } of waiting) this.#send(frameBytes, windowBytes)
  }

  #onData(chunk) {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const length = bytes.readUIntBE(at, 3)
      const end = at + FRAME_HEAD_BYTES + length
      if (end > bytes.length) break
      this.#onFrame(
        bytes[at + 3],
        bytes[at + 4],
        bytes.readUInt32BE(at + 5),
        bytes.subarray(at + FRAME_HEAD_BYTES, end),
      )
      at = end
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at))
  }

  #onFrame(type, flags, stream, payload) {
    switch (type) {
      case TYPE.data:
        this.#onBody(stream, payload)
        break
      case TYPE.settings:
        if (!(flags & FLAG.ack)) this.#socket.write(frame(TYPE.settings, FLAG.ack, 0))
        return
      case TYPE.ping:
        if (!(flags & FLAG.ack)) this.#socket.write(frame(TYPE.ping, FLAG.ack, 0, payload))
        return
      case TYPE.windowUpdate:
        if (stream === 0) this.#windowGrew(payload.readUInt32BE(0))
        return
      case TYPE.rstStream:
        this.#end(stream, 'stream reset')
        return
      case TYPE.goaway:
        this.#failAll('the server goes away')
        return
    }
    if ((type === TYPE.data || type === TYPE.headers) && flags & FLAG.endStream) this.#end(stream)
  }

  #onBody(stream, payload) {
    this.#received += payload.length
    if (this.#received >= REFILL_BYTES) {
      this.#socket.write(frame(TYPE.windowUpdate, 0, 0, uint32(this.#received)))
      this.#received = 0
    }
    const call = this.#calls.get(stream)
    if (call === undefined) return
    call.size += payload.length
    if (!call.discard) call.parts.push(Buffer.from(payload))
  }

  #end(stream, failure) {
    const call = this.#calls.get(stream)
    if (call === undefined) return
    this.#calls.delete(stream)
    // An answer without a message is an error: its status is in the headers, which nobody decodes here.
    if (failure !== undefined || call.size < 5) call.reject(new Error(`${call.path}: ${failure ?? 'refused'}`))
    else call.resolve(call.discard ? call.size - 5 : Buffer.concat(call.parts).subarray(5))
  }

  #failAll(reason) {
    for (const stream of [...this.#calls.keys()]) this.#end(stream, reason)
  }
}
