import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { silentLogger } from '../env/index.js'
import {
  defaultHost,
  defaultInterface,
  defaultInterface6,
  goArch,
  goOs,
  openFileCount,
  openFileLimit,
} from './machine.js'
import { loopDelay } from './loop-delay.js'
import { notifyReady } from './sd-notify.js'
import { type ProcessControl, endEarlyAsProcessOne, onStopSignal } from './signals.js'
import { systemClock } from './system-clock.js'
import { systemRandom } from './system-random.js'

const recording = () => {
  const lines: string[] = []
  const write = (level: string) => (message: string, fields?: object) => {
    lines.push(
      `${level} ${message}${fields === undefined ? '' : ` ${JSON.stringify(fields, (_k, v: unknown) => (v instanceof Error ? v.message : v))}`}`,
    )
  }
  return { lines, logger: { ...silentLogger, info: write('info'), error: write('error') } }
}

class FakeProcess implements ProcessControl {
  readonly listeners = new Map<NodeJS.Signals, () => void>()
  readonly ends: string[] = []
  readonly pid: number

  constructor(pid: number) {
    this.pid = pid
  }

  on(signal: NodeJS.Signals, listener: () => void): void {
    this.listeners.set(signal, listener)
  }

  removeListener(signal: NodeJS.Signals): void {
    this.listeners.delete(signal)
  }

  kill(pid: number, signal: NodeJS.Signals): void {
    this.ends.push(`kill ${pid} ${signal} listeners=${this.listeners.size}`)
  }

  exit(code: number): void {
    this.ends.push(`exit ${code}`)
  }
}

t.test('before it is ready, process 1 ends at once where others need nothing for that', async (t) => {
  const first = new FakeProcess(1)
  const undo = endEarlyAsProcessOne(first)
  t.same([...first.listeners.keys()].sort(), ['SIGINT', 'SIGTERM'])
  first.listeners.get('SIGTERM')?.()
  t.same(first.ends, ['exit 2'])
  undo()
  t.equal(first.listeners.size, 0)
  const other = new FakeProcess(42)
  endEarlyAsProcessOne(other)()
  t.equal(other.listeners.size, 0, 'the default effect stays')
})

t.test('a stop signal shuts down once, then is raised again', async (t) => {
  const control = new FakeProcess(42)
  const { lines, logger } = recording()
  let finish = (): void => undefined
  let runs = 0
  const ended = new Promise<void>((resolve) => (finish = resolve))
  onStopSignal(
    logger,
    (signal) => {
      t.equal(signal, 'SIGTERM')
      runs++
      return ended
    },
    control,
  )
  control.listeners.get('SIGTERM')?.()
  control.listeners.get('SIGINT')?.()
  control.listeners.get('SIGTERM')?.()
  t.same(control.ends, [])
  finish()
  await systemClock.yieldTurn()
  t.equal(runs, 1)
  t.same(control.ends, ['kill 42 SIGTERM listeners=0'])
  t.same(lines, ['info received signal; shutting down {"signal":"terminated"}'])
})

t.test('process 1 exits with 0; a failed shutdown ends the process all the same', async (t) => {
  const control = new FakeProcess(1)
  const { lines, logger } = recording()
  onStopSignal(logger, () => Promise.reject(new Error('stuck')), control)
  control.listeners.get('SIGINT')?.()
  await systemClock.yieldTurn()
  t.same(control.ends, ['exit 0'])
  t.same(lines, [
    'info received signal; shutting down {"signal":"interrupt"}',
    'error failed to shut down in order {"error":"stuck"}',
  ])
})

t.test('undoing takes the listeners away', async (t) => {
  const control = new FakeProcess(5)
  const undo = onStopSignal(silentLogger, () => Promise.resolve(), control)
  t.equal(control.listeners.size, 2)
  undo()
  t.equal(control.listeners.size, 0)
})

t.test('a real process ends by the signal and is called etcd', async (t) => {
  const door = join(import.meta.dirname, 'index.js')
  const script = `
    import { onStopSignal, setProcessTitle, systemClock } from ${JSON.stringify(door)}
    import { readFileSync } from 'node:fs'
    setProcessTitle()
    const alive = setInterval(() => {}, 1000)
    const quiet = { debugEnabled: false, debug() {}, info() {}, warn() {}, error() {} }
    onStopSignal(quiet, async () => { console.log('stopping'); await systemClock.yieldTurn() })
    console.log(readFileSync('/proc/self/cmdline', 'utf8').split('\\0')[0])
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  const ending = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_code, signal) => {
      resolve(signal)
    }),
  )
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString()
      resolve()
    })
  })
  child.kill('SIGTERM')
  t.equal(await ending, 'SIGTERM')
  t.same(output.trim().split('\n'), ['etcd', 'stopping'])
})

t.test('readiness is told to systemd only when it listens; failures are only logged', async (t) => {
  const calls: string[] = []
  const run = async (program: string, args: readonly string[]): Promise<void> => {
    calls.push([program, ...args].join(' '))
  }
  const silent = recording()
  await notifyReady(silent.logger, {}, run)
  t.same(calls, [])
  t.same(silent.lines, ['info notifying init daemon', 'info successfully notified init daemon'])
  await notifyReady(silentLogger, { NOTIFY_SOCKET: '/run/x' }, run)
  t.same(calls, ['systemd-notify --ready'])
  const failing = recording()
  await notifyReady(failing.logger, { NOTIFY_SOCKET: '/run/x' }, () => Promise.reject(new Error('no such program')))
  t.same(failing.lines, [
    'info notifying init daemon',
    'error failed to notify systemd for readiness {"error":"no such program"}',
  ])
})

t.test('the clock: monotonic, timers that can be cancelled, turns', async (t) => {
  const before = systemClock.monotonicMs()
  const order: string[] = []
  systemClock.soon(() => order.push('soon'))
  await systemClock.yieldTurn()
  t.same(order, ['soon'])
  t.ok(systemClock.monotonicMs() >= before)
  t.ok(Math.abs(systemClock.wallMs() - Date.now()) < 1000)
  systemClock.after(0, () => order.push('never')).cancel()
  systemClock.after(2 ** 40, () => order.push('far')).cancel()
  // Timers do not keep a process alive, so this test's own handle does until they have fired.
  const alive = setInterval(() => undefined, 1000)
  let ticks = 0
  await new Promise<void>((resolve) => {
    const timer = systemClock.every(1, () => {
      if (++ticks < 3) return
      timer.cancel()
      timer.cancel()
      resolve()
    })
  })
  await new Promise<void>((resolve) => systemClock.after(1, resolve))
  clearInterval(alive)
  t.equal(ticks, 3)
  t.same(order, ['soon'])
})

t.test('a blocked event loop shows in its delay', async (t) => {
  const delay = loopDelay()
  t.equal(delay.maxSeconds, 0, 'nothing was sampled yet')
  const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 10))
  while (delay.count === 0) await nextTurn()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  await nextTurn()
  t.ok(delay.maxSeconds > 0.09)
  t.ok(delay.quantileSeconds(0.999) > 0.09)
  t.ok(delay.quantileSeconds(0.5) <= delay.maxSeconds && delay.meanSeconds <= delay.maxSeconds)
  delay.reset()
  t.equal(delay.maxSeconds, 0)
  delay.close()
})

t.test('randomness keeps to its bounds', async (t) => {
  const seen = new Set(Array.from({ length: 200 }, () => systemRandom.below(3)))
  t.same([...seen].sort(), [0, 1, 2])
  t.equal(systemRandom.below(1), 0)
  t.ok(systemRandom.below(2 ** 32) < 2 ** 32)
  const ids = Array.from({ length: 50 }, () => systemRandom.uint64())
  t.equal(new Set(ids).size, 50)
  t.ok(ids.every((id) => id >= 0n && id < 2n ** 64n))
  t.ok(ids.some((id) => id >= 2n ** 62n))
})

t.test('the interface of the default route', async (t) => {
  const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
  const rows = [
    'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    'wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0',
    'eth1\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
    'down0\t00000000\t010200C0\t0002\t0\t0\t1\t00000000\t0\t0\t0',
  ]
  t.equal(defaultInterface(head + rows.join('\n') + '\n'), 'eth1')
  t.equal(defaultInterface(head + rows[0]! + '\n'), undefined)
  t.equal(defaultInterface(''), undefined)
  const zero = '0'.repeat(32)
  const six = (name: string, length = '00') =>
    `${zero} ${length} ${zero} 00 ${zero} 00000400 00000001 00000000 00000003     ${name}`
  t.equal(defaultInterface6(`${six('lo')}\n${six('eth2')}\n`), 'eth2')
  t.equal(defaultInterface6(six('eth2', '40')), undefined)
})

t.test('facts about this machine', async (t) => {
  const host = defaultHost()
  t.ok('address' in host ? host.address.length > 0 : host.error.length > 0)
  t.match(goArch(), /^\w+$/)
  t.match(goOs(), /^\w+$/)
  if (process.platform === 'linux') {
    t.ok((openFileCount() ?? 0) > 2)
    t.ok((openFileLimit() ?? 0) > 10)
  }
})

t.test('V8 knows the settings that it is given', async (t) => {
  const door = join(import.meta.dirname, 'index.js')
  const script = `import { keepYoungObjectsYoung } from ${JSON.stringify(door)}; keepYoungObjectsYoung()`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  t.equal(status, 0)
  t.equal(stderr, '')
})
