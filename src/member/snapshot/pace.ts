// How fast a snapshot leaves: on its way it takes the loop, the disk and the link that clients need, on both ends.

import type { Clock } from '../../env/index.js'

const BYTES_PER_MS = (32 * 1024 * 1024) / 1000
/** At first slower: a receiver is often a process that has just started, and both ends run this code for the first time. */
const START_MS = 1000
const START_BYTES_PER_MS = BYTES_PER_MS / 4
/**
 * From here on a transfer goes as fast as it can: the log that follows on the snapshot is held meanwhile, within a bound
 * (docs/limits.md), and a snapshot whose log has outgrown that is of no use.
 */
const PACED_MS = 20_000
/** What a transfer may make up for when it has waited for the receiver, and the shortest rest. */
const SLACK_MS = 5

/** The same chunks, each asked for when its time has come. */
export async function* paced(
  chunks: AsyncIterable<Uint8Array>,
  clock: Pick<Clock, 'monotonicMs' | 'after'>,
): AsyncGenerator<Uint8Array, void, void> {
  const startedMs = clock.monotonicMs()
  let dueMs = startedMs
  for await (const chunk of chunks) {
    yield chunk
    const nowMs = clock.monotonicMs()
    if (nowMs - startedMs > PACED_MS) continue
    const bytesPerMs = nowMs - startedMs < START_MS ? START_BYTES_PER_MS : BYTES_PER_MS
    dueMs = Math.max(dueMs, nowMs - SLACK_MS) + chunk.length / bytesPerMs
    if (dueMs - nowMs < SLACK_MS) continue
    await new Promise<void>((resolve) => clock.after(dueMs - nowMs, resolve))
  }
}
