// Real etcdctl over TLS: what works, and that what must fail fails as against real etcd.
import t from 'tap'
import { missingOpenssl } from '#src/transport/testing-certificates.js'
import { type CommandResult, EtcdctlSession, type EtcdctlVersion, etcdctl } from '../support/etcdctl.js'
import { findTool } from '../support/repository.js'
import type { ServerKind } from '../support/server.js'
import { type Mode, MODES, Site } from './site.js'

t.setTimeout(3 * 60_000)

const missing = (version: EtcdctlVersion): string | false =>
  missingOpenssl !== false
    ? missingOpenssl
    : findTool('etcdctl', version) === undefined && `etcdctl ${version} is missing (scripts/reference-etcd.sh gets it)`

for (const version of ['3.4', '3.5'] as const satisfies readonly EtcdctlVersion[]) {
  for (const mode of MODES) {
    t.test(`etcdctl ${version}, ${mode}: a session`, { skip: missing(version) }, async (t) => {
      const site = new Site(t)
      const { url } = await site.start(mode)
      const tls = Object.entries({ ...rename(site.files(mode)) }).map(([flag, path]) => `--${flag}=${path}`)
      const run = async (...args: string[]): Promise<string> => {
        const { stdout, stderr, code } = await etcdctl(url, [...tls, ...args], { version })
        t.equal(code, 0, `${args.join(' ')} ${stderr}`)
        return stdout
      }
      t.equal(await run('put', 'a', '1'), 'OK\n')
      t.equal(await run('get', 'a', '--print-value-only'), '1\n')
      const watch = site.workbench.own(new EtcdctlSession(url, [...tls, 'watch', 'w/', '--prefix', '--rev=1'], version))
      await run('put', 'w/1', 'one')
      await watch.expect(/PUT\nw\/1\none\n/)
      await run('del', 'w/1')
      await watch.expect(/DELETE\nw\/1\n/)
      const id = /lease (\w+) granted/.exec(await run('lease', 'grant', '60'))?.[1] ?? ''
      await run('put', 'leased', 'x', `--lease=${id}`)
      t.equal(await run('lease', 'keep-alive', '--once', id), `lease ${id} keepalived with TTL(60)\n`)
      await run('lease', 'revoke', id)
      t.equal(await run('get', 'leased'), '')
      t.equal(await run('lock', 'l', 'echo', 'inside'), 'inside\n')
      t.match(await run('endpoint', 'status', '-w', 'json'), /"version":"3\./)
      t.match(await run('member', 'list'), new RegExp(`started, default, .*${url}`))
    })
  }
}

/** Why the client refused the server. When a server refuses a client, what that reads last is a matter of luck, with etcd too. */
const reasons = ({ code, stderr }: CommandResult): object => {
  const known = [
    'x509: certificate signed by unknown authority',
    'x509: certificate is valid for elsewhere.example, not',
    "x509: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
    'first record does not look like a TLS handshake',
  ]
  return { code, last: stderr.trim().split('\n').at(-1), reason: known.filter((text) => stderr.includes(text)) }
}

const skip =
  missing('3.5') === false
    ? findTool('etcd') === undefined && 'etcd 3.5 is missing (scripts/reference-etcd.sh gets it)'
    : missing('3.5')

t.test('what must fail fails as against real etcd', { skip }, async (t) => {
  const site = new Site(t)
  const crl = (kind: ServerKind): string[] => [
    '--client-crl-file',
    site.path(kind === 'reference' ? 'ca.crl.pem' : 'ca.crl'),
  ]
  /** 3.5 still reads lists as PEM too; ours are DER as in 3.6 and later. */
  const flagsOf: Record<string, (kind: ServerKind) => string[]> = { crl }
  const ca = ['--cacert', site.path('ca.crt')]
  const as = (name: string): string[] => ['--cert', site.path(`${name}.crt`), '--key', site.path(`${name}.key`)]
  const groups: { mode: Mode; pair?: string; flags?: string[]; extra?: string; cases: Record<string, string[]> }[] = [
    {
      mode: 'tls',
      cases: {
        works: ca,
        'an authority that did not sign the server': ['--cacert', site.path('other-ca.crt')],
        'no authority': [],
      },
    },
    { mode: 'tls', pair: 'elsewhere', cases: { 'a server of another name': ca } },
    {
      mode: 'mutual',
      extra: 'crl',
      cases: {
        works: [...ca, ...as('client')],
        'no certificate': ca,
        'a certificate of another authority': [...ca, ...as('stranger')],
        'a revoked certificate': [...ca, ...as('revoked')],
        'another name, unverified': ['--insecure-skip-tls-verify', ...as('client')],
      },
    },
    {
      mode: 'mutual',
      flags: ['--client-cert-allowed-hostname', 'revoked.example'],
      cases: { 'an allowed name': [...ca, ...as('revoked')], 'no allowed name': [...ca, ...as('client')] },
    },
  ]
  for (const { mode, pair, flags = [], extra, cases } of groups) {
    const startAs = (kind: ServerKind) =>
      site.start(mode, {
        kind,
        ...(pair !== undefined && { pair }),
        flags: [...flags, ...(flagsOf[extra ?? '']?.(kind) ?? [])],
      })
    const [reference, subject] = [await startAs('reference'), await startAs('quorate')]
    for (const [rule, args] of Object.entries(cases)) {
      const command = [...args, '--command-timeout=2s', '--dial-timeout=2s', 'put', 'k', 'v']
      const [expected, found] = await Promise.all([reference.url, subject.url].map((url) => etcdctl(url, command)))
      t.same(reasons(found!), reasons(expected!), rule)
      t.equal(found!.code === 0, /^(works|an allowed|another name, unv)/.test(rule), rule)
    }
    await Promise.all([reference.kill(), subject.kill()])
  }
})

const rename = ({ ca, cert, key }: { ca?: string; cert?: string; key?: string }): Record<string, string> => ({
  ...(ca !== undefined && { cacert: ca }),
  ...(cert !== undefined && { cert }),
  ...(key !== undefined && { key }),
})
