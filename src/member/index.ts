export type {
  ApplyObserver,
  ClusterApi,
  HashKvOutcome,
  LeaseApi,
  LeaseTimeToLive,
  MemberAddOutcome,
  MemberApi,
  MemberStatus,
  MembersOutcome,
  ProposalOutcome,
  ProposalResponse,
  ProposalWaiter,
  ReadWaiter,
  ResultWaiter,
  WatchRequests,
  WatchResponses,
} from './api.js'
export { CommitFailed } from './backend-committer.js'
export {
  BootstrapFailed,
  type FirstStart,
  type InitialMember,
  type Started,
  initialMembers,
  startLog,
} from './bootstrap.js'
export { VersionTooLow } from './cluster-version.js'
export { MemberFacade } from './facade.js'
export { type LoadedState, type LoadOptions, loadState } from './load-state.js'
export { Member } from './member.js'
export type { MemberOptions, MemberParts } from './member-parts.js'
export { queryStatus } from './query-status.js'
export type { PeerSender } from './raft-driver.js'
export {
  MalformedRows,
  type OpenStore,
  type ReceivedStore,
  SnapshotLost,
  SwitchedBackend,
  catchUpStore,
  openNewest,
} from './snapshot/index.js'
export type { SnapshotParts } from './snapshot-work.js'
export { WatchPump } from './watch-pump.js'
