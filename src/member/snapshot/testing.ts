// For the tests of this folder and of crashes: the two places of a store in memory, and snapshots as they come over the wire.

import { type ClusterId, type Index, index, term } from '../../base/index.js'
import type { Backend, BackendFolders, BackendRow, BackendView, StoreFolder } from '../../env/index.js'
import { raftpb } from '../../proto/index.js'
import { encodeRows } from './row-stream.js'

/** Keeps what is in a place when its backend is closed; `steps` tells what was done. */
export class MemoryFolders<B extends Backend> implements BackendFolders {
  readonly places = new Map<StoreFolder, B>()
  readonly steps: string[] = []
  readonly #newBackend: () => B

  constructor(newBackend: () => B) {
    this.#newBackend = newBackend
  }

  async list(): Promise<StoreFolder[]> {
    return [...this.places.keys()].sort()
  }

  async open(folder: StoreFolder): Promise<Backend> {
    const backend = this.places.get(folder) ?? this.#newBackend()
    this.places.set(folder, backend)
    this.steps.push(`open ${folder}`)
    return Object.assign(backend, { close: async () => void this.steps.push(`close ${folder}`) })
  }

  async sync(folder: StoreFolder): Promise<void> {
    this.steps.push(`sync ${folder}`)
  }

  async remove(folder: StoreFolder): Promise<void> {
    this.steps.push(`remove ${folder}`)
    this.places.delete(folder)
  }
}

const uint64 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** What a store holds of the entry that it is at. */
export const appliedRows = (at: Index, atTerm: number): BackendRow[] => [
  { bucket: 'meta', key: Buffer.from('consistent_index'), value: uint64(at) },
  { bucket: 'meta', key: Buffer.from('term'), value: uint64(atTerm) },
]

export const snapshotMessageAt = (at: number, atTerm: number): raftpb.Message => {
  const message = new raftpb.Message()
  message.snapshot = new raftpb.Snapshot()
  message.snapshot.metadata = new raftpb.SnapshotMetadata()
  message.snapshot.metadata.index = index(at)
  message.snapshot.metadata.term = term(atTerm)
  return message
}

/** The stream of a store with `rows`, none of which deletes one, in its pieces. */
export const chunksOf = async (
  rows: readonly BackendRow[],
  clusterId: ClusterId,
  at: number,
  atTerm: number,
): Promise<Uint8Array[]> => {
  const view: BackendView = {
    scan: async function* (bucket) {
      yield rows.filter((row) => row.bucket === bucket).map(({ key, value }) => ({ key, value: value! }))
    },
    close: async () => undefined,
  }
  const chunks: Uint8Array[] = []
  const header = { clusterId, index: index(at), term: term(atTerm) }
  for await (const chunk of encodeRows(view, header)) chunks.push(Uint8Array.from(chunk))
  return chunks
}
