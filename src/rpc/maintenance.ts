// etcdserverpb.Maintenance, as far as it needs no snapshots: alarms, status, hashes, defragmentation, leadership.

import { type MemberId, NO_MEMBER } from '../base/index.js'
import { type Service, type UnaryCall, unaryMethod } from '../env/index.js'
import type { MemberApi, MemberStatus } from '../member/index.js'
import { etcdserverpb } from '../proto/index.js'
import { ProposalAnswer } from './answers.js'
import { errors, unmappedError } from './error-catalogue.js'

const { AlarmType, InternalRaftRequest, MaintenanceService } = etcdserverpb
const { methods } = MaintenanceService

export function maintenanceService(member: MemberApi): Service {
  return {
    name: MaintenanceService.name,
    methods: [
      unaryMethod({
        ...methods.alarm,
        // Even asking which alarms are on goes through the log (as in etcd), so it needs a quorum.
        handle: (request, call) => {
          const proposal = new InternalRaftRequest()
          proposal.alarm = request
          member.propose(proposal, new ProposalAnswer(member, call))
        },
      }),
      unaryMethod({ ...methods.status, handle: (_request, call) => call.respond(statusResponse(member)) }),
      unaryMethod({ ...methods.defragment, handle: (_request, call) => defragment(member, call) }),
      unaryMethod({ ...methods.hash, handle: (_request, call) => hash(member, call) }),
      unaryMethod({ ...methods.hashKv, handle: (request, call) => hashKv(member, request.revision, call) }),
      unaryMethod({ ...methods.moveLeader, handle: (request, call) => moveLeader(member, request.targetId, call) }),
    ],
  }
}

/** Configured 0 stands for this quota. */
const DEFAULT_QUOTA_BYTES = 2 * 1024 ** 3
/** etcdctl divides by the size of the database. */
const DB_SIZE_MIN_BYTES = 1

export function statusResponse(member: MemberApi): etcdserverpb.StatusResponse {
  const status = member.status()
  const response = new etcdserverpb.StatusResponse()
  response.header = member.header()
  response.version = status.version
  response.dbSize = Math.max(status.dbSizeBytes, DB_SIZE_MIN_BYTES)
  response.dbSizeInUse = status.dbSizeInUseBytes
  response.leader = member.leader
  response.raftIndex = status.committedIndex
  response.raftAppliedIndex = status.appliedIndex
  response.raftTerm = status.term
  response.errors = statusErrors(member, status)
  response.isLearner = member.isLearner
  response.storageVersion = status.storageVersion
  response.dbSizeQuota = status.quotaBytes === 0 ? DEFAULT_QUOTA_BYTES : status.quotaBytes
  response.downgradeInfo = new etcdserverpb.DowngradeInfo()
  response.downgradeInfo.enabled = status.downgrade.enabled
  response.downgradeInfo.targetVersion = status.downgrade.enabled ? status.downgrade.targetVersion : ''
  return response
}

function statusErrors(member: MemberApi, { alarms }: MemberStatus): string[] {
  const found = member.leader === NO_MEMBER ? [errors.noLeader.message] : []
  for (const { memberId, alarm } of alarms) found.push(`memberID:${memberId} alarm:${alarmName(alarm)}`)
  return found
}

const alarmName = (alarm: number): string =>
  Object.entries(AlarmType).find(([, value]) => value === alarm)?.[0] ?? String(alarm)

function defragment(member: MemberApi, call: UnaryCall<etcdserverpb.DefragmentResponse>): void {
  member.defragment().then(
    // No header: etcd sends an empty message.
    () => call.respond(new etcdserverpb.DefragmentResponse()),
    (error: unknown) => call.fail(unmappedError(error)),
  )
}

function hash(member: MemberApi, call: UnaryCall<etcdserverpb.HashResponse>): void {
  member.hash().then(
    (value) => {
      const response = new etcdserverpb.HashResponse()
      response.header = member.header()
      response.hash = value
      call.respond(response)
    },
    (error: unknown) => call.fail(unmappedError(error)),
  )
}

function hashKv(member: MemberApi, revision: number, call: UnaryCall<etcdserverpb.HashKVResponse>): void {
  member.hashKv(revision).then(
    (outcome) => {
      if (outcome.kind === 'refused') return call.fail(outcome.status)
      const response = new etcdserverpb.HashKVResponse()
      response.header = member.header(outcome.revision)
      response.hash = outcome.hash
      response.compactRevision = outcome.compactRevision
      response.hashRevision = outcome.hashRevision
      call.respond(response)
    },
    (error: unknown) => call.fail(unmappedError(error)),
  )
}

/** No header: etcd sends an empty message. */
function moveLeader(member: MemberApi, target: MemberId, call: UnaryCall<etcdserverpb.MoveLeaderResponse>): void {
  const gone = new AbortController()
  call.onCancel(() => gone.abort())
  member.cluster.moveLeader(target, gone.signal).then(
    (refusal) => (refusal === undefined ? call.respond(new etcdserverpb.MoveLeaderResponse()) : call.fail(refusal)),
    (error: unknown) => call.fail(unmappedError(error)),
  )
}
