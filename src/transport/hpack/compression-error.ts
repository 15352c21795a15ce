/** The peer's header compression cannot be followed any more: the connection is lost (COMPRESSION_ERROR). */
export class CompressionError extends Error {
  override readonly name = 'CompressionError'
}
