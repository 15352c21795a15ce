export { createGrpcServer } from './server.js'
export { GRPC_LIMITS } from './limits.js'
