// One header field and what HTTP/2 thinks of it. Fields of the tables are shared by all blocks that refer to them, so the
// judgement is made once.

/** What a request's fields are to the layers above; `bad` must not appear in HTTP/2 at all. */
export const FieldKind = {
  plain: 0,
  method: 1,
  scheme: 2,
  path: 3,
  authority: 4,
  contentType: 5,
  contentLength: 6,
  te: 7,
  grpcTimeout: 8,
  grpcEncoding: 9,
  /** `:status` and pseudo fields that nobody knows. */
  foreignPseudo: 10,
  bad: 11,
} as const
export type FieldKind = (typeof FieldKind)[keyof typeof FieldKind]

/** What RFC 7541, 4.1 adds to the lengths of name and value. */
export const FIELD_OVERHEAD_BYTES = 32

const KINDS = new Map<string, FieldKind>([
  [':method', FieldKind.method],
  [':scheme', FieldKind.scheme],
  [':path', FieldKind.path],
  [':authority', FieldKind.authority],
  ['content-type', FieldKind.contentType],
  ['content-length', FieldKind.contentLength],
  ['te', FieldKind.te],
  ['grpc-timeout', FieldKind.grpcTimeout],
  ['grpc-encoding', FieldKind.grpcEncoding],
  // Fields that belong to a connection of HTTP/1 (RFC 9113, 8.2.2).
  ['connection', FieldKind.bad],
  ['keep-alive', FieldKind.bad],
  ['proxy-connection', FieldKind.bad],
  ['transfer-encoding', FieldKind.bad],
  ['upgrade', FieldKind.bad],
])

/** Frozen. Name and value hold one code unit per byte. */
export class HeaderField {
  readonly name: string
  readonly value: string
  /** As RFC 7541, 4.1 counts. */
  readonly sizeBytes: number
  readonly kind: FieldKind

  constructor(name: string, value: string) {
    this.name = name
    this.value = value
    this.sizeBytes = name.length + value.length + FIELD_OVERHEAD_BYTES
    this.kind = kindOf(name, value)
  }
}

function kindOf(name: string, value: string): FieldKind {
  if (!isValidValue(value)) return FieldKind.bad
  const kind = KINDS.get(name)
  if (kind !== undefined) return kind === FieldKind.te && value !== 'trailers' ? FieldKind.bad : kind
  if (name.charCodeAt(0) === COLON) return FieldKind.foreignPseudo
  return isValidName(name) ? FieldKind.plain : FieldKind.bad
}

const COLON = 0x3a

/** RFC 9113, 8.2.1: no controls, no space, no upper case, no colon, nothing from 0x7f up. */
function isValidName(name: string): boolean {
  if (name.length === 0) return false
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    if (unit <= 0x20 || unit >= 0x7f || unit === COLON || (unit >= 0x41 && unit <= 0x5a)) return false
  }
  return true
}

/** RFC 9113, 8.2.1: no NUL, CR, LF, and no white space at either end. */
function isValidValue(value: string): boolean {
  const { length } = value
  if (length === 0) return true
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i)
    if (unit <= 0x0d && (unit === 0 || unit === 0x0a || unit === 0x0d)) return false
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(length - 1))
}

const isBlank = (unit: number): boolean => unit === 0x20 || unit === 0x09
