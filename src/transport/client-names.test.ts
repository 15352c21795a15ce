import t from 'tap'
import { type NameLookup, addressRefusal, alternativeNames } from './client-names.js'
import { ipBytes, sameIp } from './ip-address.js'

const names = (
  reverse: readonly string[] | Error,
  forward: Readonly<Record<string, readonly string[]>> = {},
): NameLookup => ({
  reverse: async () => {
    if (reverse instanceof Error) throw reverse
    return reverse
  },
  addresses: async (name) => {
    const found = forward[name]
    if (found === undefined) throw new Error(`lookup ${name}: no such host`)
    return found
  },
})

t.test('texts of addresses', async (t) => {
  for (const [a, b, same] of [
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['FE80::1:0', 'fe80:0:0:0:0:0:1:0', true],
    ['::', '0:0:0:0:0:0:0:0', true],
    ['1::', '1:0:0:0:0:0:0:0', true],
    ['::ffff:1.2.3.4', '::ffff:102:304', true],
    ['localhost', 'localhost', false],
    ['fe80::1%eth0', 'fe80::1', false],
  ] as const) {
    t.equal(sameIp(a, b), same, `${a} ${b}`)
  }
  t.same([...(ipBytes('10.0.255.1') ?? [])], [10, 0, 255, 1])
})

t.test('names in a certificate', async (t) => {
  const subjectaltname = 'DNS:a.example, IP Address:127.0.0.1, URI:x, IP Address:0:0:0:0:0:0:0:1, DNS:"b, DNS:c"'
  t.same(alternativeNames({ subjectaltname }), { dns: ['a.example', 'b, DNS:c'], ips: ['127.0.0.1', '::1'] })
  t.same(alternativeNames({}), { dns: [], ips: [] })
})

t.test('who may come from where', async (t) => {
  const none = names([])
  const cases: [string, string | undefined, NameLookup, string | undefined][] = [
    ['no names', undefined, none, undefined],
    ['its address', 'IP Address:10.0.0.1', none, undefined],
    ['one of its addresses', 'DNS:x, IP Address:1.1.1.1, IP Address:10.0.0.1', none, undefined],
    [
      'other addresses',
      'IP Address:1.1.1.1, IP Address:2.2.2.2',
      none,
      'x509: certificate is valid for 1.1.1.1, 2.2.2.2, not 10.0.0.1',
    ],
    ['reverse lookup', 'DNS:a.example', names(['a.example.']), undefined],
    ['reverse lookup of a wildcard, any depth', 'DNS:*.example', names(['c.b.example']), undefined],
    ['a wildcard is not its own suffix', 'DNS:*.example', names(['example']), refused('*.example')],
    [
      'forward lookup',
      'DNS:b, DNS:a',
      names(new Error('no'), { b: ['1.1.1.1'], a: ['9.9.9.9', '10.0.0.1'] }),
      undefined,
    ],
    ['wildcards are not looked up', 'DNS:*.a', names([], { '*.a': ['10.0.0.1'] }), refused('*.a')],
    ['nothing leads there', 'DNS:a', names([], { a: ['1.1.1.1'] }), refused('a')],
    ['the last failure is told', 'DNS:a', names(new Error('x')), `${refused('a')} (lookup a: no such host)`],
  ]
  for (const [rule, subjectaltname, lookup, expected] of cases) {
    const certificate = subjectaltname === undefined ? {} : { subjectaltname }
    t.equal(await addressRefusal(certificate, '10.0.0.1', lookup), expected, rule)
  }
})

const refused = (name: string): string => `tls: "10.0.0.1" does not match any of DNSNames ["${name}"]`
