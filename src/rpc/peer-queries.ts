// quoratepeer.Query: what other members of the cluster ask this one. Never served to clients: it knows no users.

import { type Service, type Status, type UnaryCall, unaryMethod } from '../env/index.js'
import { type MemberApi, queryStatus } from '../member/index.js'
import { errors, quoratepeer } from '../proto/index.js'
import { unmappedError } from './error-catalogue.js'

const { QueryService } = quoratepeer
const { methods } = QueryService

/** Questions to the leader are answered by the leader alone: nothing is forwarded twice. */
export function peerQueryService(member: MemberApi): Service {
  return {
    name: QueryService.name,
    methods: [
      unaryMethod({
        ...methods.leaseRenew,
        handle: ({ id }, call) => {
          const respond = (status: Status | undefined, ttl: number): void => {
            const response = new quoratepeer.LeaseRenewResponse()
            response.status = queryStatus(status)
            response.ttl = ttl
            call.respond(response)
          }
          member.leases.renewHere(id, {
            onResult: (ttl) => respond(undefined, ttl),
            onFailed: (status) => respond(status, 0),
          })
        },
      }),
      unaryMethod({ ...methods.leaseTimeToLive, handle: (request, call) => timeToLive(member, request, call) }),
      unaryMethod({
        ...methods.version,
        handle: (_request, call) => {
          const response = new quoratepeer.VersionResponse()
          response.status = queryStatus(undefined)
          response.server = member.status().version
          response.cluster = member.clusterVersion ?? ''
          call.respond(response)
        },
      }),
      unaryMethod({ ...methods.promoteMember, handle: (request, call) => promote(member, request, call) }),
      unaryMethod({ ...methods.hashKv, handle: (request, call) => hashKv(member, request, call) }),
    ],
  }
}

function timeToLive(
  member: MemberApi,
  { id, keys: withKeys }: quoratepeer.LeaseTimeToLiveRequest,
  call: UnaryCall<quoratepeer.LeaseTimeToLiveResponse>,
): void {
  const response = new quoratepeer.LeaseTimeToLiveResponse()
  member.leases.timeToLiveHere(id, withKeys, {
    onResult: ({ ttl, grantedTtl, keys }) => {
      response.status = queryStatus(undefined)
      response.ttl = ttl
      response.grantedTtl = grantedTtl
      response.keys = [...keys]
      call.respond(response)
    },
    onFailed: (status) => {
      response.status = queryStatus(status)
      call.respond(response)
    },
  })
}

function promote(
  member: MemberApi,
  { id }: quoratepeer.PromoteMemberRequest,
  call: UnaryCall<quoratepeer.PromoteMemberResponse>,
): void {
  member.cluster.promoteHere(id).then(
    (outcome) => {
      const response = new quoratepeer.PromoteMemberResponse()
      response.status = queryStatus(outcome.kind === 'ok' ? undefined : outcome.status, errors.memberNotFound)
      if (outcome.kind === 'ok') response.members = outcome.members
      call.respond(response)
    },
    (error: unknown) => call.fail(unmappedError(error)),
  )
}

function hashKv(
  member: MemberApi,
  { revision }: quoratepeer.HashKVRequest,
  call: UnaryCall<quoratepeer.HashKVResponse>,
): void {
  member.hashKv(revision).then(
    (outcome) => {
      const response = new quoratepeer.HashKVResponse()
      response.status = queryStatus(outcome.kind === 'ok' ? undefined : outcome.status)
      if (outcome.kind === 'ok') {
        response.hash = outcome.hash
        response.compactRevision = outcome.compactRevision
        response.hashRevision = outcome.hashRevision
        response.revision = outcome.revision
      }
      call.respond(response)
    },
    (error: unknown) => call.fail(unmappedError(error)),
  )
}
