// Where log lines go.

import pino from 'pino'
import { RotatingFile, type RotationOptions } from './rotating-file.js'

/** Takes whole lines. */
export interface LogOutput {
  write(text: string): void
  close(): Promise<void>
}

/** An output cannot be opened; the message is the reference's. */
export class LogOutputFailed extends Error {
  override readonly name = 'LogOutputFailed'
}

/** Lines are written before `write` returns, so that the last words of a dying process are not lost. */
export const openOutput = (target: string, rotation: RotationOptions | undefined): LogOutput => {
  if (target === 'stderr') return descriptor(2)
  if (target === 'stdout') return descriptor(1)
  try {
    if (rotation !== undefined) return new RotatingFile(target, rotation)
    return file(target)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = OPEN_ERRORS[code ?? ''] ?? message
    throw new LogOutputFailed(`open sink "${target}": open ${target}: ${why}`, { cause: error })
  }
}

const OPEN_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
}

const descriptor = (fd: 1 | 2): LogOutput => synchronous(pino.destination({ dest: fd, sync: true }))

const file = (path: string): LogOutput => {
  const output = pino.destination({ dest: path, append: true, sync: true, mode: 0o644 })
  return { ...synchronous(output), close: () => closeFile(output) }
}

type Destination = ReturnType<typeof pino.destination>

const synchronous = (output: Destination): LogOutput => {
  // A reader that went away (EPIPE) or a full disk: there is nowhere to tell it, and the server goes on.
  output.on('error', () => undefined)
  return {
    write: (text) => {
      output.write(text)
    },
    close: () => Promise.resolve(),
  }
}

const closeFile = (output: Destination): Promise<void> =>
  new Promise((resolve) => {
    output.once('close', resolve)
    output.end()
  })
