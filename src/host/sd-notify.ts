// Tells systemd that the server is ready (units with Type=notify).

import { spawn } from 'node:child_process'
import type { Logger } from '../env/index.js'

/** How long the notice may take. */
const LIMIT_MS = 5_000

/** Runs a program to its end. Rejects when it cannot start or fails. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<void>

/**
 * Sends `READY=1` when `NOTIFY_SOCKET` is set. Never rejects: a failure is logged.
 * Differs: Node.js has no datagram sockets of the file system, so the program `systemd-notify` sends it, and a unit that
 * does not run as root needs `NotifyAccess=all`.
 */
export const notifyReady = async (
  logger: Logger,
  env: Readonly<Record<string, string | undefined>> = process.env,
  run: RunProgram = runProgram,
): Promise<void> => {
  logger.info('notifying init daemon')
  if ((env['NOTIFY_SOCKET'] ?? '') !== '') {
    try {
      await run('systemd-notify', ['--ready'])
    } catch (error) {
      logger.error('failed to notify systemd for readiness', { error })
      return
    }
  }
  logger.info('successfully notified init daemon')
}

const runProgram: RunProgram = (program, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'ignore', timeout: LIMIT_MS })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`${program} ended with ${code === null ? String(signal) : `code ${code}`}`))
    })
  })
