/** The log or a snapshot file on disk cannot be trusted. The message names the file and, inside a log, the byte offset. */
export class WalCorrupt extends Error {
  override readonly name = 'WalCorrupt'
  readonly path: string
  readonly offset: number | undefined

  constructor(path: string, what: string, offset?: number) {
    super(offset === undefined ? `${path}: ${what}` : `${path}: ${what} at offset ${offset}`)
    this.path = path
    this.offset = offset
  }
}

/** Bytes that no writer of the format makes. Readers of files turn it into `WalCorrupt`, which knows the place. */
export class MalformedRecord extends Error {
  override readonly name = 'MalformedRecord'
}
