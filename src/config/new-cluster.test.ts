import t from 'tap'
import type { Part } from './flag-row.js'
import { newClusterProblem } from './new-cluster.js'
import { mustRun } from './testing.js'

const lookup = async (host: string): Promise<string> => {
  if (host === 'gone') throw new Error('lookup gone: no such host')
  return host.startsWith('ten') ? '10.0.0.1' : '10.0.0.2'
}

const problem = (name: string, cluster: string, advertised = 'http://127.0.0.1:1') => {
  const argv = [`--name=${name}`, `--initial-cluster=${cluster}`, `--initial-advertise-peer-urls=${advertised}`]
  const platform = { builtParts: new Set<Part>(['clusters']) }
  return newClusterProblem(mustRun({ argv, platform }).config, lookup)
}

t.test('a member must be in the cluster under its name with its URLs', async (t) => {
  const cases: [string, string, string, string | undefined][] = [
    ['n1', 'n1=http://127.0.0.1:1', 'http://127.0.0.1:1', undefined],
    ['n1', 'n1=http://127.0.0.1:1,n2=http://b:1', 'http://127.0.0.1:1', undefined],
    [
      'n1',
      'n2=http://127.0.0.1:1',
      'http://127.0.0.1:1',
      `couldn't find local name "n1" in the initial cluster configuration`,
    ],
    [
      'n1',
      'n1=http://127.0.0.1:2',
      'http://127.0.0.1:1',
      '--initial-cluster has n1=http://127.0.0.1:2 but missing from --initial-advertise-peer-urls=http://127.0.0.1:1 (resolved urls: "http://127.0.0.1:1" != "http://127.0.0.1:2")',
    ],
    [
      'default',
      'default=http://localhost:2380',
      'http://127.0.0.1:2380',
      '--initial-cluster has default=http://localhost:2380 but missing from --initial-advertise-peer-urls=http://127.0.0.1:2380 (resolved urls: "http://127.0.0.1:2380" != "http://localhost:2380")',
    ],
    [
      'n1',
      'n1=http://a:1,n1=http://b:1',
      'http://a:1',
      '--initial-cluster has n1=http://b:1 but missing from --initial-advertise-peer-urls=http://a:1 (len(["http://a:1"]) != len(["http://a:1" "http://b:1"]))',
    ],
    [
      'n1',
      'n1=http://a:1',
      'http://a:1,http://b:1',
      '--initial-advertise-peer-urls has http://b:1 but missing from --initial-cluster=n1=http://a:1,n1=http://b:1',
    ],
    ['n1', 'n1=http://10.0.0.1:1', 'http://ten:1', undefined],
    ['n1', 'n1=http://tenth:1', 'http://ten:1', undefined],
    ['n1', 'n1=http://[::1]:1', 'http://[0:0::1]:1', undefined],
    [
      'n1',
      'n1=http://10.0.0.1:1',
      'http://gone:1',
      '--initial-cluster has n1=http://10.0.0.1:1 but missing from --initial-advertise-peer-urls=http://gone:1 (lookup gone: no such host)',
    ],
    [
      'n1',
      'n1=http://127.0.0.1:1,n2=http://127.0.0.1:1',
      'http://127.0.0.1:1',
      'initial cluster n1=http://127.0.0.1:1,n2=http://127.0.0.1:1 has duplicate url',
    ],
  ]
  for (const [name, cluster, advertised, expected] of cases) {
    t.equal(await problem(name, cluster, advertised), expected, `${name} in ${cluster}`)
  }
})
