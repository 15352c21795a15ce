// Mistakes that are easily made in raft, planted from outside: the simulator must find each of them within its budget.

import { decodeConfChange, RawNode } from '#src/raft/index.js'
import type { RaftConfig, RaftState, Ready } from '#src/raft/index.js'
import { changeMembership } from '#src/raft/config-change.js'
import type { LogPosition, RaftLog, StableMark } from '#src/raft/log.js'
import { EntryType, Message, MessageType } from '#src/raft/pb.js'
import type { Entry } from '#src/raft/pb.js'
import { quorumReached } from '#src/raft/quorum.js'
import type { Raft } from '#src/raft/raft.js'
import type { ReadAnswer, ReadQueue } from '#src/raft/read-index.js'
import { index as toIndex, NO_MEMBER } from '#src/base/index.js'
import type { Index } from '#src/base/index.js'
import { mix32 } from '../random.js'
import type { WorldHooks } from './world.js'

class OpenNode extends RawNode {
  get inside(): Raft {
    return this.raft
  }
}

/** A node whose parts were tampered with. */
const tampered =
  (tamper: (raft: Raft) => void) =>
  (config: RaftConfig, state: RaftState): RawNode => {
    const node = new OpenNode(config, state)
    tamper(node.inside)
    return node
  }

const replace = <T extends object, K extends keyof T>(target: T, name: K, value: T[K]): void => {
  Object.defineProperty(target, name, { value, configurable: true })
}

const replaceGetter = <T extends object, K extends keyof T>(target: T, name: K, get: () => T[K]): void => {
  Object.defineProperty(target, name, { get, configurable: true })
}

const insideOf = (node: RawNode): Raft => (node as OpenNode).inside

export interface PlantedBug {
  readonly name: string
  readonly seeds: number
  readonly hooks: WorldHooks
}

/** Leaders that were cut off and replaced, late messages, and reads meanwhile. */
const DEPOSED_LEADERS: WorldHooks['options'] = {
  voters: 3,
  learners: 0,
  partitions: 15,
  partitionsHold: true,
  reorderWindow: 50,
  ticks: 300,
  batching: 0,
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  { name: 'own append counts before it is durable', seeds: 500, hooks: { acknowledgeEarly: true } },
  {
    name: 'vote requests leave before the own vote is durable',
    seeds: 500,
    hooks: { releaseEarly: ({ type }) => type === MessageType.MsgVote },
  },
  {
    name: 'granted votes leave before they are durable',
    seeds: 500,
    hooks: { releaseEarly: ({ type }) => type === MessageType.MsgVoteResp },
  },
  {
    name: 'acknowledgements leave before the entries are durable',
    seeds: 500,
    hooks: { releaseEarly: ({ type }) => type === MessageType.MsgAppResp },
  },
  {
    name: 'a single voter applies and acknowledges entries before they are durable',
    seeds: 500,
    hooks: { acknowledgeEarly: true, options: { voters: 1, learners: 0, confChanges: 0, crashes: 10 } },
  },
  {
    name: 'a change of term or vote is not synced',
    seeds: 200,
    hooks: {
      makeNode: (config, state) =>
        new (class extends RawNode {
          override ready(): Ready {
            const ready = super.ready()
            const { append } = ready
            return { ...ready, append: append && { ...append, mustSync: append.entries.length > 0 } }
          }
        })(config, state),
    },
  },
  {
    name: "a snapshot's record is written after the hard state",
    seeds: 2000,
    hooks: {
      snapshotLast: true,
      options: { compactions: 40, catchUpEntries: 0, dropRate: 0.2, crashes: 15, diskSpeed: 0.05 },
    },
  },
  {
    name: 'entries of older terms are committed by counting',
    seeds: 500,
    hooks: {
      makeNode: tampered((raft) => {
        replace(raft, 'maybeCommit', () => {
          const acked = raft.members.voters.map((id) => raft.peers.get(id)?.match ?? 0).sort((a, b) => b - a)
          const reached = toIndex(acked[Math.floor(acked.length / 2)] ?? 0)
          if (reached <= raft.log.committed) return false
          raft.log.commitTo(reached)
          return true
        })
      }),
    },
  },
  {
    name: 'a new leader skips its empty entry',
    seeds: 500,
    hooks: {
      makeNode: tampered((raft) => {
        replace(raft, 'appendFirstOfTerm', () => undefined)
      }),
    },
  },
  {
    name: 'heartbeats carry the plain commit index',
    seeds: 500,
    hooks: {
      incoming: (message) =>
        message.type === MessageType.MsgHeartbeat
          ? withCommit(message, plainCommit.get(message.from) ?? message.commit)
          : message,
      beforeEvent: (member) => {
        if (member.node.role === 'leader') plainCommit.set(member.id, member.node.committed)
      },
    },
  },
  {
    name: 'a repeated append shortens the log',
    seeds: 200,
    hooks: {
      makeNode: tampered(({ log }) => {
        replace(log, 'maybeAppend', (prev: LogPosition, entries: readonly Entry[]) => appendBluntly(log, prev, entries))
      }),
    },
  },
  {
    name: 'votes ignore whose log is newer',
    seeds: 200,
    hooks: {
      makeNode: tampered(({ log }) => {
        replace(log, 'isUpToDate', () => true)
      }),
    },
  },
  {
    name: 'the vote is forgotten at restart',
    seeds: 200,
    hooks: { recovered: (state) => ({ ...state, hardState: { ...state.hardState, vote: NO_MEMBER } }) },
  },
  {
    name: 'acknowledgements confirm any read',
    seeds: 2000,
    hooks: {
      options: DEPOSED_LEADERS,
      makeNode: tampered(({ reads }) => {
        const acknowledge = reads.acknowledge.bind(reads)
        replace(reads, 'acknowledge', (from) => {
          acknowledge(from, reads.newest)
        })
      }),
    },
  },
  {
    name: "asking for one's own read confirms the reads of others",
    seeds: 2000,
    hooks: {
      options: DEPOSED_LEADERS,
      makeNode: (config, state) =>
        new (class extends OpenNode {
          override step(message: Message): void {
            super.step(message)
            const { role, reads } = this.inside
            if (role === 'leader' && message.type === MessageType.MsgReadIndex) {
              reads.acknowledge(message.from, reads.newest)
            }
          }
        })(config, state),
    },
  },
  {
    name: "acknowledgements are matched by the caller's mark, and a mark is used again",
    seeds: 2000,
    hooks: {
      options: { ...DEPOSED_LEADERS, confChanges: 0, repeatedMarks: 0.9 },
      makeNode: tampered(({ reads }) => matchByMark(reads)),
    },
  },
  {
    name: 'reads are answered before the first commit of the term',
    seeds: 2000,
    hooks: {
      makeNode: tampered((raft) => {
        replaceGetter(raft, 'committedInTerm', () => true)
      }),
    },
  },
  {
    name: 'reads are answered without asking a quorum',
    seeds: 2000,
    hooks: {
      makeNode: tampered((raft) => {
        const takeConfirmed = raft.reads.takeConfirmed.bind(raft.reads)
        replace(raft.reads, 'takeConfirmed', (_voters, self) => takeConfirmed({ voters: [self], outgoing: [] }, self))
      }),
    },
  },
  {
    name: 'configuration changes take effect when they are appended',
    seeds: 2000,
    hooks: {
      makeNode: tampered(() => undefined),
      handedOut: (member, job) => {
        const raft = insideOf(member.node)
        for (const entry of job.entries) {
          const change = entry.type === EntryType.EntryNormal ? undefined : decodeConfChange(entry.type, entry.data)
          if (change === undefined) continue
          const outcome = changeMembership(raft.members, change)
          if (outcome.kind === 'changed') raft.setMembersAt(entry.index, outcome.members)
        }
      },
    },
  },
  {
    name: 'two configuration changes are in flight',
    seeds: 2000,
    hooks: {
      makeNode: tampered((raft) => {
        Object.defineProperty(raft, 'pendingConfIndex', { get: () => 0 as Index, set: () => undefined })
      }),
    },
  },
  {
    name: 'a member campaigns over a configuration that is replaced already',
    seeds: 2000,
    hooks: {
      makeNode: tampered(({ log }) => {
        replaceGetter(log, 'hasUnappliedConfChange', () => false)
      }),
    },
  },
  { name: 'a refused change is applied on replay', seeds: 2000, hooks: { forgetsRefusals: true } },
  {
    name: 'changes from before a snapshot are applied to its membership',
    seeds: 2000,
    hooks: {
      options: { compactions: 40, catchUpEntries: 0, confChanges: 40, lazyMembers: 2, dropRate: 0.2, reports: 20 },
      makeNode: (config, state) =>
        new (class extends RawNode {
          override applyConfChange(...[change]: Parameters<RawNode['applyConfChange']>) {
            return super.applyConfChange(change, toIndex(Number.MAX_SAFE_INTEGER))
          }
        })(config, state),
    },
  },
  {
    name: 'the end of an overwritten write counts',
    seeds: 2000,
    hooks: {
      options: { voters: 3, diskSpeed: 0.05, batching: 0, campaigns: 15, ticks: 300 },
      makeNode: tampered(({ log }) => {
        const onStable = log.onStable.bind(log)
        replace(log, 'onStable', (mark: StableMark) => {
          const at = toIndex(Math.min(mark.index, log.lastIndex))
          onStable({ ...log.stableMark(), index: at, term: log.term(at) ?? mark.term })
        })
      }),
    },
  },
  {
    name: 'a joint configuration asks only its new half',
    seeds: 2000,
    hooks: {
      makeNode: tampered((raft) => {
        const inForce = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(raft), 'members')!.get!.bind(
          raft,
        ) as () => Raft['members']
        replaceGetter(raft, 'members', () => ({ ...inForce(), outgoing: [] }))
      }),
    },
  },
]

/** Reads as etcd's raft 3.5 kept them: by the caller's mark, which heartbeats carry and bring back. */
const matchByMark = (reads: ReadQueue): void => {
  let pending: (ReadAnswer & { readonly mark: number })[] = []
  const acked = new Map<number, Set<bigint>>()
  replaceGetter(reads, 'newest', () => pending.at(-1)?.mark ?? 0)
  replace(reads, 'add', ({ from, context }, index) => {
    const mark = context.reduce((hash, byte) => mix32(hash ^ byte), 1) + 1
    if (pending.some((read) => read.mark === mark)) return true
    pending.push({ from, context, index, mark })
    acked.set(mark, new Set())
    return true
  })
  replace(reads, 'acknowledge', (from, mark) => {
    acked.get(mark)?.add(from)
  })
  replace(reads, 'takeConfirmed', (voters, self) => {
    const isConfirmed = ({ mark }: { readonly mark: number }): boolean =>
      quorumReached(voters, (id) => (id === self || acked.get(mark)!.has(id) ? 1 : 0)) === 1
    const count = pending.findLastIndex(isConfirmed) + 1
    return pending.splice(0, count)
  })
  const reset = reads.reset.bind(reads)
  replace(reads, 'reset', () => {
    reset()
    pending = []
    acked.clear()
  })
}

const plainCommit = new Map<bigint, Index>()

const withCommit = (message: Message, commit: Index): Message => Object.assign(new Message(), message, { commit })

const appendBluntly = (log: RaftLog, prev: LogPosition, entries: readonly Entry[]): Index | undefined => {
  if (!log.matches(prev.index, prev.term)) return undefined
  const rest = entries.filter((entry) => entry.index > log.committed)
  if (rest.length > 0) log.append(rest)
  return toIndex(prev.index + entries.length)
}
