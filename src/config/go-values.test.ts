import t from 'tap'
import { humanBytes } from './build-config.js'
import { formatDuration, parseDuration } from './duration.js'
import { parseBoolean, parseInteger } from './go-number.js'
import { quote, quoteList } from './go-text.js'
import { generator } from './testing.js'
import { canonicalHost, isIp, joinHostPort, parseCluster, parseListenUrl, socketPath, splitHostPort } from './urls.js'

t.test('durations: Go syntax', async (t) => {
  const good: [string, number][] = [
    ...([
      ['0', 0],
      ['5s', 5e9],
      ['-5s', -5e9],
      ['+1h', 3600e9],
      ['1h30m', 5400e9],
      ['0.5h', 1800e9],
      ['100ms', 1e8],
    ] as [string, number][]),
    ...([
      ['1.s', 1e9],
      ['.5s', 5e8],
      ['1us', 1e3],
      ['1µs', 1e3],
      ['1μs', 1e3],
      ['7ns', 7],
      ['0.1ns', 0],
    ] as [string, number][]),
    ...([
      ['2562047h47m16.854775807s', 2 ** 63],
      ['-2562047h47m16.854775808s', -(2 ** 63)],
    ] as [string, number][]),
  ]
  for (const [text, value] of good) t.same(parseDuration(text), { ok: true, value }, text)
  const invalid = ['', '-', 'abc', '.', '.s', '+', '3000000h', '9223372036854775808ns']
  for (const text of invalid) t.same(parseDuration(text), { ok: false, error: `time: invalid duration "${text}"` })
  const bad: [string, string][] = [
    ['5', 'time: missing unit in duration "5"'],
    ['1h5', 'time: missing unit in duration "1h5"'],
    ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['1h-', 'time: unknown unit "h-" in duration "1h-"'],
    ['1 s', 'time: unknown unit " s" in duration "1 s"'],
    ['1constructor', 'time: unknown unit "constructor" in duration "1constructor"'],
  ]
  for (const [text, error] of bad) t.same(parseDuration(text), { ok: false, error }, text)
})

t.test('durations: texts of Go, and back', async (t) => {
  const cases: [number, string][] = [
    ...([
      [0, '0s'],
      [1, '1ns'],
      [1100, '1.1µs'],
      [2.2e6, '2.2ms'],
      [3.3e9, '3.3s'],
      [245e9, '4m5s'],
      [245001e6, '4m5.001s'],
    ] as [number, string][]),
    ...([
      [18367001e6, '5h6m7.001s'],
      [-7e9, '-7s'],
      [3600e9, '1h0m0s'],
      [60e9, '1m0s'],
      [999, '999ns'],
      [100955916, '100.955916ms'],
    ] as [number, string][]),
  ]
  for (const [value, text] of cases) t.equal(formatDuration(value), text)
  const seed = 7
  const random = generator(seed)
  for (let i = 0; i < 500; i++) {
    const value = Math.floor(random() * 10 ** Math.floor(random() * 15))
    t.same(parseDuration(formatDuration(value)), { ok: true, value }, `seed ${seed}`)
  }
})

t.test('integers: prefixes, separators, ranges', async (t) => {
  const cases: (readonly [string, 'int' | 'uint' | 'uint32' | 'int64', number | string])[] = [
    ...([
      ['0', 'uint', 0],
      ['42', 'uint', 42],
      ['0x1F', 'uint', 31],
      ['0X1f', 'int', 31],
      ['0o17', 'uint', 15],
    ] as const),
    ...([
      ['017', 'uint', 15],
      ['0b101', 'uint', 5],
      ['1_000', 'uint', 1000],
      ['0x_1', 'uint', 1],
      ['0_7', 'uint', 7],
    ] as const),
    ...([
      ['-5', 'int', -5],
      ['+5', 'int', 5],
      ['-0x10', 'int', -16],
      ['-5', 'uint', 'syntax'],
      ['+5', 'uint', 'syntax'],
    ] as const),
    ...([
      ['', 'uint', 'syntax'],
      ['08', 'uint', 'syntax'],
      ['_1', 'uint', 'syntax'],
      ['1_', 'uint', 'syntax'],
    ] as const),
    ...([
      ['1__0', 'uint', 'syntax'],
      ['0x', 'uint', 'syntax'],
      ['1.5', 'uint', 'syntax'],
      ['1e3', 'uint', 'syntax'],
    ] as const),
    ...([
      ['4294967296', 'uint32', 'range'],
      ['4294967295', 'uint32', 4294967295],
      ['18446744073709551616', 'uint', 'range'],
    ] as const),
    ...([
      ['9223372036854775808', 'int64', 'range'],
      ['-9223372036854775808', 'int64', -(2 ** 63)],
      [' 1', 'int', 'syntax'],
    ] as const),
    ['9'.repeat(5000), 'uint', 'range'],
  ]
  for (const [text, type, value] of cases) t.equal(parseInteger(text, type), value, `${text.slice(0, 30)} ${type}`)
  t.same(['1', 't', 'TRUE', 'True', '0', 'F', 'False'].map(parseBoolean), [true, true, true, true, false, false, false])
  t.same(['yes', 'on', 'tRUE', '', '2'].map(parseBoolean), Array(5).fill(undefined))
})

t.test('URLs', async (t) => {
  const text = (input: string) => {
    const url = parseListenUrl(input)
    return url.ok ? url.value.text : url.error
  }
  t.equal(text(' HTTPS://Host:1 '), 'https://Host:1')
  t.equal(text('http://u:p@1.2.3.4:1?x=y#z'), 'http://u:p@1.2.3.4:1?x=y#z')
  t.equal(text('://'), 'parse "://": missing protocol scheme')
  t.equal(text('http://%zz:1'), 'parse "http://%zz:1": invalid URL escape "%zz"')
  t.equal(text('http://a b:1'), 'parse "http://a b:1": invalid character " " in host name')
  t.equal(text('http://a:1/'), 'URL must not contain a path: http://a:1/')
  t.equal(text('1.2.3.4:5'), 'parse "1.2.3.4:5": first path segment in URL cannot contain colon')
  const socket = parseListenUrl('unix:///run/e.sock')
  t.equal(socket.ok && socketPath(socket.value), '/run/e.sock')
  const named = parseListenUrl('unixs://name:1')
  t.equal(named.ok && socketPath(named.value), 'name:1')
  t.match(parseListenUrl('http://[::1]:5'), { value: { hostname: '::1', port: '5', host: '[::1]:5' } })
  const cluster = parseCluster('a=http://b:2,,b=http://c:1,a=http://a:1')
  t.same(cluster.ok && [...cluster.value].map(([name, urls]) => [name, urls.map((url) => url.text)]), [
    ['a', ['http://a:1', 'http://b:2']],
    ['b', ['http://c:1']],
  ])
})

t.test('hosts and addresses', async (t) => {
  t.same(
    ['1.2.3.4', '255.0.0.1', '::1', 'fe80::1', '::ffff:1.2.3.4', '0.0.0.0'].filter((host) => !isIp(host)),
    [],
  )
  t.same(
    ['1.2.3', '256.1.1.1', '01.2.3.4', '1.2.3.4.', '', 'localhost', '::g', 'fe80::1%eth0', ':', '1:2'].filter(isIp),
    [],
  )
  t.equal(canonicalHost('0:0:0::1'), '[::1]')
  t.equal(canonicalHost('Name'), 'Name')
  t.equal(joinHostPort('::1', '5'), '[::1]:5')
  t.match(splitHostPort('a'), { error: 'address a: missing port in address' })
  t.match(splitHostPort('::1:5'), { error: 'address ::1:5: too many colons in address' })
  t.match(splitHostPort('[::1]'), { error: 'address [::1]: missing port in address' })
})

t.test('quoted texts and sizes', async (t) => {
  t.equal(quote('a"b\\\n\x01é\u200b\u{10ffff}'), '"a\\"b\\\\\\n\\x01é\\u200b\\U0010ffff"')
  t.equal(quoteList(['a', 'b']), '["a" "b"]')
  t.same([5, 82_854_982, 2147483648, 8589934592, 10485760].map(humanBytes), [
    '5 B',
    '83 MB',
    '2.1 GB',
    '8.6 GB',
    '10 MB',
  ])
})

t.test('fuzz: parsers of values never throw', async (t) => {
  const seed = 99
  const random = generator(seed)
  const alphabet = [
    '0',
    '1',
    '9',
    '-',
    '+',
    '.',
    '_',
    'x',
    'e',
    'h',
    'm',
    's',
    'µ',
    'n',
    'u',
    ':',
    '/',
    '[',
    ']',
    '%',
    '@',
    '?',
    '#',
    ' ',
    '\0',
    'é',
    '\ud800',
    'http://',
    'unix://',
    ',',
    '=',
  ]
  for (let i = 0; i < 20_000; i++) {
    let text = ''
    for (let n = Math.floor(random() * 12); n > 0; n--) text += alphabet[Math.floor(random() * alphabet.length)]!
    const results = [parseDuration(text), parseListenUrl(text), parseCluster(text), splitHostPort(text)]
    for (const result of results) if (typeof result.ok !== 'boolean') t.fail(`seed ${seed}: ${text}`)
    parseInteger(text, 'int')
    isIp(text)
    canonicalHost(text)
    quote(text)
  }
  t.pass(`seed ${seed}`)
})
