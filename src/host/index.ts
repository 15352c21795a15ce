export { LoopBusyPoll } from './busy-poll.js'
export { nodeFileSystem } from './file-system.js'
export { type FolderState, type Folders, nodeFolders } from './folders.js'

export { defaultHost, goArch, goOs, openFileCount, openFileLimit, processorCounts } from './machine.js'
export { lookupHost } from './lookup.js'
export { loopDelay } from './loop-delay.js'
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
export { endEarlyAsProcessOne, onStopSignal, setProcessTitle } from './signals.js'
export { systemClock } from './system-clock.js'
export { systemRandom } from './system-random.js'
export { unsyncedFileSystem } from './unsynced-files.js'
export { boundFullCollections, boundYoungGeneration, keepYoungObjectsYoung } from './v8-settings.js'
