import { existsSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { CIPHER_SUITES, loadConfig, type ServerConfig } from '../config/index.js'
import { opensslCiphers } from '../transport/index.js'
import { CertificateLab, missingOpenssl } from '../transport/testing-certificates.js'
import { startFailure } from './start-failed.js'
import { HandClock, recordingLogger } from './testing.js'
import { openClientTls, openPeerTls } from './tls-wiring.js'

const lab = new CertificateLab()
t.teardown(() => lab.close())
if (missingOpenssl === false) {
  lab.authority('ca')
  lab.certificate('ca', 'a')
  lab.certificate('ca', 'b')
  lab.revoke('ca')
}
const skip = missingOpenssl === false ? {} : { skip: missingOpenssl }
const at = (name: string): string => lab.path(name)

const CLIENT = ['--listen-client-urls=https://127.0.0.1:1,http://127.0.0.1:2', '--advertise-client-urls=https://a:1']
const PEER = ['--listen-peer-urls=https://127.0.0.1:3,http://127.0.0.1:4']

const configOf = (flags: readonly string[]): ServerConfig => {
  const outcome = loadConfig([`--data-dir=${at('data')}`, ...flags], {}, () => '')
  if (outcome.kind !== 'run') throw new Error(JSON.stringify(outcome.lines))
  return outcome.config
}

const open = async (side: 'client' | 'peer', flags: readonly string[]) => {
  const { logger, lines } = recordingLogger()
  const parts = { clock: new HandClock(), logger }
  const config = configOf(flags)
  const found = side === 'peer' ? await openPeerTls(config, parts) : await openClientTls(config, parts)
  return { found, lines }
}

const failureOf = async (side: 'client' | 'peer', flags: readonly string[]): Promise<string> => {
  try {
    await open(side, flags)
    return 'none'
  } catch (error) {
    const { message, fields, level } = startFailure(error)
    return `${level} ${message}: ${fields['error'] instanceof Error ? fields['error'].message : ''}`
  }
}

t.test('files that cannot be used end the start', skip, async (t) => {
  const [crt, key] = [at('a.crt'), at('a.key')]
  const missing = `open ${at('none')}: no such file or directory`
  const half = `ClientKeyFile and ClientCertFile must both be present or both absent: key: , cert: ${crt}]`
  const mismatch = 'tls: private key does not match public key'
  const cases: [string, string, string[]][] = [
    [`KeyFile and CertFile must both be present[key: , cert: ${crt}]`, '', [`cert-file=${crt}`]],
    [`KeyFile and CertFile must both be present[key: ${key}, cert: ]`, '', [`key-file=${key}`]],
    [missing, '', [`cert-file=${at('none')}`, `key-file=${key}`]],
    [mismatch, '', [`cert-file=${crt}`, `key-file=${at('b.key')}`]],
    [half, 'pair', [`client-cert-file=${crt}`]],
    [mismatch, 'pair', [`client-cert-file=${crt}`, `client-key-file=${at('b.key')}`]],
    [missing, 'pair', [`trusted-ca-file=${at('none')}`]],
    [
      'none',
      'pair',
      [`trusted-ca-file=${at('ca.crt')}`, `client-cert-file=${at('b.crt')}`, `client-key-file=${at('b.key')}`],
    ],
  ]
  for (const [error, pair, flags] of cases) {
    const all = pair === '' ? flags : [`cert-file=${crt}`, `key-file=${key}`, ...flags]
    const client = error === 'none' ? 'none' : `fatal listener failed: ${error}`
    t.equal(await failureOf('client', [...CLIENT, ...all.map((flag) => `--${flag}`)]), client, all.join())
    const peer = error === 'none' ? 'none' : `fatal discovery failed: ${error}`
    t.equal(await failureOf('peer', [...PEER, ...all.map((flag) => `--peer-${flag}`)]), peer, all.join())
  }
  const suites = [...CLIENT, `--cert-file=${crt}`, `--key-file=${key}`, '--cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA']
  t.match(
    await failureOf('client', suites),
    /^fatal listener failed: http2: TLSConfig\.CipherSuites is missing an HTTP\/2-required AES_128_GCM_SHA256 cipher \(need at least one of TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\)$/,
  )
  t.equal(await failureOf('client', [...suites, '--cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256']), 'none')
  t.equal(await failureOf('client', [`--cert-file=${at('none')}`]), 'none', 'not looked at without a URL that needs it')
})

t.test('what the start says: files, and URLs that do without them', skip, async (t) => {
  const pair = (side: '' | 'peer-'): string[] => [
    `--${side}cert-file=${at('a.crt')}`,
    `--${side}key-file=${at('a.key')}`,
    `--${side}trusted-ca-file=${at('ca.crt')}`,
    `--${side}client-cert-auth`,
  ]
  const info = `cert = ${at('a.crt')}, key = ${at('a.key')}, client-cert=, client-key=, trusted-ca = ${at('ca.crt')}, client-cert-auth = true, crl-file = `
  t.same((await open('peer', [...PEER, ...pair('peer-')])).lines, [
    { level: 'info', message: 'starting with peer TLS', fields: { 'tls-info': info, 'cipher-suites': [] } },
    {
      level: 'warn',
      message: 'scheme is HTTP while key and cert files are present; ignoring key and cert files',
      fields: { 'peer-url': 'http://127.0.0.1:4' },
    },
    {
      level: 'warn',
      message: 'scheme is HTTP while --peer-client-cert-auth is enabled; ignoring client cert auth for this URL',
      fields: { 'peer-url': 'http://127.0.0.1:4' },
    },
  ])
  t.same((await open('client', [...CLIENT, ...pair('')])).lines, [
    {
      level: 'warn',
      message: 'scheme is http or unix while key and cert files are present; ignoring key and cert files',
      fields: { 'client-url': 'http://127.0.0.1:2' },
    },
    {
      level: 'warn',
      message: 'scheme is http or unix while --client-cert-auth is enabled; ignoring client cert auth for this URL',
      fields: { 'client-url': 'http://127.0.0.1:2' },
    },
    { level: 'info', message: 'starting with client TLS', fields: { 'tls-info': info, 'cipher-suites': [] } },
  ])
  t.same((await open('client', [])).lines, [])
  t.same((await open('peer', [])).lines, [])
})

t.test('flags become settings of listeners and dials', skip, async (t) => {
  const given = [
    ...[`--peer-cert-file=${at('a.crt')}`, `--peer-key-file=${at('a.key')}`],
    ...[`--peer-client-cert-file=${at('b.crt')}`, `--peer-client-key-file=${at('b.key')}`],
    ...[`--peer-trusted-ca-file=${at('ca.crt')}`, `--peer-crl-file=${at('ca.crl')}`],
    ...['--peer-cert-allowed-cn=a,b', '--tls-min-version=TLS1.2', '--tls-max-version=TLS1.2'],
  ]
  const { listen, dial } = await openPeerTls(configOf([...PEER, ...given]), {
    clock: new HandClock(),
    logger: recordingLogger().logger,
  })
  t.match(listen, {
    requireClientCert: true,
    allowedCommonNames: ['a', 'b'],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
  })
  t.same(Buffer.from(listen?.material().cert ?? []), lab.read('a.crt'))
  t.same([...(listen?.revoked?.() ?? ['?'])], [])
  t.equal(listen?.clientAuthorities?.length, 1)
  t.not(listen?.clientNames, undefined)
  t.same(Buffer.from(dial.material?.().cert ?? []), lab.read('b.crt'), 'its own pair for dialling')
  t.match(dial, { verifyServer: true, allowedCommonNames: ['a', 'b'], maxVersion: 'TLSv1.2' })
  t.equal(dial.authorities?.length, 1)

  const skipped = await openPeerTls(configOf([...PEER, ...given, '--peer-skip-client-san-verification']), {
    clock: new HandClock(),
    logger: recordingLogger().logger,
  })
  t.equal(skipped.listen?.clientNames, undefined)

  const plain = await openPeerTls(configOf([`--peer-trusted-ca-file=${at('ca.crt')}`]), {
    clock: new HandClock(),
    logger: recordingLogger().logger,
  })
  t.match(plain, { listen: undefined, dial: { material: undefined, verifyServer: true } })
  t.equal(plain.dial.authorities?.length, 1, 'others may be reached by https all the same')

  const clientFlags = [`--cert-file=${at('a.crt')}`, `--key-file=${at('a.key')}`, '--client-cert-allowed-hostname=x']
  const { listen: client, metrics } = await openClientTls(configOf([...CLIENT, ...clientFlags]), {
    clock: new HandClock(),
    logger: recordingLogger().logger,
  })
  t.match(client, { requireClientCert: false, allowedHostnames: ['x'], minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' })
  t.equal(client?.clientNames, undefined, 'clients may come from anywhere')
  t.not(metrics?.clientNames, undefined)
})

t.test('certificates of our own', async (t) => {
  const { found, lines } = await open('peer', [...PEER, '--peer-auto-tls', '--peer-client-cert-auth'])
  t.match(found, { listen: { requireClientCert: false }, dial: { verifyServer: false } })
  t.match(
    lines.map(({ message }) => message),
    [
      'peer certificates are not checked with peer auto TLS; ignoring the flags that ask for it',
      'automatically generate certificates',
      'created cert file',
      'created key file',
      'starting with peer TLS',
      'scheme is HTTP while key and cert files are present; ignoring key and cert files',
    ],
  )
  t.ok(existsSync(at('data/fixtures/peer/cert.pem')))
  await open('client', ['--auto-tls'])
  t.ok(existsSync(at('data/fixtures/client/key.pem')), 'made even when no URL needs it')
  t.equal(
    await failureOf('client', ['--auto-tls', '--self-signed-cert-validity=0']),
    'fatal failed to get client self-signed certs: selfSignedCertValidity is invalid,it should be greater than 0',
  )
  t.match(
    await failureOf('peer', ['--peer-auto-tls', '--self-signed-cert-validity=0']),
    /^fatal failed to get peer self-s/,
  )
  writeFileSync(at('file'), '')
  t.match(
    await failureOf('peer', ['--peer-auto-tls', `--data-dir=${at('file')}`]),
    /^fatal failed to get peer self-signed certs: /,
  )
})

t.test('names without a demand for certificates are warned of', async (t) => {
  const warned = (lines: readonly { message: string }[]): boolean =>
    lines.some(({ message }) => / certificates are asked for, so that the names in them are not checked$/.test(message))
  t.equal(warned((await open('client', ['--client-cert-allowed-hostname=x'])).lines), true)
  t.equal(warned((await open('peer', ['--peer-cert-allowed-cn=x'])).lines), true)
  t.equal(warned((await open('peer', ['--peer-cert-allowed-cn=x', '--peer-client-cert-auth'])).lines), false)
})

t.test('a pair that was given wins over one of our own', skip, async (t) => {
  const { found, lines } = await open('client', [
    ...[...CLIENT, '--auto-tls', `--cert-file=${at('a.crt')}`, `--key-file=${at('a.key')}`],
    `--data-dir=${at('other-data')}`,
  ])
  t.equal(lines[0]?.message, 'ignoring client auto TLS since certs given')
  t.same(Buffer.from(found.listen?.material().cert ?? []), lab.read('a.crt'))
  t.notOk(existsSync(at('other-data')))
})

t.test('every suite that etcd knows is known, and left out only where OpenSSL has none', async (t) => {
  const lost = [...CIPHER_SUITES].filter(
    (suite) => opensslCiphers([suite]) === opensslCiphers(['TLS_AES_128_GCM_SHA256']),
  )
  const gone = lost.filter((suite) => !/^TLS_(AES|CHACHA20)|RC4|3DES/.test(suite))
  t.same(gone, [])
})
