// A request's header fields, judged by RFC 9113, 8.2 and 8.3, and taken apart.

import { FieldKind, type HeaderField } from '../hpack/index.js'

/** Frozen: requests with equal header blocks share one. */
export class Request {
  readonly fields: readonly HeaderField[]
  readonly method: string
  readonly scheme: string
  readonly path: string
  readonly authority: string
  /** The first field of the name; empty when absent. */
  readonly contentType: string
  readonly grpcTimeout: string | undefined
  readonly grpcEncoding: string | undefined
  /** -1 when absent. */
  readonly contentLength: number

  private constructor(fields: readonly HeaderField[], parts: (string | undefined)[], contentLength: number) {
    this.fields = fields
    this.method = parts[FieldKind.method] ?? ''
    this.scheme = parts[FieldKind.scheme] ?? ''
    this.path = parts[FieldKind.path] ?? ''
    this.authority = parts[FieldKind.authority] ?? ''
    this.contentType = parts[FieldKind.contentType] ?? ''
    this.grpcTimeout = parts[FieldKind.grpcTimeout]
    this.grpcEncoding = parts[FieldKind.grpcEncoding]
    this.contentLength = contentLength
  }

  /** `fields` is given away. A text says what is wrong with them. */
  static parse(fields: readonly HeaderField[]): Request | string {
    const parts = new Array<string | undefined>(PARTS).fill(undefined)
    let regular = false
    let contentLength = -1
    for (let i = 0; i < fields.length; i++) {
      const { kind, name, value } = fields[i]!
      if (kind === FieldKind.plain) {
        regular = true
        continue
      }
      if (kind >= FieldKind.foreignPseudo) return `field ${name} is not allowed`
      if (kind > FieldKind.authority) {
        regular = true
        if (kind === FieldKind.contentLength) {
          const length = lengthOf(value)
          if (length === undefined || (contentLength !== -1 && contentLength !== length)) return 'bad content-length'
          contentLength = length
        } else if (parts[kind] === undefined) parts[kind] = value
        continue
      }
      if (regular) return `${name} after a regular field`
      if (parts[kind] !== undefined) return `${name} twice`
      parts[kind] = value
    }
    if (parts[FieldKind.method] === undefined) return 'no :method'
    if (parts[FieldKind.method] === 'CONNECT') {
      if (parts[FieldKind.authority] === undefined) return 'CONNECT without :authority'
      if (parts[FieldKind.scheme] !== undefined || parts[FieldKind.path] !== undefined) return 'CONNECT with :path'
    } else {
      if (parts[FieldKind.scheme] === undefined) return 'no :scheme'
      if (parts[FieldKind.path] === undefined || parts[FieldKind.path] === '') return 'no :path'
    }
    return new Request(fields, parts, contentLength)
  }
}

const PARTS = FieldKind.grpcEncoding + 1

/** Trailers hold regular fields only. */
export const areTrailersValid = (fields: readonly HeaderField[]): boolean =>
  fields.every(({ kind }) => kind < FieldKind.foreignPseudo && (kind === FieldKind.plain || kind > FieldKind.authority))

function lengthOf(value: string): number | undefined {
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined
}
