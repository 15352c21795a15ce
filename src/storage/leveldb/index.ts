export { BackendLocked, LevelBackend, type LevelBackendOptions } from './level-backend.js'
