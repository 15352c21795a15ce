// etcdserverpb.Cluster: who the members are, and how that changes.

import { type Service, type UnaryCall, unaryMethod } from '../env/index.js'
import type { MemberApi, MembersOutcome } from '../member/index.js'
import { etcdserverpb } from '../proto/index.js'
import { errors, unmappedError } from './error-catalogue.js'

const { ClusterService, MemberAddResponse, MemberListResponse } = etcdserverpb
const { MemberPromoteResponse, MemberRemoveResponse, MemberUpdateResponse } = etcdserverpb
const { methods } = ClusterService

export interface ClusterServiceOptions {
  readonly member: MemberApi
  /** Valid URLs in canonical form, sorted; undefined when one is not, or there is none. */
  readonly parsePeerUrls: (texts: readonly string[]) => readonly string[] | undefined
}

export function clusterService({ member, parsePeerUrls }: ClusterServiceOptions): Service {
  return {
    name: ClusterService.name,
    methods: [
      unaryMethod({
        ...methods.memberAdd,
        handle: (request, call) => {
          const peerUrls = parsePeerUrls(request.peerUrls)
          if (peerUrls === undefined) return call.fail(errors.memberBadUrls)
          add(member, peerUrls, request.isLearner, call)
        },
      }),
      unaryMethod({
        ...methods.memberRemove,
        handle: ({ id }, call) => answer(member, member.cluster.remove(id), new MemberRemoveResponse(), call),
      }),
      unaryMethod({
        ...methods.memberUpdate,
        handle: ({ id, peerUrls }, call) =>
          answer(member, member.cluster.update(id, peerUrls), new MemberUpdateResponse(), call),
      }),
      unaryMethod({
        ...methods.memberList,
        handle: (request, call) => {
          if (!request.linearizable) return list(member, call)
          member.readBarrier({ onReady: () => list(member, call), onFailed: (status) => call.fail(status) })
        },
      }),
      unaryMethod({
        ...methods.memberPromote,
        handle: ({ id }, call) => answer(member, member.cluster.promote(id), new MemberPromoteResponse(), call),
      }),
    ],
  }
}

interface ListsMembers {
  header: etcdserverpb.ResponseHeader | undefined
  members: etcdserverpb.Member[]
}

function list(member: MemberApi, call: UnaryCall<etcdserverpb.MemberListResponse>): void {
  call.respond(complete(member, new MemberListResponse(), member.members()))
}

function add(
  member: MemberApi,
  peerUrls: readonly string[],
  isLearner: boolean,
  call: UnaryCall<etcdserverpb.MemberAddResponse>,
): void {
  member.cluster.add(peerUrls, isLearner).then(
    (outcome) => {
      if (outcome.kind === 'refused') return call.fail(outcome.status)
      const response = new MemberAddResponse()
      response.member = outcome.member
      call.respond(complete(member, response, outcome.members))
    },
    (error: unknown) => call.fail(unmappedError(error)),
  )
}

/** `response` is owned; filled in and sent when the change is over. */
function answer<Res extends ListsMembers>(
  member: MemberApi,
  change: Promise<MembersOutcome>,
  response: Res,
  call: UnaryCall<Res>,
): void {
  change.then(
    (outcome) => {
      if (outcome.kind === 'refused') call.fail(outcome.status)
      else call.respond(complete(member, response, outcome.members))
    },
    (error: unknown) => call.fail(unmappedError(error)),
  )
}

/** Membership has no revision: this service leaves the field out (as in etcd). */
function complete<Res extends ListsMembers>(member: MemberApi, response: Res, members: etcdserverpb.Member[]): Res {
  response.header = member.header(0)
  response.members = members.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  return response
}
