// The whole history that a server can still tell, read by one watch.
import type { GrpcClient } from '../support/grpc-client.js'
import type { Event, WatchResponse } from '../support/messages.js'

const OPEN_END = Buffer.from([0])

/** Every event in [`from`, `to`], with prev_kv; `to` must be a revision that has an event. */
export const eventHistory = async (client: GrpcClient, from: number, to: number): Promise<Event[]> => {
  const stream = client.stream<WatchResponse>('Watch/Watch')
  try {
    stream.send({
      create_request: { key: OPEN_END, range_end: OPEN_END, start_revision: String(Math.max(from, 1)), prev_kv: true },
    })
    const events: Event[] = []
    for (;;) {
      const response = await stream.next()
      if (response === undefined || response.canceled)
        throw new Error(`watch from ${from} ended: ${JSON.stringify(response)}`)
      events.push(...response.events)
      if (Number(events.at(-1)?.kv.mod_revision ?? 0) >= to) return events
    }
  } finally {
    stream.cancel()
  }
}
