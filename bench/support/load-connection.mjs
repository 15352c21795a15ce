// One client connection that costs little: frames written by hand, one write per turn, answers counted as they pass. What
// listens decides whether messages are looked at; bodies that nobody wants are skipped without being gathered.
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { HpackDecoder } from '../../dist/transport/hpack/index.js'

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
const FRAME_HEAD = 9
const MESSAGE_HEAD = 5
const WINDOW = 2 ** 31 - 1
/** Received bytes after which the connection's window is filled up again. */
const REFILL_BYTES = 1 << 20
const TYPE = { data: 0, headers: 1, rstStream: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 }
const END_STREAM = 1
const END_HEADERS = 4
const STATIC_ENTRIES = 61

/** Where to connect: `ca` (PEM) makes it TLS. */
export const targetOf = (port, ca) => ({ host: '127.0.0.1', port, ca })

export class LoadConnection {
  #target
  #listener
  #socket
  #decoder = new HpackDecoder(4096, 1 << 20)
  /** grpc-status by header block, as long as the table of the decoder stands still. */
  #statuses = new Map()
  #generation = -1
  /** Our side's header table, newest first: `name index, value`. */
  #table = []
  #blocks = new Map()
  #nextId = 1
  #out = []
  #flushDue = false
  #rest
  #owed = 0
  /** Bytes of a body under way that nobody wants, and the stream that ends with them. */
  #skip = 0
  #skipEnds = 0
  /** Incomplete messages by stream. */
  #partial = new Map()
  #closing = false

  /**
   * `listener.onEnd(id, status)` hears of every stream's end, status undefined when it was not in the last header block;
   * `listener.onReset(id, code)`, where there is one, of every RST_STREAM (else one throws);
   * `listener.onMessage(id, bytes, start, end)`, where there is one, of every message.
   */
  constructor(target, listener) {
    this.#target = target
    this.#listener = listener
  }

  open() {
    const { host, port, ca } = this.#target
    return new Promise((resolve, reject) => {
      const onConnect = () => {
        this.#send(PREFACE)
        this.#send(frame(TYPE.settings, 0, 0, Buffer.concat([Buffer.of(0, 4), uint32(WINDOW)])))
        this.#send(frame(TYPE.windowUpdate, 0, 0, uint32(WINDOW - 65_535)))
        resolve()
      }
      this.#socket =
        ca === undefined
          ? connect({ host, port, noDelay: true }, onConnect)
          : connectTls({ host, port, ca, ALPNProtocols: ['h2'], servername: 'localhost' }, onConnect)
      if (ca !== undefined) this.#socket.setNoDelay(true)
      this.#socket.on('error', (error) => (this.#closing ? undefined : reject(error)))
      this.#socket.on('close', () => {
        if (!this.#closing) throw new Error('the server closed a connection')
      })
      this.#socket.on('data', (chunk) => this.#read(chunk))
    })
  }

  /** Unexpected ends are of no interest any more. */
  close() {
    this.#closing = true
    this.#socket?.destroy()
  }

  /** A unary call; its stream. */
  call(path, message) {
    return this.#request(path, message, END_STREAM)
  }

  /** A call whose requests are a stream: the first of them goes with it. */
  openStream(path, message) {
    return this.#request(path, message, 0)
  }

  /** One more request on an open stream. */
  send(id, message) {
    const bytes = Buffer.allocUnsafe(FRAME_HEAD + MESSAGE_HEAD + message.length)
    writeMessage(bytes, 0, id, message, 0)
    this.#send(bytes)
  }

  #request(path, message, flags) {
    const block = this.#blocks.get(path) ?? this.#firstBlock(path)
    const id = this.#nextId
    this.#nextId += 2
    const data = FRAME_HEAD + block.length
    const bytes = Buffer.allocUnsafe(data + FRAME_HEAD + MESSAGE_HEAD + message.length)
    writeHead(bytes, 0, block.length, TYPE.headers, END_HEADERS, id)
    bytes.set(block, FRAME_HEAD)
    writeMessage(bytes, data, id, message, flags)
    this.#send(bytes)
    return id
  }

  /** Puts what is new about `path` into the header table; blocks made before it are stale then. */
  #firstBlock(path) {
    this.#blocks.clear()
    const secure = this.#target.ca !== undefined
    const fields = [
      [1, `${this.#target.host}:${this.#target.port}`], // :authority
      [4, path],
      [31, 'application/grpc'], // content-type
      [58, 'quorate-load'], // user-agent
      ['te', 'trailers'],
    ]
    const parts = [Buffer.of(0x83, secure ? 0x87 : 0x86)]
    for (const [name, value] of fields) {
      const at = this.#table.findIndex(([knownName, knownValue]) => knownName === name && knownValue === value)
      if (at >= 0) parts.push(Buffer.of(0x80 | (STATIC_ENTRIES + 1 + at)))
      else {
        const head = typeof name === 'number' ? Buffer.of(0x40 | name) : Buffer.concat([Buffer.of(0x40), text(name)])
        parts.push(head, text(value))
        this.#table.unshift([name, value])
      }
    }
    const block = Buffer.concat(parts)
    // The next block for it will consist of indexes alone, once nothing joins the table any more.
    if (parts.every((part) => part.length <= 2)) this.#blocks.set(path, block)
    return block
  }

  #send(bytes) {
    this.#out.push(bytes)
    if (this.#flushDue) return
    this.#flushDue = true
    setImmediate(() => {
      this.#flushDue = false
      if (!this.#socket.destroyed) this.#socket.write(this.#out.length === 1 ? this.#out[0] : Buffer.concat(this.#out))
      this.#out = []
    })
  }

  #read(chunk) {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    const { length } = bytes
    let pos = 0
    for (;;) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, length - pos)
        pos += taken
        this.#skip -= taken
        if (this.#skip > 0) break
        if (this.#skipEnds > 0) this.#listener.onEnd(this.#skipEnds, undefined)
      }
      if (length - pos < FRAME_HEAD) break
      const size = bytes.readUIntBE(pos, 3)
      const type = bytes[pos + 3]
      const start = pos + FRAME_HEAD
      if (type === TYPE.data) this.#owed += size
      if (type === TYPE.data && size > 0 && this.#listener.onMessage === undefined) {
        this.#skip = size
        this.#skipEnds = (bytes[pos + 4] & END_STREAM) !== 0 ? bytes.readUInt32BE(pos + 5) : 0
        pos = start
        continue
      }
      if (start + size > length) {
        if (type === TYPE.data) this.#owed -= size
        break
      }
      this.#onFrame(type, bytes[pos + 4], bytes.readUInt32BE(pos + 5), bytes, start, start + size)
      pos = start + size
    }
    this.#rest = pos === length ? undefined : bytes.subarray(pos)
    if (this.#owed < REFILL_BYTES) return
    this.#send(frame(TYPE.windowUpdate, 0, 0, uint32(this.#owed)))
    this.#owed = 0
  }

  #onFrame(type, flags, id, bytes, start, end) {
    switch (type) {
      case TYPE.data:
        if (start < end) this.#onBody(id, bytes, start, end)
        if ((flags & END_STREAM) !== 0) this.#listener.onEnd(id, undefined)
        break
      case TYPE.headers: {
        const status = this.#statusOf(bytes, start, end)
        if ((flags & END_STREAM) !== 0) this.#listener.onEnd(id, status)
        break
      }
      case TYPE.settings:
        if ((flags & 1) === 0) this.#send(frame(TYPE.settings, 1, 0, Buffer.alloc(0)))
        break
      case TYPE.ping:
        if ((flags & 1) === 0) this.#send(frame(TYPE.ping, 1, 0, Buffer.from(bytes.subarray(start, end))))
        break
      case TYPE.rstStream: {
        if (this.#closing) break
        const code = bytes.readUInt32BE(start)
        if (this.#listener.onReset === undefined) throw new Error(`RST_STREAM with code ${code} on stream ${id}`)
        this.#listener.onReset(id, code)
        break
      }
      case TYPE.goAway:
        if (!this.#closing) throw new Error(`GOAWAY ${bytes.latin1Slice(start + 8, end)}`)
        break
      default:
    }
  }

  #statusOf(bytes, start, end) {
    if (this.#decoder.generation !== this.#generation) {
      this.#generation = this.#decoder.generation
      this.#statuses.clear()
    }
    const block = bytes.latin1Slice(start, end)
    if (this.#statuses.has(block)) return this.#statuses.get(block)
    const before = this.#decoder.generation
    const fields = this.#decoder.decode(bytes, start, end)
    const status = fields.find(({ name }) => name === 'grpc-status')?.value
    if (this.#decoder.generation === before) this.#statuses.set(block, status)
    return status
  }

  #onBody(id, bytes, start, end) {
    const before = this.#partial.get(id)
    if (before !== undefined) {
      bytes = Buffer.concat([before, bytes.subarray(start, end)])
      start = 0
      end = bytes.length
      this.#partial.delete(id)
    }
    while (end - start >= MESSAGE_HEAD) {
      const next = start + MESSAGE_HEAD + bytes.readUInt32BE(start + 1)
      if (next > end) break
      this.#listener.onMessage(id, bytes, start + MESSAGE_HEAD, next)
      start = next
    }
    if (start < end) this.#partial.set(id, Buffer.from(bytes.subarray(start, end)))
  }
}

function writeMessage(out, pos, id, message, flags) {
  writeHead(out, pos, MESSAGE_HEAD + message.length, TYPE.data, flags, id)
  out[pos + FRAME_HEAD] = 0
  out.writeUInt32BE(message.length, pos + FRAME_HEAD + 1)
  out.set(message, pos + FRAME_HEAD + MESSAGE_HEAD)
}

function writeHead(out, pos, size, type, flags, id) {
  out[pos] = size >>> 16
  out[pos + 1] = size >>> 8
  out[pos + 2] = size
  out[pos + 3] = type
  out[pos + 4] = flags
  out.writeUInt32BE(id, pos + 5)
}

function frame(type, flags, id, payload) {
  const bytes = Buffer.alloc(FRAME_HEAD + payload.length)
  writeHead(bytes, 0, payload.length, type, flags, id)
  bytes.set(payload, FRAME_HEAD)
  return bytes
}

function uint32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** At most 126 bytes. */
const text = (value) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)])
