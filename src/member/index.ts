export type {
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
