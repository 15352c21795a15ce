export { CANCEL_REASON, type WatchPermission } from './create.js'
export { DEFAULT_WATCH_LIMITS, WatchHub, type WatchHubLimits, type WatchHubOptions } from './hub.js'
export type { Change, HistoryReader, WatchSource } from './source.js'
export type { HubStream, WatchSink } from './stream.js'
