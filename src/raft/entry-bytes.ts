// What an entry counts for.

import type { Entry } from './pb.js'

/** Counted per entry besides its data, for every limit in bytes: roughly its headers on the wire and in memory. */
export const ENTRY_OVERHEAD_BYTES = 24

export const entryBytes = (entry: Entry): number => entry.data.length + ENTRY_OVERHEAD_BYTES
