// How the process is told to stop, and how it ends.

import type { Logger } from '../env/index.js'

/** The parts of `process` that ending needs, so that a test can stand in for it. */
export interface ProcessControl {
  readonly pid: number
  on(signal: NodeJS.Signals, listener: () => void): unknown
  removeListener(signal: NodeJS.Signals, listener: () => void): unknown
  kill(pid: number, signal: NodeJS.Signals): unknown
  exit(code: number): void
}

const NAMES = { SIGINT: 'interrupt', SIGTERM: 'terminated' } as const
type StopSignal = keyof typeof NAMES

/**
 * From now on SIGINT and SIGTERM run `shutdown` once; signals during it are swallowed. Then the signal is raised again
 * with its default effect, so that the parent sees it; as process 1, where that has no effect, the exit code is 0.
 * Call it when the member is ready: before, a signal ends the process at once. Returns a function that undoes it.
 */
export const onStopSignal = (
  logger: Logger,
  shutdown: (signal: StopSignal) => Promise<void>,
  control: ProcessControl = process,
): (() => void) => {
  let stopping = false
  const listeners = (Object.keys(NAMES) as StopSignal[]).map((signal) => ({
    signal,
    listener: () => void stop(signal),
  }))
  const restore = (): void => {
    for (const { signal, listener } of listeners) control.removeListener(signal, listener)
  }
  const stop = async (signal: StopSignal): Promise<void> => {
    if (stopping) return
    stopping = true
    logger.info('received signal; shutting down', { signal: NAMES[signal] })
    try {
      await shutdown(signal)
    } catch (error) {
      logger.error('failed to shut down in order', { error })
    }
    restore()
    if (control.pid === 1) control.exit(0)
    else control.kill(control.pid, signal)
  }
  for (const { signal, listener } of listeners) control.on(signal, listener)
  return restore
}

/** The code with which Go's runtime ends a process that a signal cannot kill. */
const UNKILLED_EXIT = 2

/**
 * Until the server is ready a signal ends it at once, which is the default effect. Process 1 has no default effects: there
 * this function stands in for them. Returns a function that undoes it.
 */
export const endEarlyAsProcessOne = (control: ProcessControl = process): (() => void) => {
  if (control.pid !== 1) return () => undefined
  const listener = (): void => control.exit(UNKILLED_EXIT)
  const signals = Object.keys(NAMES) as StopSignal[]
  for (const signal of signals) control.on(signal, listener)
  return () => {
    for (const signal of signals) control.removeListener(signal, listener)
  }
}

/** Scripts find the server by the name `etcd`, in the command line and as the name of the command. */
export const setProcessTitle = (): void => {
  process.title = 'etcd'
}
