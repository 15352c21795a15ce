// TLS of a listening port: what to present, what to demand, and why a connection was refused, in Go's words.

import {
  type DetailedPeerCertificate,
  type PeerCertificate,
  type SecureVersion,
  type TLSSocket,
  checkServerIdentity,
} from 'node:tls'
import { type NameLookup, addressRefusal } from './client-names.js'
import { addressOf } from './remote.js'
import { plainHex } from './tls-files.js'

/** PEM texts; chains allowed. */
export interface TlsMaterial {
  readonly cert: Uint8Array
  readonly key: Uint8Array
}

/** When one list is not empty, the certificate of the other side must hold one of its names. */
export interface AllowedNames {
  readonly allowedCommonNames: readonly string[]
  readonly allowedHostnames: readonly string[]
}

export interface TlsSettings extends AllowedNames {
  /**
   * Asked for every connection. Gives the same object until the files changed.
   * @throws when they cannot be used: the connection is refused with an alert, never served with an older pair.
   */
  readonly material: () => TlsMaterial
  /** PEM of the authorities that client certificates are checked against; undefined: the runtime's. Read once, as in etcd. */
  readonly clientAuthorities: readonly string[] | undefined
  /** True with `--client-cert-auth` or `--trusted-ca-file`. */
  readonly requireClientCert: boolean
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  /** OpenSSL list for TLS 1.2; undefined: the default. */
  readonly ciphers: string | undefined
  /** Serial numbers (lower-case hex) that are refused; asked for every connection with a certificate. undefined: none. */
  readonly revoked: (() => ReadonlySet<string>) | undefined
  /** With it, names in a client's certificate must lead to its address. */
  readonly clientNames: NameLookup | undefined
}

/** Why the verified client is refused all the same; undefined admits. What needs no lookup. */
export function refusalOf(socket: TLSSocket, settings: TlsSettings): string | undefined {
  if (settings.allowedCommonNames.length === 0 && settings.allowedHostnames.length === 0) return undefined
  // Without a demand for certificates nothing was shown, and etcd does not look either.
  if (!settings.requireClientCert) return undefined
  return socket.authorized && namesAdmit(socket.getPeerCertificate(), settings) ? undefined : REJECTED
}

/** The rest: whether the certificate may come from there, and whether it was revoked. */
export async function lateRefusalOf(socket: TLSSocket, settings: TlsSettings): Promise<string | undefined> {
  const certificate = socket.getPeerCertificate(true)
  if (Object.keys(certificate).length === 0) return undefined
  if (settings.clientNames !== undefined) {
    const address = addressOf(socket)
      .replace(/:\d+$/, '')
      .replace(/^\[|\]$/g, '')
    const refusal = await addressRefusal(certificate, address, settings.clientNames)
    if (refusal !== undefined) return refusal
  }
  if (settings.revoked === undefined) return undefined
  try {
    const revoked = settings.revoked()
    const serial = serialsOf(certificate).find((number) => revoked.has(number))
    return serial === undefined ? undefined : `transport: certificate serial ${serial} revoked`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Whether `lateRefusalOf` could say anything. */
export const checksLate = ({ requireClientCert, clientNames, revoked }: TlsSettings): boolean =>
  requireClientCert && (clientNames !== undefined || revoked !== undefined)

/** Whether a verified certificate holds one of the names, or none is asked for. */
export function namesAdmit(
  certificate: PeerCertificate,
  { allowedCommonNames, allowedHostnames }: AllowedNames,
): boolean {
  if (allowedCommonNames.length === 0 && allowedHostnames.length === 0) return true
  if (allowedCommonNames.some((name) => commonNames(certificate).includes(name))) return true
  // Only alternative names count for hosts, never the common name.
  if (certificate.subjectaltname === undefined) return false
  const named = { ...certificate, subject: { ...certificate.subject, CN: '' } }
  return allowedHostnames.some((host) => checkServerIdentity(host, named) === undefined)
}

export const REJECTED = 'client certificate authentication failed'

const commonNames = (certificate: PeerCertificate): readonly string[] => {
  const name: unknown = certificate.subject?.CN
  if (Array.isArray(name)) return name.map(String)
  return typeof name === 'string' ? [name] : []
}

/**
 * Of the client's certificate and those that it is signed by. Differs: an intermediate that only we hold counts as shown; the
 * root never does.
 */
function serialsOf(leaf: DetailedPeerCertificate): string[] {
  const serials: string[] = []
  // A root is its own issuer. What the chain lacks is undefined, whatever its type says.
  let certificate: DetailedPeerCertificate | undefined = leaf
  for (; certificate !== undefined; certificate = certificate.issuerCertificate) {
    if (certificate !== leaf && certificate.issuerCertificate === certificate) break
    serials.push(plainHex(certificate.serialNumber))
    if (certificate.issuerCertificate === certificate) break
  }
  return serials
}

/** Go has a sentence for each reason that OpenSSL gives. */
const UNVERIFIED: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'certificate has expired or is not yet valid',
  INVALID_PURPOSE: 'certificate specifies an incompatible key usage',
}

/** Text of a failed handshake. */
export function handshakeFailure(error: Error & { code?: string }, socket: TLSSocket | undefined): string {
  const unverified = socket?.authorizationError as Error | string | undefined
  if (unverified !== undefined && unverified !== null) {
    const reason = UNVERIFIED[String(unverified instanceof Error ? unverified.message : unverified)]
    return `tls: failed to verify certificate: x509: ${reason ?? 'certificate signed by unknown authority'}`
  }
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

export const NOT_TLS = 'tls: first record does not look like a TLS handshake'

/** Fatal alert 80 (internal error) as a TLS record: what Go answers when it cannot load its certificate. */
export const INTERNAL_ERROR_ALERT = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x50])
