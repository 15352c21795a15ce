// TLS of the ports from the flags: which files count, whether they can be used, and what the start says about them.

import { join } from 'node:path'
import { HTTP2_SUITES, type ListenUrl, type ServerConfig, type TlsFiles, isTls } from '../config/index.js'
import type { Clock, Logger } from '../env/index.js'
import {
  type PeerDialTls,
  type TlsSettings,
  checkPair,
  opensslCiphers,
  readAuthorities,
  revokedSerials,
  selfSignedPair,
  systemNames,
  tlsFiles,
} from '../transport/index.js'
import { StartFailed } from './start-failed.js'

export interface TlsParts {
  readonly clock: Clock
  readonly logger: Logger
}

export interface PeerTls {
  /** undefined: no pair, so every URL is plain. */
  readonly listen: TlsSettings | undefined
  /** For https URLs of other members. */
  readonly dial: PeerDialTls
}

export interface ClientTls {
  readonly listen: TlsSettings | undefined
  /** As `listen`; names in certificates are compared with addresses besides. */
  readonly metrics: TlsSettings | undefined
}

/** @throws Error in etcd's words when files cannot be used; StartFailed when the own certificate cannot be made. */
export async function openPeerTls(config: ServerConfig, parts: TlsParts): Promise<PeerTls> {
  const { logger } = parts
  const files = await effectiveFiles('peer', config, config.listenPeerUrls, parts)
  if (isConfigured(files)) logger.info('starting with peer TLS', tlsFields(files, config))
  for (const url of config.listenPeerUrls) {
    if (url.scheme !== 'http') continue
    if (isConfigured(files)) {
      logger.warn('scheme is HTTP while key and cert files are present; ignoring key and cert files', {
        'peer-url': url.text,
      })
    }
    if (files.clientCertAuth) {
      const text = 'scheme is HTTP while --peer-client-cert-auth is enabled; ignoring client cert auth for this URL'
      logger.warn(text, { 'peer-url': url.text })
    }
  }
  try {
    const listen = isConfigured(files) ? await listenSettings(files, config) : undefined
    const names = files.skipSanVerification ? undefined : systemNames()
    return { listen: listen && { ...listen, clientNames: names }, dial: dialSettings(files, config) }
  } catch (error) {
    if (config.listenPeerUrls.some(isTls)) logger.error('creating peer listener failed', { error })
    throw error
  }
}

/** Differs: unusable files end the start here; etcd finds them when its member runs already. @throws StartFailed */
export async function openClientTls(config: ServerConfig, parts: TlsParts): Promise<ClientTls> {
  const { logger } = parts
  const clientUrls = [...config.listenClientUrls, ...config.listenClientHttpUrls]
  const files = await effectiveFiles('client', config, clientUrls, parts)
  for (const url of clientUrls) {
    if (isTls(url)) continue
    if (isConfigured(files)) {
      const text = 'scheme is http or unix while key and cert files are present; ignoring key and cert files'
      logger.warn(text, { 'client-url': url.text })
    }
    if (files.clientCertAuth) {
      const text = 'scheme is http or unix while --client-cert-auth is enabled; ignoring client cert auth for this URL'
      logger.warn(text, { 'client-url': url.text })
    }
  }
  if (isConfigured(files)) logger.info('starting with client TLS', tlsFields(files, config))
  const secure = [...clientUrls, ...config.listenMetricsUrls].some(isTls)
  if (!secure) return { listen: undefined, metrics: undefined }
  try {
    if (clientUrls.some(isTls)) checkHttp2Suites(config)
    const listen = await listenSettings(files, config)
    return { listen, metrics: { ...listen, clientNames: systemNames() } }
  } catch (error) {
    throw new StartFailed('listener failed', { error })
  }
}

/** A pair that was given wins over one of our own, and the latter comes with nothing else: no demand, no lists. */
async function effectiveFiles(
  side: 'client' | 'peer',
  config: ServerConfig,
  urls: readonly ListenUrl[],
  parts: TlsParts,
): Promise<EffectiveFiles> {
  const files = config.tls[side]
  if (hasNames(files) && !files.clientCertRequired) {
    // Silent in etcd; whoever lists names expects more.
    parts.logger.warn(`no ${side} certificates are asked for, so that the names in them are not checked`)
  }
  if (!files.autoTls) return { ...files, selfMade: false }
  if (isConfigured(files)) {
    parts.logger.warn(`ignoring ${side} auto TLS since certs given`)
    return { ...files, selfMade: false }
  }
  if (files.clientCertRequired || files.crlFile !== '' || hasNames(files)) {
    parts.logger.warn(`${side} certificates are not checked with ${side} auto TLS; ignoring the flags that ask for it`)
  }
  const request = {
    folder: join(config.dataDir, 'fixtures', side),
    hosts: urls.map(({ hostname }) => hostname),
    validityYears: config.tls.selfSignedValidityYears,
  }
  try {
    const pair = await selfSignedPair(request, parts)
    return {
      ...pair,
      clientCertFile: pair.certFile,
      clientKeyFile: pair.keyFile,
      trustedCaFile: '',
      crlFile: '',
      clientCertRequired: false,
      clientCertAuth: false,
      allowedCommonNames: [],
      allowedHostnames: [],
      autoTls: true,
      skipSanVerification: false,
      selfMade: true,
    }
  } catch (error) {
    throw new StartFailed(`failed to get ${side} self-signed certs`, { error })
  }
}

interface EffectiveFiles extends TlsFiles {
  /** Signed by nobody, so that nobody can verify it. */
  readonly selfMade: boolean
}

const isConfigured = ({ certFile, keyFile }: TlsFiles): boolean => certFile !== '' || keyFile !== ''

const hasNames = ({ allowedCommonNames, allowedHostnames }: TlsFiles): boolean =>
  allowedCommonNames.length > 0 || allowedHostnames.length > 0

const tlsFields = (files: TlsFiles, { tls }: ServerConfig): Record<string, unknown> => ({
  'tls-info': `cert = ${files.certFile}, key = ${files.keyFile}, client-cert=${files.clientCertFile}, client-key=${files.clientKeyFile}, trusted-ca = ${files.trustedCaFile}, client-cert-auth = ${files.clientCertAuth}, crl-file = ${files.crlFile}`,
  'cipher-suites': tls.cipherSuites,
})

async function listenSettings(files: EffectiveFiles, { tls }: ServerConfig): Promise<TlsSettings> {
  const { certFile, keyFile } = files
  checkFiles(files)
  return {
    material: tlsFiles(certFile, keyFile),
    clientAuthorities: authoritiesOf(files),
    requireClientCert: files.clientCertRequired,
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    ciphers: opensslCiphers(tls.cipherSuites),
    allowedCommonNames: files.allowedCommonNames,
    allowedHostnames: files.allowedHostnames,
    revoked: files.crlFile === '' ? undefined : await revokedSerials(files.crlFile),
    clientNames: undefined,
  }
}

const dialSettings = (files: EffectiveFiles, { tls }: ServerConfig): PeerDialTls => {
  const [certFile, keyFile] =
    files.clientCertFile === '' ? [files.certFile, files.keyFile] : [files.clientCertFile, files.clientKeyFile]
  return {
    material: isConfigured(files) ? tlsFiles(certFile, keyFile) : undefined,
    authorities: authoritiesOf(files),
    verifyServer: !files.selfMade,
    serverName: undefined,
    allowedCommonNames: isConfigured(files) ? files.allowedCommonNames : [],
    allowedHostnames: isConfigured(files) ? files.allowedHostnames : [],
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    ciphers: opensslCiphers(tls.cipherSuites),
  }
}

const authoritiesOf = ({ trustedCaFile }: TlsFiles): string[] | undefined =>
  trustedCaFile === '' ? undefined : readAuthorities(trustedCaFile)

const checkFiles = ({ certFile, keyFile, clientCertFile, clientKeyFile }: TlsFiles): void => {
  if (certFile === '' || keyFile === '') {
    throw new Error(`KeyFile and CertFile must both be present[key: ${keyFile}, cert: ${certFile}]`)
  }
  checkPair(certFile, keyFile)
  if ((clientCertFile === '') !== (clientKeyFile === '')) {
    throw new Error(
      `ClientKeyFile and ClientCertFile must both be present or both absent: key: ${clientKeyFile}, cert: ${clientCertFile}]`,
    )
  }
  if (clientCertFile !== '') checkPair(clientCertFile, clientKeyFile)
}

/** HTTP/2 asks for one suite at least wherever TLS 1.2 may be spoken (RFC 9113, 9.2.2). */
const checkHttp2Suites = ({ tls }: ServerConfig): void => {
  const { cipherSuites, minVersion } = tls
  if (cipherSuites.length === 0 || minVersion === 'TLSv1.3') return
  if (HTTP2_SUITES.some((suite) => cipherSuites.includes(suite))) return
  throw new Error(
    `http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher (need at least one of ${HTTP2_SUITES.join(' or ')})`,
  )
}
