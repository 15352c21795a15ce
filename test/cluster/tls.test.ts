// Clusters whose members speak TLS with each other: by one authority and allowed names, and with certificates of their own.
import t from 'tap'
import { CertificateLab, missingOpenssl } from '#src/transport/testing-certificates.js'
import type { ClusterMember } from '../support/cluster.js'
import type { RangeResponse } from '../support/messages.js'
import { waitFor } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'

t.setTimeout(4 * 60_000)

const value = Buffer.from('v')

/** Written on one member and read, linearizably, on another. */
const travels = async (from: ClusterMember, to: ClusterMember, name: string): Promise<boolean> => {
  const key = Buffer.from(name)
  await waitFor(`a write on ${from.name}`, async () => (await from.client.attempt('KV/Put', { key, value })).ok)
  const { kvs } = await to.client.call<RangeResponse>('KV/Range', { key })
  return kvs.length === 1
}

t.test(
  'mutual TLS: members of the authority with an allowed name, and no others',
  { skip: missingOpenssl },
  async (t) => {
    const workbench = new Workbench(t)
    const lab = workbench.own(new CertificateLab())
    lab.authority('ca')
    lab.authority('other-ca')
    for (const name of ['peer', 'outsider']) lab.certificate('ca', name)
    lab.certificate('other-ca', 'stranger')
    const pair = (name: string): string[] => [
      ...['--peer-cert-file', lab.path(`${name}.crt`)],
      ...['--peer-key-file', lab.path(`${name}.key`)],
    ]
    const cluster = await workbench.startCluster({
      size: 3,
      peerScheme: 'https',
      flags: [
        ...[...pair('peer'), '--peer-client-cert-auth', '--peer-trusted-ca-file', lab.path('ca.crt')],
        ...['--peer-cert-allowed-cn', 'peer'],
      ],
    })
    const [one, two, three] = cluster.members as [ClusterMember, ClusterMember, ClusterMember]
    t.ok(await travels(one, three, 'a'))
    t.ok(await travels(three, two, 'b'))

    for (const name of ['outsider', 'stranger']) {
      await three.terminate()
      const before = one.log.length + two.log.length
      three.launch({ extra: pair(name) })
      await waitFor(`a refusal of ${name}`, () =>
        (one.log + two.log).slice(before).includes('rejected connection on peer endpoint'),
      )
      t.ok(await travels(one, two, name), 'the others go on')
      t.notOk(three.isReady, `${name} is no member`)
      await three.kill()
      three.launch({ extra: [] })
      await three.ready()
      t.ok(await travels(one, three, `after ${name}`))
    }
  },
)

t.test('certificates of their own', async (t) => {
  const workbench = new Workbench(t)
  const cluster = await workbench.startCluster({
    size: 3,
    peerScheme: 'https',
    flags: ['--peer-auto-tls'],
  })
  const [one, two, three] = cluster.members as [ClusterMember, ClusterMember, ClusterMember]
  t.ok(await travels(one, three, 'a'))
  await two.terminate()
  await two.start()
  t.ok(await travels(two, one, 'b'), 'the same certificate after a restart')
})
