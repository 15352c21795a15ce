// Load on the streams: events of watchers, and renewals of leases.
import { LoadConnection } from './load-connection.mjs'
import { Measurement } from './measurement.mjs'
import { keepAliveRequest, putRequest, watchCreateRequest } from './requests.mjs'

const WATCH = '/etcdserverpb.Watch/Watch'
const PUT = '/etcdserverpb.KV/Put'
const KEEP_ALIVE = '/etcdserverpb.Lease/LeaseKeepAlive'
const WATCH_CONNECTIONS_MAX = 100
const PREFIX_BYTES = 7
/** Each run has a prefix of its own: writes of the one before may still be on their way. */
let runs = 0

/**
 * `watchers` watch one prefix over at most 100 connections, one stream each. `outstanding` writes of 256 bytes are under way at
 * any time: a write is over when every watcher got its event. Counted are events; the delay is that from the sending of the write
 * to the arrival of the event.
 */
export async function runWatchLoad({ target, watchers, outstanding, value, seconds, warmupSeconds, probe }) {
  const measurement = new Measurement()
  const run = new WatchRun(measurement, watchers, value)
  const connections = Math.min(watchers, WATCH_CONNECTIONS_MAX)
  const clients = Array.from({ length: connections }, () => new WatchClient(run, target))
  const writer = new LoadConnection(target, { onEnd: (_id, status) => run.onWritten(status) })
  try {
    await Promise.all([writer.open(), ...clients.map((client) => client.open())])
    for (let i = 0; i < watchers; i++) clients[i % connections].watch()
    await run.created
    run.write = (message) => writer.call(PUT, message)
    for (let i = 0; i < outstanding; i++) run.next()
    return await measurement.take(seconds, warmupSeconds, probe)
  } finally {
    measurement.running = false
    for (const client of [writer, ...clients]) client.close()
  }
}

class WatchRun {
  write
  /** What the watchers watch, and its end. */
  prefix = Buffer.from(`/w${String(++runs).padStart(4, '0')}/`)
  end = Buffer.from(`/w${String(runs).padStart(4, '0')}0`)
  created
  #onCreated
  #createdLeft
  #measurement
  #watchers
  #value
  #sequence = 0
  /** Writes whose events are on their way, by their number. */
  #open = new Map()

  constructor(measurement, watchers, value) {
    this.#measurement = measurement
    this.#watchers = watchers
    this.#createdLeft = watchers
    this.#value = value
    this.created = new Promise((resolve) => (this.#onCreated = resolve))
  }

  next() {
    if (!this.#measurement.running) return
    const number = ++this.#sequence
    const key = Buffer.allocUnsafe(PREFIX_BYTES + 4)
    key.set(this.prefix)
    key.writeUInt32BE(number, PREFIX_BYTES)
    this.#open.set(number, { startedMs: performance.now(), left: this.#watchers })
    this.write(putRequest(key, this.#value))
  }

  onWritten(status) {
    if (status !== '0' && this.#measurement.running) throw new Error(`a write failed with status ${status}`)
  }

  onCreated() {
    if (--this.#createdLeft === 0) this.#onCreated()
  }

  onEvent(number) {
    const write = this.#open.get(number)
    this.#measurement.note(performance.now() - write.startedMs)
    if (--write.left > 0) return
    this.#open.delete(number)
    this.next()
  }
}

class WatchClient {
  #run
  #connection
  #stream

  constructor(run, target) {
    this.#run = run
    this.#connection = new LoadConnection(target, this)
  }

  open() {
    return this.#connection.open()
  }

  close() {
    this.#connection.close()
  }

  watch() {
    const request = watchCreateRequest(this.#run.prefix, this.#run.end)
    if (this.#stream === undefined) this.#stream = this.#connection.openStream(WATCH, request)
    else this.#connection.send(this.#stream, request)
  }

  onEnd(_id, status) {
    throw new Error(`a watch ended with status ${status}`)
  }

  /** WatchResponse: 0a header, 10 watch_id, 18 created, 5a event. */
  onMessage(_id, bytes, pos, end) {
    while (pos < end) {
      const tag = bytes[pos++]
      let value = 0
      let scale = 1
      for (;;) {
        const byte = bytes[pos++]
        value += (byte & 0x7f) * scale
        if (byte < 128) break
        scale *= 128
      }
      if (tag === 0x18) this.#run.onCreated()
      if ((tag & 7) === 0) continue
      if (tag === 0x5a) this.#run.onEvent(numberOf(bytes, pos))
      pos += value
    }
  }
}

/** Event of a put: 12 len KeyValue, which begins with 0a len key. */
function numberOf(bytes, pos) {
  pos++
  while (bytes[pos++] >= 128);
  return bytes.readUInt32BE(pos + 2 + PREFIX_BYTES)
}

/** `outstanding` renewals are under way at any time, over one stream on each of `connections`; the leases 1..`leases` in turn. */
export async function runKeepAlives({ target, leases, connections, outstanding, seconds, warmupSeconds, probe }) {
  const measurement = new Measurement()
  const run = { measurement, leases, next: 0 }
  const clients = Array.from({ length: connections }, () => new KeepAliveClient(run, target))
  try {
    await Promise.all(clients.map((client) => client.open()))
    for (let i = 0; i < outstanding; i++) clients[i % connections].renew()
    return await measurement.take(seconds, warmupSeconds, probe)
  } finally {
    measurement.running = false
    for (const client of clients) client.close()
  }
}

class KeepAliveClient {
  #run
  #connection
  #stream
  /** When the renewals under way were sent, oldest first: answers come in order. */
  #startedMs = []

  constructor(run, target) {
    this.#run = run
    this.#connection = new LoadConnection(target, this)
  }

  open() {
    return this.#connection.open()
  }

  close() {
    this.#connection.close()
  }

  renew() {
    const request = keepAliveRequest((this.#run.next++ % this.#run.leases) + 1)
    this.#startedMs.push(performance.now())
    if (this.#stream === undefined) this.#stream = this.#connection.openStream(KEEP_ALIVE, request)
    else this.#connection.send(this.#stream, request)
  }

  onEnd(_id, status) {
    throw new Error(`a keep-alive stream ended with status ${status}`)
  }

  /** LeaseKeepAliveResponse: 0a header, 10 id, 18 ttl; without a ttl the lease is gone. */
  onMessage(_id, bytes, start, end) {
    const ttlAt = bytes.lastIndexOf(0x18, end - 2)
    this.#run.measurement.note(performance.now() - this.#startedMs.shift(), ttlAt < start)
    if (this.#run.measurement.running) this.renew()
  }
}
