// The end of a run: nothing is written any more, all links are open, and every member tells what it holds.
import { GrpcClient } from '../support/grpc-client.js'
import type { HashKVResponse, RangeResponse, WatchResponse } from '../support/messages.js'
import { waitFor } from '../support/wait.js'
import type { Finish } from './check/index.js'
import type { MemberHash } from './check/members.js'
import { FIRST_REVISION, type Change } from './check/truth.js'
import { violation, type Violation } from './check/violation.js'
import type { Cluster } from './cluster/cluster.js'
import type { Member } from './cluster/member.js'
import { readEvent, type Watchers } from './watchers.js'

const CALL_TIMEOUT_MS = 15_000
const WATCHERS_TIMEOUT_MS = 20_000
const EVERYTHING = { key: Buffer.of(0), range_end: Buffer.of(0) }

/** @throws when a member does not tell. */
export const finishRun = async (
  cluster: Cluster,
  watchers: Watchers,
  report: (violation: Violation) => void,
): Promise<Finish> => {
  const leader = await cluster.leader()
  const members = [leader, ...cluster.members.filter((member) => member !== leader)]
  const revision = Math.max(...(await Promise.all(members.map(readRevision))))
  await waitFor('all watchers', () => watchers.behind(revision).length === 0, { timeoutMs: WATCHERS_TIMEOUT_MS }).catch(
    () => report(violation('watch late', `at revision ${revision}: ${watchers.behind(revision).join(', ')}`)),
  )
  const histories = new Map<string, readonly Change[]>()
  for (const member of members) histories.set(member.name, await readHistory(member, revision))
  const hashes: MemberHash[] = []
  for (const member of members) hashes.push(await readHash(member, revision))
  return { histories, hashes }
}

/** Through consensus, so the member has then applied everything before. */
const readRevision = async ({ client }: Member): Promise<number> => {
  const request = { ...EVERYTHING, count_only: true }
  const { header } = await client.call<RangeResponse>('KV/Range', request, { timeoutMs: CALL_TIMEOUT_MS })
  return Number(header.revision)
}

const readHistory = async (member: Member, revision: number): Promise<Change[]> => {
  const changes: Change[] = []
  if (revision === FIRST_REVISION) return changes
  const client = new GrpcClient(member.endpoint)
  try {
    const stream = client.stream<WatchResponse>('Watch/Watch')
    stream.send({ create_request: { ...EVERYTHING, start_revision: FIRST_REVISION } })
    while ((changes.at(-1)?.kv.modRevision ?? 0) < revision) {
      const response = await stream.next(CALL_TIMEOUT_MS)
      if (response === undefined || response.canceled)
        throw new Error(`${member.name} ended the final watch: ${response?.cancel_reason}`)
      changes.push(...response.events.map(readEvent).map(({ type, kv }) => ({ type, kv })))
    }
    stream.cancel()
    return changes
  } finally {
    client.close()
  }
}

const readHash = async ({ name, client }: Member, revision: number): Promise<MemberHash> => {
  const answer = await client.call<HashKVResponse>('Maintenance/HashKV', { revision }, { timeoutMs: CALL_TIMEOUT_MS })
  return { member: name, revision, hash: answer.hash, compactRevision: Number(answer.compact_revision) }
}
