// TLS of a listening port: what to present, what to demand, and why a connection was refused, in Go's words.

import { readFileSync, statSync } from 'node:fs'
import { type PeerCertificate, type SecureVersion, type TLSSocket, checkServerIdentity } from 'node:tls'

/** PEM texts; chains allowed. */
export interface TlsMaterial {
  readonly cert: Uint8Array
  readonly key: Uint8Array
}

export interface TlsSettings {
  /**
   * Asked for every connection. Gives the same object until the files changed.
   * @throws when they cannot be used: the connection is refused with an alert, never served with an older pair.
   */
  readonly material: () => TlsMaterial
  /** PEM of the authorities that client certificates are checked against; undefined: the system's. Read once, as in etcd. */
  readonly clientAuthorities: Uint8Array | undefined
  /** True with `--client-cert-auth` or `--trusted-ca-file`. */
  readonly requireClientCert: boolean
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  /** OpenSSL list for TLS 1.2; undefined: the default. */
  readonly ciphers: string | undefined
  /** When not empty, the client's certificate must name one of them. */
  readonly allowedCommonNames: readonly string[]
  readonly allowedHostnames: readonly string[]
}

/** Reads the pair anew whenever size, time or inode of a file differ from the last look. */
export function tlsFiles(certFile: string, keyFile: string): () => TlsMaterial {
  let seen = ''
  let material: TlsMaterial | undefined
  return () => {
    const now = `${stamp(certFile)} ${stamp(keyFile)}`
    if (material === undefined || now !== seen) {
      material = undefined
      material = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
      seen = now
    }
    return material
  }
}

const stamp = (path: string): string => {
  const { mtimeMs, size, ino } = statSync(path)
  return `${mtimeMs}/${size}/${ino}`
}

/** Why the verified client is refused all the same; undefined admits. */
export function refusalOf(socket: TLSSocket, settings: TlsSettings): string | undefined {
  const { allowedCommonNames, allowedHostnames } = settings
  if (allowedCommonNames.length === 0 && allowedHostnames.length === 0) return undefined
  const certificate = socket.getPeerCertificate()
  if (!socket.authorized || Object.keys(certificate).length === 0) return REJECTED
  if (allowedCommonNames.some((name) => commonNames(certificate).includes(name))) return undefined
  // Only alternative names count for hosts, never the common name.
  const named = { ...certificate, subject: { ...certificate.subject, CN: '' } }
  if (certificate.subjectaltname !== undefined) {
    if (allowedHostnames.some((host) => checkServerIdentity(host, named) === undefined)) return undefined
  }
  return REJECTED
}

const REJECTED = 'client certificate authentication failed'

const commonNames = (certificate: PeerCertificate): readonly string[] => {
  const name: unknown = certificate.subject?.CN
  if (Array.isArray(name)) return name.map(String)
  return typeof name === 'string' ? [name] : []
}

/** Text of a failed handshake. */
export function handshakeFailure(error: Error & { code?: string }, socket: TLSSocket | undefined): string {
  const unverified = socket?.authorizationError as Error | string | undefined
  if (unverified !== undefined && unverified !== null) return UNKNOWN_AUTHORITY
  switch (error.code) {
    case 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE':
      return "tls: client didn't provide a certificate"
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return 'tls: client offered only unsupported versions'
    case 'ERR_SSL_NO_SHARED_CIPHER':
      return 'tls: no cipher suite supported by both client and server'
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
      return 'i/o timeout'
    case 'ECONNRESET':
      return 'EOF'
    default:
      return error.message
  }
}

const UNKNOWN_AUTHORITY = 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
export const NOT_TLS = 'tls: first record does not look like a TLS handshake'

/** Fatal alert 80 (internal error) as a TLS record: what Go answers when it cannot load its certificate. */
export const INTERNAL_ERROR_ALERT = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x50])
