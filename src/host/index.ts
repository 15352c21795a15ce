export { nodeFileSystem } from './file-system.js'

export { defaultHost, goArch, goOs, openFileCount, openFileLimit } from './machine.js'
export { LogOutputFailed } from './log-outputs.js'
export {
  EARLY_LOGGING,
  type LogLevel,
  type LoggingOptions,
  type ProcessLogger,
  loggerOver,
  openLogger,
} from './process-logger.js'
export { notifyReady } from './sd-notify.js'
export { onStopSignal, setProcessTitle } from './signals.js'
export { systemClock } from './system-clock.js'
export { systemRandom } from './system-random.js'
