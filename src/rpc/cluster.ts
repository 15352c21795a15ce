// etcdserverpb.Cluster: who the members are.

import { type Service, type UnaryCall, unaryMethod } from '../env/index.js'
import type { MemberApi } from '../member/index.js'
import { etcdserverpb } from '../proto/index.js'

const { ClusterService } = etcdserverpb

export function clusterService(member: MemberApi): Service {
  return {
    name: ClusterService.name,
    methods: [
      unaryMethod({
        ...ClusterService.methods.memberList,
        handle: (request, call) => {
          if (!request.linearizable) return answer(member, call)
          member.readBarrier({ onReady: () => answer(member, call), onFailed: (status) => call.fail(status) })
        },
      }),
    ],
  }
}

function answer(member: MemberApi, call: UnaryCall<etcdserverpb.MemberListResponse>): void {
  const response = new etcdserverpb.MemberListResponse()
  // Membership has no revision: this service leaves the field out (as in etcd).
  response.header = member.header(0)
  response.members = member.members().sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  call.respond(response)
}
