// The peer port over TLS, asked by curl as another member would: the same answers and refusals as real etcd with the same flags.
import t from 'tap'
import { findTool } from '../support/repository.js'
import { freePort } from '../support/ports.js'
import type { ServerKind } from '../support/server.js'
import { waitFor } from '../support/wait.js'
import { missingCommand, Site } from './site.js'

t.setTimeout(3 * 60_000)

const noCurl = missingCommand('curl', 'curl')
const skip =
  noCurl === false
    ? findTool('etcd') === undefined && 'etcd 3.5 is missing (scripts/reference-etcd.sh gets it)'
    : noCurl

/** curl: in the handshake, without an answer, while sending, while receiving. */
const CLOSED = [35, 52, 55, 56]

const nameIn35 = (flag: string): string =>
  flag === '--peer-skip-client-san-verification' ? '--experimental-peer-skip-client-san-verification' : flag

t.test('who may speak to the peer port', { skip }, async (t) => {
  const site = new Site(t)
  site.lab.certificate('ca', 'afar', { names: 'IP:10.9.8.7' })
  site.lab.certificate('ca', 'nameless', { names: '' })
  site.lab.certificate('ca', 'unknown-host', { names: 'DNS:unknown-host.invalid' })
  const pair = ['--peer-cert-file', site.path('server.crt'), '--peer-key-file', site.path('server.key')]
  const mutual = [...pair, '--peer-client-cert-auth', '--peer-trusted-ca-file', site.path('ca.crt')]
  const groups: [string[], Record<string, 'admitted' | 'refused'>][] = [
    [pair, { none: 'admitted', stranger: 'admitted' }],
    [[...pair, '--peer-trusted-ca-file', site.path('ca.crt')], { none: 'refused', server: 'admitted' }],
    [
      mutual,
      {
        none: 'refused',
        stranger: 'refused',
        server: 'admitted',
        nameless: 'admitted',
        afar: 'refused',
        'unknown-host': 'refused',
      },
    ],
    [
      [...mutual, '--peer-skip-client-san-verification'],
      { afar: 'admitted', 'unknown-host': 'admitted', none: 'refused' },
    ],
    [[...mutual, '--peer-cert-allowed-cn', 'server'], { server: 'admitted', nameless: 'refused' }],
    [[...mutual, '--peer-crl-file', 'CRL'], { server: 'admitted', revoked: 'refused' }],
    [['--peer-auto-tls'], { none: 'admitted', stranger: 'admitted' }],
  ]
  const ask = async (kind: ServerKind, flags: readonly string[], clients: readonly string[]): Promise<string[]> => {
    const url = `https://127.0.0.1:${await freePort()}`
    const crl = site.path(kind === 'reference' ? 'ca.crl.pem' : 'ca.crl')
    const server = await site.start('clear', {
      kind,
      flags: [
        ...flags.map((flag) => (flag === 'CRL' ? crl : kind === 'reference' ? nameIn35(flag) : flag)),
        '--listen-peer-urls',
        url,
      ],
    })
    const answers: string[] = []
    for (const client of clients) {
      const own = client === 'none' ? [] : ['--cert', site.path(`${client}.crt`), '--key', site.path(`${client}.key`)]
      const trust = flags.includes('--peer-auto-tls') ? ['--insecure'] : ['--cacert', site.path('ca.crt')]
      const args = ['--http1.1', '--silent', '--max-time', '20', ...trust, ...own, `${url}/members`]
      const { code, stdout } = await site.run('curl', args)
      const answer =
        code === 0 && stdout.includes('"peerURLs"') ? 'admitted' : CLOSED.includes(code ?? -1) ? 'refused' : code
      answers.push(`${client}: ${answer}`)
      const refusals = answers.filter((text) => text.endsWith('refused')).length
      const told = (): number => server.log.split('"msg":"rejected connection on peer endpoint"').length - 1
      await waitFor('a line for each refusal', () => told() >= refusals, { detail: () => server.log })
    }
    await server.kill()
    return answers
  }
  for (const [flags, clients] of groups) {
    const expected = Object.entries(clients).map(([client, answer]) => `${client}: ${answer}`)
    t.same(await ask('reference', flags, Object.keys(clients)), expected, `etcd ${flags.join(' ')}`)
    t.same(await ask('quorate', flags, Object.keys(clients)), expected, `quorate ${flags.join(' ')}`)
  }
})
