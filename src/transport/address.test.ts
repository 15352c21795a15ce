import t from 'tap'
import { BadListenUrl, addressText, bindChoices, listenSpecOf, listenSpecs } from './address.js'

t.test('URLs become addresses', async (t) => {
  const cases = [
    ['http://127.0.0.1:2379', 'tcp 127.0.0.1:2379 plain'],
    ['https://127.0.0.1:2379', 'tcp 127.0.0.1:2379 secure'],
    ['http://localhost:0', 'tcp localhost:0 plain'],
    ['http://[::1]:2379', 'tcp [::1]:2379 plain'],
    ['http://[fe80::1%eth0]:2379', 'tcp [fe80::1%eth0]:2379 plain'],
    ['http://0.0.0.0:2379/', 'tcp 0.0.0.0:2379 plain'],
    ['unix:///run/e.sock', 'unix /run/e.sock plain'],
    ['unix://name:1', 'unix name:1 plain'],
    ['unixs://name:1', 'unix name:1 secure'],
  ] as const
  for (const [url, expected] of cases) {
    const { address, plain, secure } = listenSpecOf(url)
    t.equal(`${address.kind} ${addressText(address)}${plain ? ' plain' : ''}${secure ? ' secure' : ''}`, expected)
  }
})

t.test('hosts that cannot be bound are refused', async (t) => {
  for (const url of ['http://foo.bar:2379', 'http://:2379', 'http://1.2.3:1', 'http://1.2.3.999:1', 'http://[zz]:1']) {
    t.throws(() => listenSpecOf(url), new BadListenUrl(`expected IP in URL for binding (${url})`), url)
  }
  for (const url of ['ftp://127.0.0.1:1', '127.0.0.1:1', '', 'http//x'])
    t.throws(() => listenSpecOf(url), BadListenUrl, url)
  t.throws(() => listenSpecOf('http://127.0.0.1'), BadListenUrl, 'no port')
  t.throws(() => listenSpecOf('http://127.0.0.1:65536'), BadListenUrl, 'port out of range')
})

t.test('http and https of one address share a listener; each port 0 is a port of its own', async (t) => {
  const text = (urls: string[]): string[] =>
    listenSpecs(urls).map((s) => `${addressText(s.address)}${s.plain ? ' plain' : ''}${s.secure ? ' secure' : ''}`)
  t.same(text(['http://127.0.0.1:1', 'https://127.0.0.1:1', 'http://127.0.0.1:2']), [
    '127.0.0.1:1 plain secure',
    '127.0.0.1:2 plain',
  ])
  t.same(text(['http://127.0.0.1:0', 'http://127.0.0.1:0']), ['127.0.0.1:0 plain', '127.0.0.1:0 plain'])
})

t.test('what to bind', async (t) => {
  t.same(
    (await bindChoices('0.0.0.0')).map(({ host }) => host),
    ['::', '0.0.0.0'],
  )
  t.same(await bindChoices('10.0.0.1'), [{ host: '10.0.0.1', ipv6Only: false }])
  t.match((await bindChoices('localhost'))[0], { host: /^(127\.|::1)/ })
})
