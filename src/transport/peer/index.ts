export { peerFrameBytes, PEER_LIMITS } from './limits.js'
export { createPeerNetwork } from './network.js'
export type { PeerNetworkOptions, RaftNetwork } from './options.js'
export { type QueryGuard, guardedQueries } from './queries.js'
