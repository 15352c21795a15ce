export type {
  ApplyObserver,
  HashKvOutcome,
  LeaseApi,
  LeaseTimeToLive,
  MemberApi,
  MemberStatus,
  ProposalOutcome,
  ProposalResponse,
  ProposalWaiter,
  ReadWaiter,
  ResultWaiter,
  WatchRequests,
  WatchResponses,
} from './api.js'
export { BootstrapFailed, type InitialMember, type Started, startLog } from './bootstrap.js'
export { MemberFacade } from './facade.js'
export { type LoadedState, type LoadOptions, loadState } from './load-state.js'
export { Member, type MemberOptions, type MemberParts } from './member.js'
export type { PeerSender } from './raft-driver.js'
export { WatchPump } from './watch-pump.js'
