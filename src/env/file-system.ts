// The file operations that the log and the snapshots need, so that a simulator can lose, tear and delay them.

export interface FileSystem {
  /** Creates missing parents; mode 0700. What it created is durable when it resolves. */
  makeDirectory(path: string): Promise<void>
  /** Names in the directory, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>
  exists(path: string): Promise<boolean>
  readFile(path: string): Promise<Uint8Array>
  /** `create`: fails when it exists. `edit`: fails when it does not. Mode 0600. */
  open(path: string, how: 'create' | 'edit' | 'read'): Promise<FileHandle>
  rename(from: string, to: string): Promise<void>
  /** No error when it does not exist. */
  remove(path: string): Promise<void>
  removeTree(path: string): Promise<void>
  copy(from: string, to: string): Promise<void>
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): Promise<void>
  /**
   * Exclusive lock on the whole file, held until `release` or the end of the process, however it ends.
   * @throws FileLocked when another process holds it.
   */
  lock(path: string): Promise<FileLock>
}

export interface FileHandle {
  /** Writes all of `bytes` (borrowed until the promise settles) at `position`. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /**
   * Writes all of `bytes` (borrowed until the promise settles) and resolves once they, and a size that they extended, are
   * on stable storage. Says nothing of earlier writes to other parts of the file. One trip to the disk instead of two.
   */
  writeDurably(bytes: Uint8Array, position: number): Promise<void>
  /** Reads up to `length` bytes; shorter only at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>
  /** fdatasync: the data and the size are on stable storage when it resolves. */
  syncData(): Promise<void>
  /** Cuts or extends with zeros. */
  truncate(sizeBytes: number): Promise<void>
  /** Reserves blocks so that later writes need no new ones; reads as zeros. May be a plain extension. */
  preallocate(sizeBytes: number): Promise<void>
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

export interface FileLock {
  release(): Promise<void>
}

export class FileLocked extends Error {
  override readonly name = 'FileLocked'
  constructor(path: string) {
    super(`${path}: file already locked`)
  }
}
