#!/usr/bin/env node
// The server's command: configuration in, one server, until a signal ends it.

import { readFileSync } from 'node:fs'
import { BUILT_PARTS, type LogLine, type RunOutcome, SERVER_VERSION, loadConfig } from './config/index.js'
import {
  EARLY_LOGGING,
  type ProcessLogger,
  defaultHost,
  goArch,
  goOs,
  nodeFileSystem,
  notifyReady,
  onStopSignal,
  openFileCount,
  openFileLimit,
  openLogger,
  setProcessTitle,
  systemClock,
  systemRandom,
} from './host/index.js'
import { MetricsRegistry, addProcessMetrics } from './http/index.js'
import { Server } from './server/index.js'

/** Where the system does not tell how many files a process may open. */
const OPEN_FILES_DEFAULT = 20_000

async function main(): Promise<void> {
  setProcessTitle()
  const outcome = loadConfig(process.argv.slice(2), process.env, (path) => readFileSync(path, 'utf8'), {
    nodeVersion: process.version,
    os: goOs(),
    arch: goArch(),
    defaultHost,
    builtParts: BUILT_PARTS,
  })
  if (outcome.earlyLines.length > 0) write(openLogger(EARLY_LOGGING), outcome.earlyLines)
  if (outcome.kind === 'exit') {
    if (outcome.lines.length > 0) write(openLogger(outcome.logging ?? EARLY_LOGGING), outcome.lines)
    process.stderr.write(outcome.stderr)
    process.stdout.write(outcome.stdout)
    process.exitCode = outcome.code
    return
  }
  await run(outcome)
}

async function run({ config, lines }: RunOutcome): Promise<void> {
  const logger = openLogger(config.logging)
  logger.info('Running: ', { args: ['etcd', ...process.argv.slice(2)] })
  write(logger, lines)
  logger.info('starting an etcd server', {
    'etcd-version': SERVER_VERSION,
    'node-version': process.version,
    ...config.startFields,
  })
  const metrics = new MetricsRegistry()
  addProcessMetrics(metrics, { openFileCount, openFileLimit })
  const server = new Server(config, {
    clock: systemClock,
    random: systemRandom,
    fs: nodeFileSystem(),
    logger,
    metrics,
    openFilesMax: openFileLimit() ?? OPEN_FILES_DEFAULT,
    onFatal: (error) => logger.fatal('the server cannot go on', { error }),
  })
  try {
    await server.open()
  } catch (error) {
    logger.fatal('discovery failed', { error })
  }
  onStopSignal(logger, () => server.close())
  await notifyReady(logger)
}

function write(logger: ProcessLogger, lines: readonly LogLine[]): void {
  for (const { level, message, fields } of lines) logger.log(level, message, fields)
}

await main()
