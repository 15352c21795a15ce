export { CompressionError } from './compression-error.js'
export { HpackDecoder } from './decoder.js'
export { HpackEncoder, PreparedField } from './encoder.js'
export { FieldKind, HeaderField } from './field.js'
