// `Bench`: a hub over a store in memory, with responses written as short texts; for tests of this folder.

import type { Status } from '../../env/index.js'
import type { etcdserverpb } from '../../proto/index.js'
import { WatchHub, type WatchHubLimits } from './hub.js'
import type { HubStream } from './stream.js'
import { createRequest, eventText, headerFor, MemorySource, type Operation, TestSink } from './testing.js'

/** Responses above it are cut for those who asked for that. */
export const FRAGMENT_BYTES = 1000

export class Bench {
  source = new MemorySource()
  readonly hub: WatchHub
  work = 0

  constructor(limits: Partial<WatchHubLimits> = {}, progressIntervalMs = 1000) {
    this.hub = new WatchHub(this.source, {
      random: { below: () => 0, uint64: () => 0n },
      header: headerFor,
      onWork: () => this.work++,
      fragmentBytes: FRAGMENT_BYTES,
      progressIntervalMs,
      limits,
    })
  }

  commit(...operations: Operation[]): void {
    const changes = this.source.commit(operations)
    if (changes.length > 0) this.hub.publish(this.source.revision, changes)
  }

  open(markBytes?: number, permission?: (key: Uint8Array, end: Uint8Array) => Status | undefined): Client {
    const sink = new TestSink(markBytes)
    return new Client(sink, this.hub.openStream(sink, 0, permission))
  }

  restored(): void {
    this.source = this.source.replaced()
    this.hub.restored(this.source)
  }

  catchUp(): void {
    for (let i = 0; this.hub.catchUp(100); i++) if (i > 10_000) throw new Error('the catch-up does not end')
  }
}

export class Client {
  readonly sink: TestSink
  readonly stream: HubStream

  constructor(sink: TestSink, stream: HubStream) {
    this.sink = sink
    this.stream = stream
  }

  watch(fields: Partial<etcdserverpb.WatchCreateRequest> & { on: string; end?: string }): this {
    this.stream.create(createRequest(fields))
    return this
  }

  /** Everything sent since the last call; tells the stream that there is room again. */
  read(count?: number): string[] {
    const responses = this.sink.read(count)
    if (!this.sink.full) this.stream.drained()
    return responses.map(text)
  }
}

export const text = (response: etcdserverpb.WatchResponse): string => {
  const { header, watchId, created, canceled, compactRevision, cancelReason, fragment, events } = response
  const parts = [`id=${watchId}`, `rev=${header?.revision ?? 'none'}`]
  if (created) parts.push('created')
  if (canceled) parts.push('canceled')
  if (compactRevision !== 0) parts.push(`compacted=${compactRevision}`)
  if (cancelReason !== '') parts.push(cancelReason)
  if (fragment) parts.push('fragment')
  return [parts.join(' '), ...events.map(eventText)].join(', ')
}
