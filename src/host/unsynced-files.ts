// Files for --unsafe-no-fsync: everything is left to the page cache, so a crash of the machine loses what was acknowledged.

import type { FileHandle, FileSystem } from '../env/index.js'

/** `files` without any sync. Order and atomicity of renames are as before: only the machine's crash makes a difference. */
export const unsyncedFileSystem = (files: FileSystem): FileSystem => ({
  ...files,
  open: async (path, how) => unsyncedFile(await files.open(path, how)),
  syncDirectory: async () => undefined,
})

const unsyncedFile = (file: FileHandle): FileHandle => ({
  write: (bytes, position) => file.write(bytes, position),
  writeDurably: (bytes, position) => file.write(bytes, position),
  read: (position, length) => file.read(position, length),
  syncData: async () => undefined,
  truncate: (sizeBytes) => file.truncate(sizeBytes),
  preallocate: (sizeBytes) => file.preallocate(sizeBytes),
  sizeBytes: () => file.sizeBytes(),
  close: () => file.close(),
})
