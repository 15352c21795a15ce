import { X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { LogFields } from '../env/index.js'
import { silentLogger } from '../env/index.js'
import { selfSignedPair } from './self-signed.js'
import { realClock } from './testing.js'
import { CertificateLab, missingOpenssl } from './testing-certificates.js'
import { checkPair } from './tls-files.js'

const NOON_MS = Date.UTC(2030, 0, 2, 12)

const setUp = (wallMs = NOON_MS) => {
  const folder = join(mkdtempSync(join(tmpdir(), 'self-signed-')), 'fixtures/peer')
  t.teardown(() => rmSync(join(folder, '../..'), { recursive: true }))
  const lines: string[] = []
  const write = (message: string, fields?: LogFields): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
  const parts = { clock: { ...realClock, wallMs: () => wallMs }, logger: { ...silentLogger, info: write, warn: write } }
  return { folder, lines, parts }
}

t.test('a pair for the hosts of the listeners', async (t) => {
  const { folder, lines, parts } = setUp()
  const hosts = ['127.0.0.1', 'localhost', '0.0.0.0', '127.0.0.1', '::1']
  const pair = await selfSignedPair({ folder, hosts, validityYears: 2 }, parts)
  t.same(pair, { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') })
  checkPair(pair.certFile, pair.keyFile)
  t.equal(statSync(pair.keyFile).mode & 0o777, 0o600)
  t.match(readFileSync(pair.keyFile, 'utf8'), /^-----BEGIN EC PRIVATE KEY-----\n/)
  t.same(lines, [
    'automatically generate certificates {"certificate-validity-bound-not-after":"2032-01-02T12:00:00.000Z"}',
    `created cert file {"path":"${pair.certFile}"}`,
    `created key file {"path":"${pair.keyFile}"}`,
  ])
  const certificate = new X509Certificate(readFileSync(pair.certFile))
  t.ok(certificate.verify(certificate.publicKey), 'signed by itself')
  t.equal(certificate.subject, 'O=etcd')
  t.equal(certificate.issuer, 'O=etcd')
  t.equal(
    certificate.subjectAltName,
    'IP Address:127.0.0.1, DNS:localhost, IP Address:0.0.0.0, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  )
  t.same(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  t.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'secp521r1')
  t.equal(certificate.validFrom, 'Jan  2 12:00:00 2030 GMT')
  t.equal(certificate.validTo, 'Jan  2 12:00:00 2032 GMT')

  await selfSignedPair({ folder, hosts: ['other'], validityYears: 1 }, parts)
  t.equal(lines.length, 3, 'files that exist are taken as they are')
  rmSync(pair.keyFile)
  await selfSignedPair({ folder, hosts: ['other'], validityYears: 1 }, parts)
  t.equal(new X509Certificate(readFileSync(pair.certFile)).subjectAltName, 'DNS:other', 'one file alone is no pair')
})

t.test('openssl reads it', { skip: missingOpenssl }, async (t) => {
  const { folder, parts } = setUp()
  const { certFile } = await selfSignedPair({ folder, hosts: ['127.0.0.1'], validityYears: 100 }, parts)
  const lab = new CertificateLab()
  t.teardown(() => lab.close())
  const text = lab.openssl('x509', '-in', certFile, '-noout', '-text')
  t.match(text, /Digital Signature, Key Encipherment, CRL Sign/)
  t.match(text, /X509v3 Basic Constraints: critical\s+CA:TRUE/)
  t.match(text, /Signature Algorithm: ecdsa-with-SHA512/)
  t.match(text, /Not After : Dec  9 12:00:00 2129 GMT/, 'beyond the years of two digits')
})

t.test('what cannot be made', async (t) => {
  const { folder, parts, lines } = setUp()
  await t.rejects(selfSignedPair({ folder, hosts: [], validityYears: 0 }, parts), {
    message: 'selfSignedCertValidity is invalid,it should be greater than 0',
  })
  t.equal(existsSync(folder), false)
  t.match(lines, [/^cannot generate cert /])
  await t.rejects(selfSignedPair({ folder, hosts: [], validityYears: 1e12 }, parts), /cannot represent time/)
  writeFileSync(join(folder, '../..', 'file'), '')
  const inFile = join(folder, '../../file/peer')
  await t.rejects(selfSignedPair({ folder: inFile, hosts: [], validityYears: 1 }, parts), { code: 'ENOTDIR' })
})
