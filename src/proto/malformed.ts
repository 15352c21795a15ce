// The one way in which bytes can be refused.

/** Bytes that are no message of the expected type. The text is what Go's protobuf library says, since clients see it. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage'
  readonly code = 'MALFORMED_MESSAGE'

  constructor(message = 'proto: cannot parse invalid wire-format data') {
    super(message)
  }
}
