// Operations of a simulated disk take time, so that everything else happens between them.
import type { Clock, FileHandle, FileSystem, Random } from '#src/env/index.js'

/** `inner`, where everything that changes or syncs something takes from 0 up to `msMax` milliseconds first. */
export function slowFileSystem(inner: FileSystem, clock: Clock, random: Random, msMax: number): FileSystem {
  const pause = (): Promise<void> => new Promise((resolve) => clock.after(random.below(msMax + 1), resolve))
  const slowHandle = (file: FileHandle): FileHandle => ({
    write: (bytes, position) => pause().then(() => file.write(bytes, position)),
    writeDurably: (bytes, position) => pause().then(() => file.writeDurably(bytes, position)),
    read: (position, length) => file.read(position, length),
    syncData: () => pause().then(() => file.syncData()),
    truncate: (sizeBytes) => pause().then(() => file.truncate(sizeBytes)),
    preallocate: (sizeBytes) => pause().then(() => file.preallocate(sizeBytes)),
    sizeBytes: () => file.sizeBytes(),
    close: () => file.close(),
  })
  return {
    makeDirectory: (path) => pause().then(() => inner.makeDirectory(path)),
    list: (path) => inner.list(path),
    exists: (path) => inner.exists(path),
    readFile: (path) => inner.readFile(path),
    open: (path, how) =>
      pause()
        .then(() => inner.open(path, how))
        .then(slowHandle),
    rename: (from, to) => pause().then(() => inner.rename(from, to)),
    remove: (path) => pause().then(() => inner.remove(path)),
    removeTree: (path) => pause().then(() => inner.removeTree(path)),
    copy: (from, to) => pause().then(() => inner.copy(from, to)),
    syncDirectory: (path) => pause().then(() => inner.syncDirectory(path)),
    lock: (path) => inner.lock(path),
  }
}
