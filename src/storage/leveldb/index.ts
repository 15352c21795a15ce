export { BackendLocked, LevelBackend, type LevelBackendOptions } from './level-backend.js'
export { levelFolders } from './level-folders.js'
