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
export { opensslCiphers } from './cipher-suites.js'
export { type NameLookup, systemNames } from './client-names.js'
export { type PeerDialTls, peerChannelCredentials, peerCredentials, peerRequestOptions } from './peer-tls.js'
export { type PairFiles, selfSignedPair } from './self-signed.js'
export { checkPair, readAuthorities, revokedSerials, tlsFiles } from './tls-files.js'
export { type AllowedNames, type TlsMaterial, type TlsSettings } from './tls-settings.js'
