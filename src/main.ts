#!/usr/bin/env node
// The server's command: configuration in, one server, until a signal ends it.

import { readFileSync } from 'node:fs'
import { BUILT_PARTS, type LogLine, type LoggingConfig, type RunOutcome, loadConfig } from './config/index.js'
import {
  EARLY_LOGGING,
  LogOutputFailed,
  LoopBusyPoll,
  type ProcessLogger,
  boundFullCollections,
  boundYoungGeneration,
  defaultHost,
  endEarlyAsProcessOne,
  goArch,
  goOs,
  keepYoungObjectsYoung,
  lookupHost,
  loopDelay,
  nodeFileSystem,
  nodeFolders,
  notifyReady,
  onStopSignal,
  openFileCount,
  openFileLimit,
  openLogger,
  processorCounts,
  setProcessTitle,
  systemClock,
  systemRandom,
  unsyncedFileSystem,
} from './host/index.js'
import { MetricsRegistry, addProcessMetrics } from './http/index.js'
import { Server, startFailure } from './server/index.js'

/** Where the system does not tell how many files a process may open. */
const OPEN_FILES_DEFAULT = 20_000

async function main(): Promise<void> {
  setProcessTitle()
  keepYoungObjectsYoung()
  boundYoungGeneration()
  boundFullCollections()
  const outcome = loadConfig(process.argv.slice(2), process.env, (path) => readFileSync(path, 'utf8'), {
    nodeVersion: process.version,
    os: goOs(),
    arch: goArch(),
    defaultHost,
    builtParts: BUILT_PARTS,
  })
  if (outcome.earlyLines.length > 0) write(openLogger(EARLY_LOGGING), outcome.earlyLines)
  if (outcome.kind === 'exit') {
    if (outcome.lines.length > 0) write(mustOpenLogger(outcome.logging ?? EARLY_LOGGING), outcome.lines)
    process.stderr.write(outcome.stderr)
    process.stdout.write(outcome.stdout)
    process.exitCode = outcome.code
    return
  }
  await run(outcome)
}

async function run({ config, lines }: RunOutcome): Promise<void> {
  const logger = mustOpenLogger(config.logging)
  write(logger, lines)
  const onFatal = (error: Error): void => logger.fatal('the server cannot go on', { error })
  process.on('uncaughtException', onFatal)
  const undo = endEarlyAsProcessOne()
  const metrics = new MetricsRegistry()
  addProcessMetrics(metrics, { openFileCount, openFileLimit }, loopDelay())
  const files = nodeFileSystem()
  const server = new Server(config, {
    clock: systemClock,
    random: systemRandom,
    busyPoll: new LoopBusyPoll(),
    fs: config.unsafeNoFsync ? unsyncedFileSystem(files) : files,
    folders: nodeFolders,
    lookup: lookupHost,
    machine: { nodeVersion: process.version, os: goOs(), arch: goArch(), processors: processorCounts() },
    logger,
    metrics,
    openFilesMax: openFileLimit() ?? OPEN_FILES_DEFAULT,
    onFatal,
    // As in etcd: whoever was told to leave has left in good order.
    onRemoved: () => void server.close().finally(() => process.exit(0)),
  })
  try {
    await server.open()
  } catch (error) {
    const failure = startFailure(error)
    logger.log(failure.level, failure.message, failure.fields)
    process.exit(failure.exitCode)
  }
  undo()
  onStopSignal(logger, () => server.close())
  await notifyReady(logger)
}

/** Ends the process when an output cannot be opened: as in etcd that is an error in the flags. */
function mustOpenLogger(logging: LoggingConfig): ProcessLogger {
  try {
    return openLogger(logging)
  } catch (error) {
    if (!(error instanceof LogOutputFailed)) throw error
    openLogger(EARLY_LOGGING).warn('failed to verify flags', { error })
    process.exit(1)
  }
}

function write(logger: ProcessLogger, lines: readonly LogLine[]): void {
  for (const { level, message, fields } of lines) logger.log(level, message, fields)
}

await main()
