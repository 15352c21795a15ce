export { Server, type ServerEnvironment } from './server.js'
export { StartFailed, startFailure } from './start-failed.js'
