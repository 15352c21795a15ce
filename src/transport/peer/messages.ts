// Which raft messages go where.

import { raftpb } from '../../proto/index.js'

const { MessageType } = raftpb

const tableOf = (types: readonly number[]): readonly boolean[] =>
  Array.from({ length: 1 + Math.max(...Object.values(MessageType)) }, (_, type) => types.includes(type))

const APPEND = tableOf([MessageType.MsgApp, MessageType.MsgProp])
const URGENT = tableOf([
  MessageType.MsgHeartbeat,
  MessageType.MsgHeartbeatResp,
  MessageType.MsgVote,
  MessageType.MsgVoteResp,
  MessageType.MsgPreVote,
  MessageType.MsgPreVoteResp,
  MessageType.MsgTimeoutNow,
])
const CONTROL = tableOf([
  MessageType.MsgAppResp,
  MessageType.MsgVote,
  MessageType.MsgVoteResp,
  MessageType.MsgHeartbeat,
  MessageType.MsgHeartbeatResp,
  MessageType.MsgTransferLeader,
  MessageType.MsgTimeoutNow,
  MessageType.MsgReadIndex,
  MessageType.MsgReadIndexResp,
  MessageType.MsgPreVote,
  MessageType.MsgPreVoteResp,
])
/** A follower passes these on to the leader under the name of who asked it. */
const FORWARDED = tableOf([MessageType.MsgProp, MessageType.MsgReadIndex, MessageType.MsgTransferLeader])

export const isForAppendLane = (type: number): boolean => APPEND[type] === true
export const isForControlLane = (type: number): boolean => CONTROL[type] === true
/** Does not wait for credit. */
export const isUrgent = (type: number): boolean => URGENT[type] === true
export const isForwarded = (type: number): boolean => FORWARDED[type] === true
/** Goes between members at all; the others stay inside one. Snapshots have a stream of their own. */
export const isForLanes = (type: number): boolean => isForAppendLane(type) || isForControlLane(type)

const NAMES = new Map<number, string>(Object.entries(MessageType).map(([name, type]) => [type, name]))
export const messageName = (type: number): string => NAMES.get(type) ?? String(type)
