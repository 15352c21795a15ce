import { writeFileSync } from 'node:fs'
import t from 'tap'
import { opensslCiphers } from './cipher-suites.js'
import { CertificateLab, missingOpenssl } from './testing-certificates.js'
import { checkPair, readAuthorities, revokedSerials } from './tls-files.js'

t.test('what is no pair is told in the words of Go', { skip: missingOpenssl }, async (t) => {
  const lab = new CertificateLab()
  t.teardown(() => lab.close())
  lab.authority('ca')
  lab.certificate('ca', 'a')
  lab.certificate('ca', 'b')
  lab.openssl('genrsa', '-out', 'rsa.key', '2048')
  lab.openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'a.key', '-out', 'pkcs8.key')
  writeFileSync(lab.path('empty'), '')
  const broken = (name: string, type: string): void =>
    writeFileSync(lab.path(name), `-----BEGIN ${type}-----\nAAAA\n-----END ${type}-----\n`)
  broken('broken.crt', 'CERTIFICATE')
  broken('broken.key', 'PRIVATE KEY')
  broken('other', 'X509 CRL')
  writeFileSync(lab.path('chain.crt'), lab.text('a.crt') + lab.text('ca.crt'))
  writeFileSync(lab.path('params.key'), lab.openssl('ecparam', '-name', 'prime256v1') + lab.text('a.key'))
  const at = (name: string): string => lab.path(name)
  for (const [certificate, key, error] of [
    ['a.crt', 'a.key', undefined],
    ['chain.crt', 'pkcs8.key', undefined],
    ['a.crt', 'params.key', undefined],
    ['none', 'a.key', `open ${at('none')}: no such file or directory`],
    ['a.crt', 'none', `open ${at('none')}: no such file or directory`],
    ['.', 'a.key', `read ${at('.')}: is a directory`],
    ['a.crt', 'b.key', 'tls: private key does not match public key'],
    ['a.crt', 'rsa.key', 'tls: private key type does not match public key type'],
    ['empty', 'a.key', 'tls: failed to find any PEM data in certificate input'],
    ['a.crt', 'empty', 'tls: failed to find any PEM data in key input'],
    [
      'a.key',
      'a.crt',
      'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
    ],
    ['a.crt', 'b.crt', 'tls: found a certificate rather than a key in the PEM for the private key'],
    [
      'other',
      'a.key',
      'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [X509 CRL]',
    ],
    [
      'a.crt',
      'other',
      'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [X509 CRL]',
    ],
    ['broken.crt', 'a.key', 'x509: malformed certificate'],
    ['a.crt', 'broken.key', 'tls: failed to parse private key'],
  ] as const) {
    const check = (): void => checkPair(at(certificate), at(key))
    if (error === undefined) t.doesNotThrow(check, `${certificate} ${key}`)
    else t.throws(check, { message: error }, `${certificate} ${key}`)
  }
  t.equal(readAuthorities(at('chain.crt')).length, 2)
  t.same(readAuthorities(at('empty')), [], 'nobody, as in etcd')
  t.throws(() => readAuthorities(at('broken.crt')), { message: 'x509: malformed certificate' })
  t.throws(() => readAuthorities(at('none')), { message: `open ${at('none')}: no such file or directory` })
})

t.test('serial numbers of a revocation list', { skip: missingOpenssl }, async (t) => {
  const lab = new CertificateLab()
  t.teardown(() => lab.close())
  lab.authority('ca')
  lab.certificate('ca', 'a')
  lab.certificate('ca', 'b')
  lab.revoke('ca')
  const serials = await revokedSerials(lab.path('ca.crl'))
  t.same([...serials()], [], 'a list without entries')
  t.equal(serials(), serials(), 'read once')
  lab.revoke('ca', 'a')
  const serial = lab.openssl('x509', '-in', 'a.crt', '-noout', '-serial').trim().replace('serial=', '')
  t.same([...serials()], [serial.toLowerCase().replace(/^0+/, '')])
  for (const content of [
    Buffer.alloc(0),
    Buffer.from([0x30, 0x80]),
    lab.read('ca.crl.pem'),
    lab.read('ca.crl').subarray(5),
  ]) {
    writeFileSync(lab.path('ca.crl'), content)
    t.throws(serials, { message: 'x509: malformed crl' })
  }
})

t.test('cipher suites by their Go names', async (t) => {
  const tls13 = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256'
  t.equal(
    opensslCiphers([]),
    `${tls13}:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA`,
  )
  t.equal(
    opensslCiphers([
      'TLS_RSA_WITH_AES_128_CBC_SHA256',
      'TLS_AES_256_GCM_SHA384',
      'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305',
      'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
      'TLS_ECDHE_RSA_WITH_RC4_128_SHA',
    ]),
    `${tls13}:AES128-SHA256:ECDHE-RSA-CHACHA20-POLY1305`,
  )
})
