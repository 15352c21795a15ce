// The two places of a member's store as LevelDB folders beside each other.

import { type BackendFolders, type FileSystem, STORE_FOLDERS, type StoreFolder } from '../../env/index.js'
import type { LevelBackend } from './level-backend.js'

/** `open` opens the LevelDB in a folder that exists. `memberDirectory` exists. */
export const levelFolders = (
  fs: FileSystem,
  memberDirectory: string,
  open: (path: string) => Promise<LevelBackend>,
): BackendFolders => {
  const pathOf = (folder: StoreFolder): string => `${memberDirectory}/${folder}`
  return {
    list: async () => {
      const names = await fs.list(memberDirectory)
      return STORE_FOLDERS.filter((folder) => names.includes(folder))
    },
    open: async (folder) => {
      await fs.makeDirectory(pathOf(folder))
      return open(pathOf(folder))
    },
    sync: (folder) => fs.syncDirectory(pathOf(folder)),
    remove: async (folder) => {
      await fs.removeTree(pathOf(folder))
      await fs.syncDirectory(memberDirectory)
    },
  }
}
