// The two places for a store. One is in use; what is received becomes a store in the other (store-build.ts):
//
//   receive   rows, each batch synced; last of all RECEIVED_INDEX; the folder synced; then consensus sees the message
//   log       the snapshot file and record are durable
//   complete  RECEIVED_INDEX becomes CONSISTENT_INDEX, in one batch; then the store takes the place of the old one, which is removed
//
// Invariants: of the stores with an applied index, the one with the highest is the member's. When the log begins with a snapshot that
// this one is not up to, the other one is what was received for it.

import { type AppliedPoint, CONSISTENT_INDEX, readAppliedPoint } from '../../apply/index.js'
import { type Index, NO_INDEX } from '../../base/index.js'
import type { Backend, BackendFolders, Logger, StoreFolder } from '../../env/index.js'

export interface OpenStore {
  readonly folder: StoreFolder
  readonly backend: Backend
}

interface StoreParts {
  readonly folders: BackendFolders
  readonly logger: Logger
}

/** The state that the log begins with is nowhere. */
export class SnapshotLost extends Error {
  override readonly name = 'SnapshotLost'
  constructor(applied: Index, at: Index) {
    super(
      `the store holds everything up to index ${applied}, but the log starts after index ${at}, ` +
        `and the state of the snapshot there is missing`,
    )
  }
}

/** The applied index of a received store that the log does not ask for yet, in the bucket `meta`. */
export const RECEIVED_INDEX = Buffer.from('received_index')

export const appliedIndexOf = (backend: Backend): Index =>
  readAppliedPoint((key) => backend.get('meta', key))?.index ?? NO_INDEX

/** The snapshot that the store was received for, if everything of it is there. */
export const receivedPointOf = (backend: Backend): AppliedPoint | undefined =>
  readAppliedPoint((key) => backend.get('meta', CONSISTENT_INDEX.equals(key) ? RECEIVED_INDEX : key))

export const otherFolder = (folder: StoreFolder): StoreFolder => (folder === 'store' ? 'store.next' : 'store')

/** The member's store: made when there is none. Others are removed, unless they were received and wait for the log. */
export async function openNewest(folders: BackendFolders): Promise<OpenStore> {
  const found = await folders.list()
  const stores: OpenStore[] = []
  for (const folder of found.length === 0 ? (['store'] as const) : found) {
    stores.push({ folder, backend: await folders.open(folder) })
  }
  // Equal only when neither has an applied index: then the first is new, and the second is not complete.
  let newest = stores[0]!
  for (const store of stores) if (appliedIndexOf(store.backend) > appliedIndexOf(newest.backend)) newest = store
  for (const store of stores) {
    if (store === newest) continue
    if (receivedPointOf(store.backend) === undefined) await discard(folders, store)
    else await store.backend.close()
  }
  return newest
}

/**
 * At a start: brings the store to where the log begins. When the log's snapshot is ahead of it, a crash came between putting that
 * into the log and completing the received store, which is done now. Closes what it does not return.
 * @throws SnapshotLost
 */
export async function catchUpStore(
  { folders, logger }: StoreParts,
  opened: OpenStore,
  snapshot: AppliedPoint | undefined,
): Promise<OpenStore> {
  const folder = otherFolder(opened.folder)
  const received = (await folders.list()).includes(folder) ? { folder, backend: await folders.open(folder) } : undefined
  const applied = appliedIndexOf(opened.backend)
  if (snapshot === undefined || snapshot.index <= applied) {
    // Never came to the log.
    if (received !== undefined) await discard(folders, received)
    return opened
  }
  logger.info('applying snapshot', { 'current-applied-index': applied, 'incoming-snapshot-index': snapshot.index })
  if (received === undefined || !isSamePoint(snapshot, receivedPointOf(received.backend))) {
    await received?.backend.close()
    await opened.backend.close()
    throw new SnapshotLost(applied, snapshot.index)
  }
  await completeStore(folders, received)
  await discard(folders, opened)
  return received
}

/** The log begins with the snapshot that the store was received for: from here on it is the member's. Durable when it resolves. */
export async function completeStore(folders: BackendFolders, { folder, backend }: OpenStore): Promise<void> {
  await backend.write([
    { bucket: 'meta', key: CONSISTENT_INDEX, value: backend.get('meta', RECEIVED_INDEX)! },
    { bucket: 'meta', key: RECEIVED_INDEX, value: undefined },
  ])
  await folders.sync(folder)
}

export async function discard(folders: BackendFolders, { folder, backend }: OpenStore): Promise<void> {
  await backend.close()
  await folders.remove(folder)
}

export const isSamePoint = (point: AppliedPoint, other: AppliedPoint | undefined): boolean =>
  point.index === other?.index && point.term === other.term
