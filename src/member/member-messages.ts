// Members as the services of both ports show them.

import { type MemberRecord, etcdserverpb } from '../proto/index.js'

/** Owned by the caller. */
export function memberMessage(record: MemberRecord): etcdserverpb.Member {
  const member = new etcdserverpb.Member()
  member.id = record.id
  member.name = record.name
  member.peerUrls = [...record.peerUrls]
  member.clientUrls = [...record.clientUrls]
  member.isLearner = record.isLearner
  return member
}
