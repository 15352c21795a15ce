// Text forms for scripts and traces.

import type { MemberId } from '../../base/index.js'
import { decodeConfChange } from '../conf-change-entry.js'
import { decodePosition } from '../read-index.js'
import { ConfChangeTransition, ConfChangeType, EntryType, MessageType } from '../pb.js'
import type { ConfChangeV2, ConfState, Entry, Message } from '../pb.js'
import type { PeerStatus } from '../status.js'
import type { RaftEvent } from '../trace.js'

const TYPE_NAMES = new Map<number, string>(Object.entries(MessageType).map(([name, type]) => [type, name]))

export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

export const describeEntry = (entry: Entry): string => {
  const at = `${entry.term}/${entry.index}`
  if (entry.type === EntryType.EntryNormal) return `${at} "${textOf(entry.data)}"`
  const change = decodeConfChange(entry.type, entry.data)
  return `${at} ${change === undefined ? 'malformed' : describeChange(change)}`
}

const LETTERS = new Map<number, string>([
  [ConfChangeType.ConfChangeAddNode, 'v'],
  [ConfChangeType.ConfChangeAddLearnerNode, 'l'],
  [ConfChangeType.ConfChangeRemoveNode, 'r'],
  [ConfChangeType.ConfChangeUpdateNode, 'u'],
])

export const describeChange = (change: ConfChangeV2): string => {
  const list = change.changes.map(({ type, nodeId }) => `${LETTERS.get(type)}${nodeId}`).join(' ')
  const transition =
    change.transition === ConfChangeTransition.ConfChangeTransitionJointExplicit
      ? 'explicit '
      : change.transition === ConfChangeTransition.ConfChangeTransitionJointImplicit
        ? 'implicit '
        : ''
  return `conf(${transition}${list})`
}

export const describeConfState = (state: ConfState): string => {
  const parts = [`voters=(${ids(state.voters)})`]
  if (state.votersOutgoing.length > 0) parts.push(`outgoing=(${ids(state.votersOutgoing)})`)
  if (state.learners.length > 0) parts.push(`learners=(${ids(state.learners)})`)
  if (state.learnersNext.length > 0) parts.push(`next-learners=(${ids(state.learnersNext)})`)
  if (state.autoLeave) parts.push('auto-leave')
  return parts.join(' ')
}

const ids = (list: readonly MemberId[]): string => list.join(' ')

export const typeName = (type: number): string => TYPE_NAMES.get(type) ?? `type ${type}`

export const describeMessage = (m: Message): string => {
  const parts = [`${m.from}->${m.to} ${typeName(m.type)}`]
  if (m.term !== 0) parts.push(`term=${m.term}`)
  switch (m.type) {
    case MessageType.MsgApp:
      parts.push(`prev=${m.logTerm}/${m.index} commit=${m.commit}`)
      break
    case MessageType.MsgAppResp:
      parts.push(m.reject ? `reject=${m.index} hint=${m.logTerm}/${m.rejectHint}` : `index=${m.index}`)
      break
    case MessageType.MsgVote:
    case MessageType.MsgPreVote:
      parts.push(`last=${m.logTerm}/${m.index}`)
      if (m.context.length > 0) parts.push('transfer')
      break
    case MessageType.MsgVoteResp:
    case MessageType.MsgPreVoteResp:
      parts.push(m.reject ? 'reject' : 'grant')
      break
    case MessageType.MsgHeartbeat:
      parts.push(`commit=${m.commit}`)
      if (m.context.length > 0) parts.push(`read=${decodePosition(m.context)}`)
      break
    case MessageType.MsgHeartbeatResp:
      if (m.context.length > 0) parts.push(`read=${decodePosition(m.context)}`)
      break
    case MessageType.MsgReadIndex:
      if (m.logTerm > 0) parts.push(`asked=${m.logTerm}`)
      break
    case MessageType.MsgReadIndexResp:
      parts.push(`index=${m.index}`)
      break
    case MessageType.MsgSnap: {
      const at = m.snapshot!.metadata!
      parts.push(`at=${at.term}/${at.index} ${describeConfState(at.confState!)}`)
      break
    }
    default:
      break
  }
  if (m.entries.length > 0) parts.push(`[${m.entries.map(describeEntry).join(', ')}]`)
  return parts.join(' ')
}

export const describeEvent = (event: RaftEvent): string => {
  const { kind, ...fields } = event
  const parts = Object.entries(fields).map(([name, value]) =>
    name === 'confState' ? describeConfState(value as ConfState) : `${name}=${String(value)}`,
  )
  return `* ${kind} ${parts.join(' ')}`.trim()
}

export const describePeer = (p: PeerStatus): string =>
  [
    `${p.id}: ${p.state} match=${p.match} next=${p.next}`,
    p.isLearner ? ' learner' : '',
    p.recentActive ? '' : ' inactive',
    p.paused ? ' paused' : '',
    p.pendingSnapshot > 0 ? ` pending=${p.pendingSnapshot}` : '',
    p.inflightMessages > 0 ? ` inflight=${p.inflightMessages}/${p.inflightBytes}B` : '',
  ].join('')
