// Door of proto/: one namespace per proto package. For a message `X` it has the class `X` (all fields set, in a fixed
// order), `XCodec`, and for encoders that compose `readX` and `writeX`; for a service `S` the descriptor `SService`.
//
// Forms: 64-bit identifiers are bigint, 64-bit counters guarded numbers, enums numbers (unknown values survive), nested
// messages `T | undefined`, oneofs one optional field per alternative, bytes views of what was decoded. Nested KeyValues
// and Events in responses stay encoded (`Uint8Array`); KeyValueView and its neighbours read them where they lie.

export * as authpb from './generated/authpb.js'
export * as etcdserverpb from './generated/etcdserverpb.js'
export * as healthpb from './generated/healthpb.js'
export * as leasepb from './generated/leasepb.js'
export * as membershippb from './generated/membershippb.js'
export * as mvccpb from './generated/mvccpb.js'
export * as quoratepeer from './generated/quoratepeer.js'
export * as raftpb from './generated/raftpb.js'
export * as snappb from './generated/snappb.js'
export * as v3electionpb from './generated/v3electionpb.js'
export * as v3lockpb from './generated/v3lockpb.js'
export * as walpb from './generated/walpb.js'
export * from './key-value.js'
export * from './range-answer.js'
export * from './watch-answer.js'
export { isLegacyRequest } from './legacy-request.js'
export { DEPTH_MARGIN, DEPTH_MAX, MalformedMessage, Reader, type WireCodec, Writer } from './wire.js'
export * from './error-catalogue.js'
export * from './member-json.js'
