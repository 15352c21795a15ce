// The certificate that a server makes for itself (--auto-tls, --peer-auto-tls), as files that later starts find again.

import { KeyObject, randomBytes, webcrypto } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Clock, Logger } from '../env/index.js'
import { ipBytes } from './ip-address.js'

export interface SelfSignedRequest {
  /** Holds `cert.pem` and `key.pem`; made when it is missing. */
  readonly folder: string
  /** Names and addresses of the listeners; repetitions are kept. */
  readonly hosts: readonly string[]
  readonly validityYears: number
}

export interface PairFiles {
  readonly certFile: string
  readonly keyFile: string
}

const DAY_MS = 24 * 60 * 60_000
const CURVE = 'P-521'
const HASH = 'SHA-512'
const OID = {
  organization: '2.5.4.10',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
}
/** Bits of digital signature, key encipherment and CRL signing; the last bit of the byte is unused. */
const KEY_USAGE = 0b1010_0010

/** The pair of the folder: as it is when both files exist, never renewed; else a new one. @throws Error in etcd's words. */
export async function selfSignedPair(
  { folder, hosts, validityYears }: SelfSignedRequest,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<PairFiles> {
  if (validityYears === 0) {
    const error = 'selfSignedCertValidity is invalid,it should be greater than 0'
    logger.warn('cannot generate cert', { error })
    throw new Error(error)
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const pair = { certFile: resolve(join(folder, 'cert.pem')), keyFile: resolve(join(folder, 'key.pem')) }
  if (existsSync(pair.certFile) && existsSync(pair.keyFile)) return pair
  const notBefore = new Date(clock.wallMs())
  const notAfter = new Date(clock.wallMs() + validityYears * 365 * DAY_MS)
  if (Number.isNaN(notAfter.getTime()) || notAfter.getUTCFullYear() > 9999) {
    throw new Error('x509: cannot represent time as GeneralizedTime')
  }
  logger.warn('automatically generate certificates', {
    'certificate-validity-bound-not-after': notAfter.toISOString(),
  })
  const { certificate, key } = await makePair(hosts, notBefore, notAfter)
  writeFileSync(pair.certFile, certificate)
  logger.info('created cert file', { path: pair.certFile })
  writeFileSync(pair.keyFile, key, { mode: 0o600 })
  logger.info('created key file', { path: pair.keyFile })
  return pair
}

async function makePair(
  hosts: readonly string[],
  notBefore: Date,
  notAfter: Date,
): Promise<{ certificate: string; key: string }> {
  // Loaded here: most servers never need them.
  const [asn1, pki] = await Promise.all([import('asn1js'), import('pkijs')])
  const { publicKey, privateKey } = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: CURVE }, true, [
    'sign',
    'verify',
  ])
  const engine = new pki.CryptoEngine({ name: 'node', crypto: webcrypto })
  const certificate = new pki.Certificate()
  certificate.version = 2
  certificate.serialNumber = asn1.Integer.fromBigInt(BigInt(`0x${randomBytes(16).toString('hex')}`))
  for (const name of [certificate.issuer, certificate.subject]) {
    name.typesAndValues.push(
      new pki.AttributeTypeAndValue({ type: OID.organization, value: new asn1.PrintableString({ value: 'etcd' }) }),
    )
  }
  certificate.notBefore = timeOf(notBefore)
  certificate.notAfter = timeOf(notAfter)
  const extension = (extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }): void => {
    certificate.extensions!.push(new pki.Extension({ extnID, critical, extnValue: value.toBER() }))
  }
  certificate.extensions = []
  extension(OID.keyUsage, true, new asn1.BitString({ valueHex: Uint8Array.of(KEY_USAGE).buffer, unusedBits: 1 }))
  extension(OID.extendedKeyUsage, false, new pki.ExtKeyUsage({ keyPurposes: [OID.serverAuth] }).toSchema())
  extension(OID.basicConstraints, true, new pki.BasicConstraints({ cA: true }).toSchema())
  const names = hosts.map((host) => {
    const ip = ipBytes(host)
    if (ip === undefined) return new pki.GeneralName({ type: DNS_NAME, value: host })
    return new pki.GeneralName({
      type: IP_ADDRESS,
      value: new asn1.OctetString({ valueHex: Uint8Array.from(ip).buffer }),
    })
  })
  if (names.length > 0) extension(OID.alternativeNames, false, new pki.GeneralNames({ names }).toSchema())
  await certificate.subjectPublicKeyInfo.importKey(publicKey, engine)
  await certificate.sign(privateKey, HASH, engine)
  const key = KeyObject.from(privateKey).export({ type: 'sec1', format: 'pem' })
  return { certificate: pemOf(certificate.toSchema().toBER()), key: key.toString() }

  function timeOf(value: Date): InstanceType<typeof pki.Time> {
    // RFC 5280, 4.1.2.5: two-digit years to 2049.
    return new pki.Time({
      type: value.getUTCFullYear() < 2050 ? pki.TimeType.UTCTime : pki.TimeType.GeneralizedTime,
      value,
    })
  }
}

const DNS_NAME = 2
const IP_ADDRESS = 7

const pemOf = (der: ArrayBuffer): string => {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
