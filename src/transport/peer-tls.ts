// TLS of the calls that this member makes to others: one rule for gRPC channels and for pages over HTTPS.

import { ChannelCredentials } from '@grpc/grpc-js'
import type { RequestOptions } from 'node:https'
import { type Socket, isIP } from 'node:net'
import { type PeerCertificate, type SecureVersion, checkServerIdentity, connect, createSecureContext } from 'node:tls'
import { type AllowedNames, type TlsMaterial, namesAdmit, REJECTED } from './tls-settings.js'

export interface PeerDialTls extends AllowedNames {
  /** The pair to present, asked for every connection; undefined: none. @throws when the files cannot be used: then the dial fails. */
  readonly material: (() => TlsMaterial) | undefined
  /** PEM of the authorities that the other's certificate is checked against; undefined: the runtime's own. */
  readonly authorities: readonly string[] | undefined
  /** False takes any certificate: those that members make for themselves are signed by nobody. */
  readonly verifyServer: boolean
  /** The name that the other must prove; undefined: the host of its URL. */
  readonly serverName: string | undefined
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion
  /** OpenSSL list. */
  readonly ciphers: string
}

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>
type ConnectorParameters = Parameters<ChannelCredentials['_createSecureConnector']>

/**
 * Credentials for a channel to `host` (of the member's URL, without port). Files are read for each connection, so a channel goes
 * on with replaced certificates by itself.
 */
export const peerCredentials = (tls: PeerDialTls, host: string): ChannelCredentials => new PeerCredentials(tls, host)

/** Credentials for a channel to a member's `url`, in clear or with TLS as its scheme says. */
export const peerChannelCredentials = (url: string, tls: PeerDialTls): ChannelCredentials => {
  const { protocol, hostname } = new URL(url)
  const isSecure = protocol === 'https:' || protocol === 'unixs:'
  return isSecure ? peerCredentials(tls, hostname.replace(/^\[|\]$/g, '')) : ChannelCredentials.createInsecure()
}

class PeerCredentials extends ChannelCredentials {
  readonly #tls: PeerDialTls
  readonly #host: string
  readonly #plain = ChannelCredentials.createInsecure()

  constructor(tls: PeerDialTls, host: string) {
    super()
    this.#tls = tls
    this.#host = host
  }

  override _isSecure(): boolean {
    return true
  }

  override _equals(other: ChannelCredentials): boolean {
    return other instanceof PeerCredentials && other.#tls === this.#tls && other.#host === this.#host
  }

  override _createSecureConnector(...parameters: ConnectorParameters): SecureConnector {
    const plain = this.#plain._createSecureConnector(...parameters)
    return {
      connect: async (socket) => ({ socket: await secured(socket, this.#tls, this.#host), secure: true }),
      waitForReady: () => plain.waitForReady(),
      getCallCredentials: () => plain.getCallCredentials(),
      destroy: () => plain.destroy(),
    }
  }
}

const secured = (socket: Socket, settings: PeerDialTls, host: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const name = settings.serverName ?? host
    const tls = connect({
      ...checks(settings),
      socket,
      host: name,
      servername: isIP(name) === 0 ? name : '',
      ALPNProtocols: ['h2'],
      secureContext: createSecureContext(contextOf(settings)),
    })
    const closed = (): void => reject(new Error('the connection was closed during the handshake'))
    tls.once('close', closed)
    tls.once('error', reject)
    tls.once('secureConnect', () => {
      tls.removeListener('close', closed)
      tls.removeListener('error', reject)
      resolve(tls)
    })
  })

/** Options of one request to `https://host...`. @throws when the files cannot be used. */
export const peerRequestOptions = (tls: PeerDialTls): RequestOptions => ({
  ...contextOf(tls),
  ...checks(tls),
  ...(tls.serverName !== undefined && { servername: tls.serverName }),
})

const contextOf = ({ material, authorities, minVersion, maxVersion, ciphers }: PeerDialTls) => {
  const pair = material?.()
  return {
    ...(pair !== undefined && { cert: Buffer.from(pair.cert), key: Buffer.from(pair.key) }),
    ...(authorities !== undefined && { ca: [...authorities] }),
    minVersion,
    maxVersion,
    ciphers,
  }
}

const checks = (settings: PeerDialTls) => ({
  // Who lists names needs verified ones: with certificates that nobody signed no member is admitted, as in etcd.
  rejectUnauthorized: settings.verifyServer || hasNames(settings),
  checkServerIdentity: (host: string, certificate: PeerCertificate): Error | undefined => {
    const failure = checkServerIdentity(host, certificate)
    if (failure !== undefined) return failure
    return namesAdmit(certificate, settings) ? undefined : new Error(REJECTED)
  },
})

const hasNames = ({ allowedCommonNames, allowedHostnames }: AllowedNames): boolean =>
  allowedCommonNames.length > 0 || allowedHostnames.length > 0
