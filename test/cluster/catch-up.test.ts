// Members that the log alone cannot bring up to date get a snapshot: one that was stopped, one that is new and empty, and one
// that stood still while its watchers waited.
//
//   QUORATE_SUBJECT=reference    real etcd: proves the suite itself
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Cluster, ClusterMember } from '../support/cluster.js'
import type { Stream } from '../support/grpc-client.js'
import type { PutResponse, WatchResponse } from '../support/messages.js'
import { waitFor } from '../support/wait.js'
import { Workbench } from '../support/workbench.js'
import { QUICK } from './scenario.js'

/** The names that 3.5 and we both know. */
const SHORT_LOG = ['--snapshot-count=100', '--experimental-snapshot-catchup-entries=20']
const VALUE = randomBytes(2048)
/** More than what may be on its way to a member that stands still, and more than the log keeps for it. */
const WRITES = 2500
const AT_ONCE = 2
const KEYS = 500
const CATCH_UP_TIMEOUT_MS = 30_000

t.setTimeout(5 * 60_000)

/** Puts, deletes and a compaction; returns the last revision. */
const write = async (member: ClusterMember, count: number): Promise<number> => {
  let revision = 0
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const number = next++
      const key = Buffer.from(`key/${number % KEYS}`)
      const method = number % 10 === 9 ? 'KV/DeleteRange' : 'KV/Put'
      const request = number % 10 === 9 ? { key } : { key, value: VALUE }
      const { header } = await member.client.call<PutResponse>(method, request)
      revision = Math.max(revision, Number(header.revision))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return revision
}

const installed = (member: ClusterMember): boolean => member.log.includes('applied snapshot')

const sameEverywhere = async (t: Test, cluster: Cluster, revision: number): Promise<void> => {
  const hashes = await cluster.hashes()
  t.equal(new Set(hashes.map(({ hash }) => hash)).size, 1, 'the same store on all members')
  t.ok(hashes.every(({ header }) => Number(header.revision) >= revision))
}

/** Revisions of the events of a watch on everything, up to one. */
const revisionsUpTo = async (stream: Stream<WatchResponse>, last: number): Promise<number[]> => {
  const revisions: number[] = []
  while ((revisions.at(-1) ?? 0) < last) {
    const message = await stream.next(CATCH_UP_TIMEOUT_MS)
    if (message === undefined || message.canceled) throw new Error(`the watch ended: ${message?.cancel_reason}`)
    for (const { kv } of message.events) revisions.push(Number(kv.mod_revision))
  }
  return revisions
}

const watchAll = async (member: ClusterMember, fromRevision: number): Promise<Stream<WatchResponse>> => {
  const stream = member.client.stream<WatchResponse>('Watch/Watch')
  stream.send({
    create_request: { key: Buffer.of(0), range_end: Buffer.of(0), start_revision: String(fromRevision) },
  })
  await stream.next()
  return stream
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

t.test('a member that was stopped gets a snapshot and then the log', async (t) => {
  const workbench = new Workbench(t)
  const cluster = await workbench.startCluster({ size: 3, flags: [...QUICK, ...SHORT_LOG] })
  const [first, lagging] = [cluster.member('m1'), cluster.member('m3')]
  await cluster.lead(first)
  const before = await write(first, 50)
  await cluster.hashes()
  await lagging.kill()
  const middle = await write(first, WRITES)
  await first.client.call('KV/Compact', { revision: String(before + 10), physical: true })
  await lagging.start()
  const last = await write(first, 50)
  await sameEverywhere(t, cluster, last)
  t.ok(installed(lagging), 'it was a snapshot')
  // A client that comes back to this member goes on where it was.
  const stream = await watchAll(lagging, before + 11)
  t.same(await revisionsUpTo(stream, last), range(before + 11, last), 'a watch resumed there sees every revision once')
  stream.cancel()
  t.ok(middle < last)

  await lagging.kill()
  await lagging.start()
  await sameEverywhere(t, cluster, last)
})

t.test('a new and empty member gets a snapshot', async (t) => {
  const workbench = new Workbench(t)
  const cluster = await workbench.startCluster({ size: 3, flags: [...QUICK, ...SHORT_LOG] })
  const first = cluster.member('m1')
  await cluster.lead(first)
  await write(first, WRITES)
  const old = [...cluster.members]
  const [voter, learner] = [await cluster.join(first, old), await joinAsLearner(cluster, first, old)]
  const last = await write(first, 50)
  await sameEverywhere(t, cluster, last)
  t.ok(installed(voter), 'the voter got a snapshot')
  t.ok(installed(learner), 'the learner got a snapshot')
  t.equal((await learner.status())?.isLearner, true)
  await voter.client.call('KV/Put', { key: Buffer.from('by the new one'), value: VALUE })
  await sameEverywhere(t, cluster, last + 1)
})

const joinAsLearner = (cluster: Cluster, by: ClusterMember, old: readonly ClusterMember[]): Promise<ClusterMember> =>
  cluster.join(by, [...old, cluster.member('m4')], true)

t.test('watchers of a member that stood still see every revision once', async (t) => {
  const workbench = new Workbench(t)
  const cluster = await workbench.startCluster({ size: 3, flags: [...QUICK, ...SHORT_LOG] })
  const [first, still] = [cluster.member('m1'), cluster.member('m3')]
  await cluster.lead(first)
  const before = await write(first, 50)
  await cluster.hashes()
  const [live, past, future] = [
    await watchAll(still, 0),
    await watchAll(still, 2),
    await watchAll(still, before + 100),
  ] as const
  t.same(await revisionsUpTo(past, before), range(2, before))
  still.pause()
  const last = await write(first, WRITES)
  still.resume()
  t.same(await revisionsUpTo(live, last), range(before + 1, last), 'the live watch')
  t.same(await revisionsUpTo(past, last), range(before + 1, last), 'the one that started in the past')
  t.same(await revisionsUpTo(future, last), range(before + 100, last), 'the one that waited for a revision to come')
  t.ok(await waitFor('the snapshot', () => installed(still)), 'it was a snapshot')
  await sameEverywhere(t, cluster, last)
  for (const stream of [live, past, future]) stream.cancel()
})
