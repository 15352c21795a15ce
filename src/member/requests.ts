// Requests that the member itself proposes.

import type { LeaseId, MemberId } from '../base/index.js'
import type { LeaseCheckpoint } from '../lease/index.js'
import { etcdserverpb, membershippb } from '../proto/index.js'

const { InternalRaftRequest } = etcdserverpb

export function publishRequest(
  id: MemberId,
  name: string,
  clientUrls: readonly string[],
): etcdserverpb.InternalRaftRequest {
  const attributes = new membershippb.Attributes()
  attributes.name = name
  attributes.clientUrls = [...clientUrls]
  const request = new InternalRaftRequest()
  request.clusterMemberAttrSet = new membershippb.ClusterMemberAttrSetRequest()
  request.clusterMemberAttrSet.memberId = id
  request.clusterMemberAttrSet.memberAttributes = attributes
  return request
}

export function clusterVersionRequest(version: string): etcdserverpb.InternalRaftRequest {
  const request = new InternalRaftRequest()
  request.clusterVersionSet = new membershippb.ClusterVersionSetRequest()
  request.clusterVersionSet.ver = version
  return request
}

export const noSpaceAlarmRequest = (id: MemberId): etcdserverpb.InternalRaftRequest =>
  alarmRequest(id, etcdserverpb.AlarmType.NOSPACE)

/** `NO_MEMBER`: somebody is, and nobody knows who. */
export const corruptAlarmRequest = (id: MemberId): etcdserverpb.InternalRaftRequest =>
  alarmRequest(id, etcdserverpb.AlarmType.CORRUPT)

function alarmRequest(id: MemberId, alarm: etcdserverpb.AlarmType): etcdserverpb.InternalRaftRequest {
  const request = new InternalRaftRequest()
  request.alarm = new etcdserverpb.AlarmRequest()
  request.alarm.action = etcdserverpb.AlarmAction.ACTIVATE
  request.alarm.memberId = id
  request.alarm.alarm = alarm
  return request
}

export function compactionRequest(revision: number): etcdserverpb.InternalRaftRequest {
  const request = new InternalRaftRequest()
  request.compaction = new etcdserverpb.CompactionRequest()
  request.compaction.revision = revision
  return request
}

export function leaseRevokeRequest(id: LeaseId): etcdserverpb.InternalRaftRequest {
  const request = new InternalRaftRequest()
  request.leaseRevoke = new etcdserverpb.LeaseRevokeRequest()
  request.leaseRevoke.id = id
  return request
}

export function leaseCheckpointRequest(checkpoints: readonly LeaseCheckpoint[]): etcdserverpb.InternalRaftRequest {
  const request = new InternalRaftRequest()
  request.leaseCheckpoint = new etcdserverpb.LeaseCheckpointRequest()
  for (const { id, remainingTtlSeconds } of checkpoints) {
    const checkpoint = new etcdserverpb.LeaseCheckpoint()
    checkpoint.id = id
    checkpoint.remainingTtl = remainingTtlSeconds
    request.leaseCheckpoint.checkpoints.push(checkpoint)
  }
  return request
}
