import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LogOutputFailed } from './log-outputs.js'
import { LogSampler } from './log-sampler.js'
import { FineWallClock, formatLogTime } from './log-time.js'
import { type LogLevel, loggerOver, openLogger } from './process-logger.js'

class Memory {
  text = ''
  closed = 0

  write = (text: string): void => {
    this.text += text
  }

  close = async (): Promise<void> => {
    this.closed++
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1)
  }
}

const exitStub =
  (codes: number[]) =>
  (code: number): never => {
    codes.push(code)
    return undefined as never
  }

const make = (level: LogLevel = 'info', format: 'json' | 'console' = 'json') => {
  const memory = new Memory()
  const codes: number[] = []
  return { memory, codes, logger: loggerOver([memory], { level, format }, exitStub(codes)) }
}

t.test('a line is one JSON object with level, ts, caller and msg first', async (t) => {
  const { memory, logger } = make()
  logger.info('starting', {
    took: '7s',
    'member-id': 0x8e9e05c52164694dn,
    list: ['a'],
    n: 1.5,
    error: new Error('bad "x"\n'),
  })
  const [line = ''] = memory.lines
  t.same(Object.keys(JSON.parse(line) as object), [
    'level',
    'ts',
    'caller',
    'msg',
    'took',
    'member-id',
    'list',
    'n',
    'error',
  ])
  t.match(JSON.parse(line), {
    level: 'info',
    ts: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:Z|[+-]\d{4})$/,
    caller: /^host\/process-logger\.test\.[jt]s:\d+$/,
    msg: 'starting',
    took: '7s',
    'member-id': '8e9e05c52164694d',
    error: 'bad "x"\n',
  })
})

t.test('named loggers carry their name before the caller', async (t) => {
  const { memory, logger } = make()
  logger.named('raft').warn('became follower')
  t.same(Object.keys(JSON.parse(memory.text) as object), ['level', 'ts', 'logger', 'caller', 'msg'])
  t.match(JSON.parse(memory.text), { level: 'warn', logger: 'raft' })
})

t.test('errors and above have a stack', async (t) => {
  const { memory, logger } = make()
  logger.error('broken')
  logger.log('panic', 'worse')
  const lines = memory.lines.map((line) => JSON.parse(line) as Record<string, string>)
  t.same(
    lines.map(({ level }) => level),
    ['error', 'panic'],
  )
  for (const { stacktrace } of lines) t.match(stacktrace, /process-logger\.test/)
})

t.test('levels', async (t) => {
  const all: LogLevel[] = ['debug', 'info', 'warn', 'error', 'dpanic', 'panic', 'fatal']
  for (const [i, level] of all.entries()) {
    const { memory, logger } = make(level)
    t.equal(logger.debugEnabled, level === 'debug')
    for (const each of all) logger.log(each, each)
    t.same(
      memory.lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
      all.slice(i),
      level,
    )
    logger.debug('d')
    t.equal(memory.lines.length, all.length - i + (level === 'debug' ? 1 : 0))
  }
})

t.test('fatal writes, then ends the process with code 1', async (t) => {
  const { memory, logger, codes } = make('fatal')
  logger.fatal('discovery failed', { error: 'x' })
  t.match(JSON.parse(memory.text), { level: 'fatal', msg: 'discovery failed', error: 'x' })
  t.same(codes, [1])
})

t.test('console form: tabs, fields as JSON at the end', async (t) => {
  const { memory, logger } = make('info', 'console')
  logger.info('hello', { a: 1 })
  logger.named('raft').info('plain')
  const [first = '', second = ''] = memory.lines
  t.match(first, /^\S+\tinfo\thost\/process-logger\.test\.[jt]s:\d+\thello\t\{"a":1\}$/)
  t.match(second, /^\S+\tinfo\traft\thost\/process-logger\.test\.[jt]s:\d+\tplain$/)
})

t.test('odd fields cannot break a line', async (t) => {
  const { memory, logger } = make()
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  logger.info('odd', {
    loop,
    nothing: undefined,
    fn: () => 1,
    nan: NaN,
    text: '\u2028"\\\n',
    __proto__: { x: 1 },
    date: new Date(0),
  })
  t.equal(memory.lines.length, 1)
  t.match(JSON.parse(memory.text), { msg: 'odd', nan: null })
})

t.test('files are appended to, readable by others; missing folders are told in the words of etcd', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'log-')), 'a.log')
  for (const text of ['one', 'two']) {
    const logger = openLogger({ level: 'info', format: 'json', outputs: [path], rotation: undefined })
    logger.info(text)
    await logger.close()
  }
  const messages = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg)
  t.same(messages, ['one', 'two'])
  t.equal(statSync(path).mode & 0o777, 0o644 & ~process.umask())
  t.throws(
    () => openLogger({ level: 'info', format: 'json', outputs: ['/no/such/x'], rotation: undefined }),
    new LogOutputFailed('open sink "/no/such/x": open /no/such/x: no such file or directory'),
  )
})

t.test('no outputs: everything is discarded', async (t) => {
  const logger = openLogger({ level: 'info', format: 'json', outputs: [], rotation: undefined })
  logger.info('gone')
  await logger.close()
  t.pass()
})

t.test('repeated lines: the first 100 of a second, then every 100th', async (t) => {
  const sampler = new LogSampler()
  let nowMs = 10
  const admitted = (level: string, message: string, n: number) =>
    Array.from({ length: n }, () => sampler.admit(level, message, nowMs)).filter(Boolean).length
  t.equal(admitted('info', 'a', 100), 100)
  t.equal(admitted('info', 'a', 99), 0)
  t.equal(admitted('info', 'a', 1), 1, 'the 200th')
  t.equal(admitted('warn', 'a', 100), 100, 'another level counts on its own')
  t.equal(admitted('info', 'b', 100), 100, 'another message too')
  nowMs += 1_000
  t.equal(admitted('info', 'a', 150), 100, 'the next second starts anew')
  for (let i = 0; i < 10_000; i++) sampler.admit('info', `m${i}`, nowMs)
  t.equal(sampler.admit('info', 'm9999', nowMs), false, 'messages beyond the table share a count')
})

t.test('time stamps', async (t) => {
  const offset = -new Date(0).getTimezoneOffset()
  const text = formatLogTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6) + 0.789)
  t.match(text, /^2026-01-0\dT\d\d:\d\d:05\.006789(?:Z|[+-]\d{4})$/)
  if (offset === 0) t.equal(text, '2026-01-02T03:04:05.006789Z')
  t.equal(Date.parse(text.replace(/(\d\d)(\d\d)$/, '$1:$2')), Date.UTC(2026, 0, 2, 3, 4, 5, 6))
})

t.test('the fine clock follows the wall clock when that jumps, and refines it otherwise', async (t) => {
  let wall = 1_000_000
  let monotonic = 5.25
  const clock = new FineWallClock(
    () => wall,
    () => monotonic,
  )
  t.equal(clock.now(), 1_000_000)
  monotonic += 0.5
  t.equal(clock.now(), 1_000_000.5)
  wall += 3_600_000
  t.equal(clock.now(), 4_600_000)
  wall -= 7_200_000
  t.equal(clock.now(), -2_600_000)
})
