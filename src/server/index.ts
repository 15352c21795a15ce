export { Server, type ServerEnvironment } from './server.js'
