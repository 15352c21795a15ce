export { BadListenUrl, type ListenAddress, type ListenSpec, addressText, listenSpecOf, listenSpecs } from './address.js'
export { ClientPort, type ClientPortOptions } from './client-port.js'
export { GRPC_LIMITS, createGrpcServer } from './grpc/index.js'
export { HTTP2_LIMITS } from './http2/index.js'
export type { GrpcServer, GrpcServerOptions, RequestListener } from './grpc-server.js'
export { HttpServer } from './http1.js'
export { ListenFailed, Listener, type ListenerOptions, type ProtocolServers } from './listener.js'
export { type Page, fetchPage } from './page-client.js'
export {
  PEER_LIMITS,
  type PeerNetworkOptions,
  type QueryGuard,
  type RaftNetwork,
  createPeerNetwork,
  guardedQueries,
  peerFrameBytes,
} from './peer/index.js'
export { type TlsMaterial, type TlsSettings, tlsFiles } from './tls-settings.js'
