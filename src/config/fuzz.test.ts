// Whatever comes in, loading ends in one of its two outcomes and never throws.

import t from 'tap'
import { FLAG_NAMES, fileKeyOf, variableOf } from './flag-table.js'
import { UNKNOWN_PLATFORM, loadConfig } from './load-config.js'
import type { ConfigOutcome } from './outcome.js'
import { generator } from './testing.js'

const VALUES = [
  ...[
    '',
    ' ',
    '0',
    '1',
    '-1',
    '1.5',
    'true',
    'no',
    'x',
    'a=b',
    ',',
    '=,=',
    '5s',
    '-5m',
    '1e400',
    '9'.repeat(400),
    '\0',
    '\ud800',
    'é',
  ],
  ...[
    'http://1.2.3.4:5',
    'https://[::1]:5',
    'unix:x',
    'unixs://',
    '://',
    'http://%',
    'a=http://b:1,b=',
    '*',
    'new',
    'write-only',
  ],
  ...[
    'AllAlpha=true',
    'LeaseCheckpoint=1',
    'TLS1.3',
    'jwt,x',
    'debug',
    '/dev/null',
    'stdout',
    '{',
    '{"maxsize":1e99}',
    '[]',
    'null',
  ],
]
const WORDS = ['-', '--', '---', '-h', '--version', '--=', '-=x', 'stray', '--config-file', '--config-file=', '-x', '']

const SNIPPETS = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ':',
    '- ',
    '\n',
    '\t',
    '  ',
    '"',
    "'",
    '&a ',
    '*a',
    '<<: ',
    '!!int ',
    '!!set ',
    '? ',
    '|\n',
    '>\n',
    '---\n',
    '...\n',
  ],
  ...[
    'null',
    'yes',
    '0x1f',
    '1_000',
    '.inf',
    '.nan',
    '1e400',
    '2001-01-01',
    '1:30',
    '#',
    '%TAG ! x\n',
    '@',
    '`',
    '\u0000',
    '\ufeff',
    '~',
  ],
]

const check = (outcome: ConfigOutcome): boolean => {
  if (outcome.kind === 'run') {
    const { config } = outcome
    return (
      config.electionTicks >= 5 &&
      config.requestTimeoutMs > 0 &&
      config.minLeaseTtlSeconds >= 1 &&
      Number.isFinite(config.heartbeatMs) &&
      JSON.stringify(config.startFields).length > 0
    )
  }
  return (
    [0, 1, 2].includes(outcome.code) &&
    outcome.stderr.length + outcome.stdout.length + outcome.lines.length + outcome.earlyLines.length > 0
  )
}

t.test('command lines and environments', async (t) => {
  const seed = 4711
  const random = generator(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  let runs = 0
  for (let i = 0; i < 4_000; i++) {
    const argv: string[] = []
    for (let n = Math.floor(random() * 4); n > 0; n--) {
      const name = pick(FLAG_NAMES)
      argv.push(random() < 0.1 ? pick(WORDS) : random() < 0.5 ? `--${name}=${pick(VALUES)}` : `-${name}`)
      if (random() < 0.3) argv.push(pick(VALUES))
    }
    const env: Record<string, string> = {}
    for (let n = Math.floor(random() * 4); n > 0; n--) env[variableOf(pick(FLAG_NAMES))] = pick(VALUES)
    const outcome = loadConfig(argv, env, () => pick(VALUES), UNKNOWN_PLATFORM)
    if (!check(outcome)) t.fail(`seed ${seed} run ${i}: ${JSON.stringify({ argv, env, outcome })}`)
    if (outcome.kind === 'run') runs++
  }
  t.ok(runs > 100, 'some of them run')
})

t.test('files', async (t) => {
  const seed = 815
  const random = generator(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const keys = FLAG_NAMES.map(fileKeyOf).filter((key) => key !== undefined)
  let runs = 0
  for (let i = 0; i < 3_000; i++) {
    let file = ''
    for (let n = Math.floor(random() * 6); n > 0; n--) {
      const key = pick(keys).split('.')
      const value = random() < 0.5 ? JSON.stringify(pick(VALUES)) : pick([...VALUES, ...SNIPPETS])
      file +=
        random() < 0.3
          ? pick(SNIPPETS)
          : key.map((part) => `{ ${JSON.stringify(part)}: `).join('') + value + ' }'.repeat(key.length)
      if (random() < 0.3) file += `\n${key[0]}: ${value}\n`
      if (random() < 0.1) file = file.slice(0, Math.floor(random() * file.length))
    }
    const outcome = loadConfig(['--config-file=c'], {}, () => file, UNKNOWN_PLATFORM)
    if (!check(outcome)) t.fail(`seed ${seed} run ${i}: ${JSON.stringify({ file, outcome })}`)
    if (outcome.kind === 'run') runs++
  }
  t.ok(runs > 100, 'some of them run')
})
