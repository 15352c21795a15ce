// Maintenance.Hash: CRC-32C over all buckets of a backend.

import { crc32c } from '@node-rs/crc32'
import { EMPTY_BYTES } from '../base/index.js'
import { type Backend, BUCKETS } from '../env/index.js'
import type { Store } from './store.js'

/** Rows of `meta` that members may hold different values of. */
const IGNORED = new Set(['consistent_index', 'term', 'storageVersion'])

/**
 * Feeds each bucket's name, then its keys and values in order. The owner has committed everything and writes nothing
 * until the promise settles. Chunk rows count as the revisions in them.
 */
export const hashBackend = async (backend: Backend, store: Store): Promise<number> => {
  let crc = 0
  for (const bucket of BUCKETS) {
    crc = crc32c(bucket, crc)
    if (bucket === 'key') {
      crc = await store.hashRows(crc)
      continue
    }
    for await (const slice of backend.scan(bucket, EMPTY_BYTES, undefined)) {
      for (const { key, value } of slice) {
        if (bucket === 'meta' && IGNORED.has(Buffer.from(key).toString('latin1'))) continue
        crc = crc32c(value, crc32c(key, crc))
      }
    }
  }
  return crc
}
