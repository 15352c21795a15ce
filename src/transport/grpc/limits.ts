// Bounds of gRPC calls, beside those of HTTP/2.

export const GRPC_LIMITS = {
  /** `send` answers false above so many queued bytes of one stream ... */
  highWaterBytes: 1024 * 1024,
  /** ... and `onDrain` follows once they are no more than these. */
  lowWaterBytes: 256 * 1024,
  /** Bytes of requests that are not complete, on one connection. Beyond: the call that brings more ends with RESOURCE_EXHAUSTED. */
  partialRequestBytes: 256 * 1024 * 1024,
  /** Longest text of a status; the rest is cut. Clients take header lists of 16 KiB at least. */
  statusTextBytes: 8192,
  /** Deadlines are kept to this many milliseconds. */
  deadlineTickMs: 10,
} as const
