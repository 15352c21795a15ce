import type { Key } from '../base/index.js'

/** One change of one key, as watches see it. Frozen. */
export class Change {
  readonly key: Key
  readonly kind: 'put' | 'delete'
  readonly main: number
  readonly sub: number
  /** Encoded mvccpb.KeyValue in event form: the whole of it for a put, key and mod_revision for a deletion. */
  readonly kv: Uint8Array
  /** Create revision of the key after a put, 0 for a deletion. */
  readonly create: number

  constructor(key: Key, kind: 'put' | 'delete', main: number, sub: number, kv: Uint8Array, create: number) {
    this.key = key
    this.kind = kind
    this.main = main
    this.sub = sub
    this.kv = kv
    this.create = create
  }

  /** The key did not exist right before: there is no previous value. */
  get isCreation(): boolean {
    return this.kind === 'put' && this.create === this.main
  }
}
