// Reads what the server shows: its history by watches, its state by ranges.
import type { GrpcClient, Stream } from '../support/grpc-client.js'
import type { Event, RangeResponse, WatchResponse } from '../support/messages.js'
import { describeKv } from './kill-model.js'

const EVERYTHING = { key: Buffer.of(0), range_end: Buffer.of(0) }
const PAGE_KEYS = 500

/** A watch on all keys; gathers events by revision until the stream ends. */
export class Observer {
  /** Every event since the first revision asked for; each revision is complete. */
  readonly history = new Map<number, Event[]>()
  /** Newest revision seen. */
  last: number
  readonly #stream: Stream<WatchResponse>
  /** Resolves when the stream has ended, however it did. @throws when the server breaks a rule of watching. */
  readonly ended: Promise<void>
  #failure: unknown
  #waiters: { readonly revision: number; readonly resolve: () => void }[] = []

  constructor(client: GrpcClient, startRevision: number) {
    this.last = startRevision - 1
    this.#stream = client.stream<WatchResponse>('Watch/Watch')
    this.#stream.send({ create_request: { ...EVERYTHING, start_revision: startRevision } })
    this.ended = this.#read()
    this.ended.catch((error: unknown) => (this.#failure = error)).finally(() => this.#wake(Infinity))
  }

  /** Resolves once everything up to `revision` was seen. @throws when the stream ended before. */
  async until(revision: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiters.push({ revision, resolve })
      this.#wake(this.last)
    })
    if (this.last < revision)
      throw new Error(`watch ended at revision ${this.last}, before ${revision}`, { cause: this.#failure })
  }

  close(): void {
    this.#stream.cancel()
  }

  async #read(): Promise<void> {
    for (;;) {
      const response = await this.#stream.next(600_000).catch(() => undefined)
      if (response === undefined) return this.#wake(Infinity)
      if (response.canceled) throw new Error(`watch cancelled: ${JSON.stringify(response)}`)
      this.#take(response.events)
    }
  }

  #take(events: readonly Event[]): void {
    const before = this.last
    for (const event of events) {
      const revision = Number(event.kv.mod_revision)
      if (revision <= before) throw new Error(`revision ${revision} again, or split, after ${before}`)
      if (revision < this.last) throw new Error(`revision ${revision} after ${this.last}`)
      this.last = revision
      const known = this.history.get(revision)
      if (known === undefined) this.history.set(revision, [event])
      else known.push(event)
    }
    this.#wake(this.last)
  }

  #wake(reached: number): void {
    const ready = this.#waiters.filter(({ revision }) => revision <= reached)
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter))
    for (const { resolve } of ready) resolve()
  }
}

/** The store's revision, read through consensus. */
export const currentRevision = async (client: GrpcClient): Promise<number> => {
  const { header } = await client.call<RangeResponse>('KV/Range', { ...EVERYTHING, count_only: true })
  return Number(header.revision)
}

/** All keys at `revision` in key order, page by page, each in a few words. */
export const readAll = async (client: GrpcClient, revision: number): Promise<string[]> => {
  const keys: string[] = []
  let from = Buffer.of(0)
  for (;;) {
    const request = { key: from, range_end: Buffer.of(0), revision, limit: PAGE_KEYS }
    const { kvs, more } = await client.call<RangeResponse>('KV/Range', request)
    keys.push(...kvs.map(describeKv))
    if (!more) return keys
    from = Buffer.concat([kvs.at(-1)!.key, Buffer.of(0)])
  }
}
