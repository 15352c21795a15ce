// Go's names of cipher suites in OpenSSL's words.

import { getCiphers } from 'node:tls'

/** Suites of TLS 1.3 cannot be chosen in Go: all three are always on. */
const TLS13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

const ALGORITHMS: Readonly<Record<string, string>> = {
  AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  CHACHA20_POLY1305_SHA256: 'CHACHA20-POLY1305',
  CHACHA20_POLY1305: 'CHACHA20-POLY1305',
  AES_128_CBC_SHA: 'AES128-SHA',
  AES_256_CBC_SHA: 'AES256-SHA',
  AES_128_CBC_SHA256: 'AES128-SHA256',
  RC4_128_SHA: 'RC4-SHA',
  '3DES_EDE_CBC_SHA': 'DES-CBC3-SHA',
}

/** What Go offers by itself, in its order. */
const DEFAULTS = [
  'AES_128_GCM_SHA256',
  'AES_256_GCM_SHA384',
  'CHACHA20_POLY1305',
  'AES_128_CBC_SHA',
  'AES_256_CBC_SHA',
].flatMap((suite) => [`TLS_ECDHE_ECDSA_WITH_${suite}`, `TLS_ECDHE_RSA_WITH_${suite}`])

const available = new Set(getCiphers().map((name) => name.toUpperCase()))

/**
 * The list for `ciphers` of node:tls; no names: what Go would choose. Suites that the runtime's OpenSSL does not have any more
 * (RC4, 3DES) are left out.
 */
export const opensslCiphers = (names: readonly string[]): string => {
  const wanted = names.length === 0 ? DEFAULTS : names
  const suites = wanted.map(opensslName).filter((name) => name !== undefined && available.has(name))
  return [...TLS13, ...new Set(suites)].join(':')
}

const opensslName = (name: string): string | undefined => {
  const match = /^TLS_(?:ECDHE_(RSA|ECDSA)|RSA)_WITH_(.+)$/.exec(name)
  const algorithm = ALGORITHMS[match?.[2] ?? '']
  if (match === null || algorithm === undefined) return undefined
  return match[1] === undefined ? algorithm : `ECDHE-${match[1]}-${algorithm}`
}
