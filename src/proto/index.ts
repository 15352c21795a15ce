// Door of proto/: one namespace per proto package, each with records, codecs, enums and service descriptors.

export * as authpb from './generated/authpb.js'
export * as etcdserverpb from './generated/etcdserverpb.js'
export * as healthpb from './generated/healthpb.js'
export * as leasepb from './generated/leasepb.js'
export * as membershippb from './generated/membershippb.js'
export * as mvccpb from './generated/mvccpb.js'
export * as raftpb from './generated/raftpb.js'
export * as snappb from './generated/snappb.js'
export * as v3electionpb from './generated/v3electionpb.js'
export * as v3lockpb from './generated/v3lockpb.js'
export * as walpb from './generated/walpb.js'
export { MalformedMessage, type WireCodec, type Writer } from './wire.js'
