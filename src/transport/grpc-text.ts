// Statuses that a gRPC server gives by itself, in the words of the library that etcd is built on: clients see these texts.

import { Code, type Status } from '../env/index.js'

const status = (code: Code, message: string): Status => ({ code, message })

/** Go's %q for the plain texts that occur in method names and header values. */
const quoted = (text: string): string => JSON.stringify(text)

export const grpcText = {
  unknownService: (service: string) => status(Code.unimplemented, `unknown service ${service}`),
  unknownMethod: (service: string, method: string) =>
    status(Code.unimplemented, `unknown method ${method} for service ${service}`),
  malformedMethod: (path: string) => status(Code.unimplemented, `malformed method name: ${quoted(path)}`),
  badContentType: (contentType: string) =>
    status(Code.invalidArgument, `invalid gRPC request content-type ${quoted(contentType)}`),
  notPost: (method: string) =>
    status(Code.internal, `Received a HEADERS frame with :method ${quoted(method)} which should be POST`),
  badTimeout: (reason: string) => status(Code.internal, `malformed grpc-timeout: ${reason}`),
  tooLarge: (sizeBytes: number | string, maxBytes: number) =>
    status(Code.resourceExhausted, `grpc: received message larger than max (${sizeBytes} vs. ${maxBytes})`),
  tooLargeInflated: (maxBytes: number) =>
    status(Code.resourceExhausted, `grpc: received message after decompression larger than max ${maxBytes}`),
  noDecompressor: (encoding: string) =>
    status(Code.unimplemented, `grpc: Decompressor is not installed for grpc-encoding ${quoted(encoding)}`),
  deadline: status(Code.deadlineExceeded, 'context deadline exceeded'),
  canceled: status(Code.canceled, 'context canceled'),
  missingRequest: status(
    Code.internal,
    'cardinality violation: received no request message from non-client-streaming RPC',
  ),
  /** A unary request whose bytes are no message. */
  malformedRequest: status(
    Code.internal,
    'grpc: error unmarshalling request: proto: cannot parse invalid wire-format data',
  ),
  /** The same on a stream. */
  malformedMessage: status(
    Code.internal,
    'grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data',
  ),
  notCompressed: status(Code.internal, 'grpc: compressed flag set with identity or empty encoding'),
  /** The body ended within a message. */
  cutMessage: status(Code.internal, 'unexpected EOF'),
  tooManyPartial: status(Code.resourceExhausted, 'grpc: too many incomplete requests on one connection'),
  decompressFailed: status(Code.internal, 'grpc: failed to decompress the received message'),
} as const
