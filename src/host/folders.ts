// What the checks of a data directory ask of the disk beside the files themselves.

import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type FolderState =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'folder'
      /** Sorted. */
      readonly names: readonly string[]
      /** As `ls -l` shows it, for example `drwx------`. */
      readonly permission: string
    }

export interface Folders {
  /** Rejects with the system's words when it is there and cannot be listed, for example because it is a file. */
  inspect(path: string): Promise<FolderState>
  /** Creates and removes a file there. Rejects with the system's words when that is not possible. */
  probe(path: string): Promise<void>
}

const PROBE_NAME = '.touch'

export const nodeFolders: Folders = {
  inspect: async (path) => {
    let names: string[]
    try {
      names = await readdir(path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { kind: 'missing' }
      throw inWords(error, 'open', path)
    }
    return { kind: 'folder', names: names.sort(), permission: permissionText((await stat(path)).mode) }
  },
  probe: async (path) => {
    const file = join(path, PROBE_NAME)
    try {
      await writeFile(file, '', { mode: 0o600 })
      await rm(file)
    } catch (error) {
      throw inWords(error, 'open', file)
    }
  },
}

/** `d` and the nine letters of a mode. */
export const permissionText = (mode: number): string =>
  'd' + [...'rwxrwxrwx'].map((letter, i) => ((mode & (0o400 >> i)) !== 0 ? letter : '-')).join('')

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOTDIR: 'not a directory',
  EROFS: 'read-only file system',
  ENOSPC: 'no space left on device',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory',
}

const inWords = (error: unknown, operation: string, path: string): Error => {
  const words = WORDS[codeOf(error) ?? '']
  return new Error(words === undefined ? String(error) : `${operation} ${path}: ${words}`, { cause: error })
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code
