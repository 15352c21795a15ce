// Which protocol a client speaks, told by its first bytes (etcd listens for all of them on one port).

/**
 * `more`: the bytes so far fit several protocols, or only the beginning of one.
 * `unknown`: no protocol of ours starts like this.
 */
export type Protocol = 'http1' | 'http2' | 'tls' | 'more' | 'unknown'

/** RFC 9113, 3.4. */
export const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

const TLS_HANDSHAKE = 0x16
const HTTP1_STARTS = ['OPTIONS ', 'GET ', 'HEAD ', 'POST ', 'PUT ', 'DELETE ', 'TRACE ', 'CONNECT '].map((method) =>
  Buffer.from(method, 'latin1'),
)

/** `more` is answered for at most `HTTP2_PREFACE.length - 1` bytes, so a caller never gathers more than that. */
export function protocolOf(bytes: Uint8Array): Protocol {
  if (bytes.length === 0) return 'more'
  if (bytes[0] === TLS_HANDSHAKE) return 'tls'
  const preface = beginning(bytes, HTTP2_PREFACE)
  if (preface !== 'no') return preface === 'whole' ? 'http2' : 'more'
  let partial = false
  for (const start of HTTP1_STARTS) {
    const match = beginning(bytes, start)
    if (match === 'whole') return 'http1'
    partial ||= match === 'part'
  }
  return partial ? 'more' : 'unknown'
}

function beginning(bytes: Uint8Array, wanted: Uint8Array): 'whole' | 'part' | 'no' {
  const length = Math.min(bytes.length, wanted.length)
  for (let i = 0; i < length; i++) if (bytes[i] !== wanted[i]) return 'no'
  return length === wanted.length ? 'whole' : 'part'
}
