// Logs and snapshots that real etcd wrote are read; what is written here, real etcd reads.
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { clusterId, hexId, index, memberId, term, type Index } from '#src/base/index.js'
import { silentLogger, type LogEntry } from '#src/env/index.js'
import { nodeFileSystem } from '#src/host/index.js'
import { encodeMemberJson, etcdserverpb, isLegacyRequest, raftpb } from '#src/proto/index.js'
import { createWal, decodeV2Store, encodeV2Store, openWal, readWal, type WalOptions } from '#src/storage/index.js'
import { freePort } from '../support/ports.js'
import { missingReference, ReferenceEtcd, type ReferenceVersion } from '../support/reference-etcd.js'

t.setTimeout(0)

const fs = nodeFileSystem()
const OPTIONS: WalOptions = { clock: { monotonicMs: () => performance.now() }, logger: silentLogger }

const folder = (t: Test): string => {
  const path = mkdtempSync(join(tmpdir(), 'quorate-etcd-'))
  t.teardown(() => {
    rmSync(path, { recursive: true })
  })
  return path
}

const paths = (dataDir: string) => ({ wal: join(dataDir, 'member/wal'), snap: join(dataDir, 'member/snap') })

const read = (dataDir: string) => {
  const { wal, snap } = paths(dataDir)
  return readWal(fs, wal, snap, { logger: silentLogger })
}

/** Keys and values of the put requests among the entries, in order. */
const putsOf = (entries: readonly LogEntry[]): [string, string][] =>
  entries.flatMap(({ type, data }) => {
    if (type !== 0 || data.length === 0 || isLegacyRequest(data)) return []
    const { put } = etcdserverpb.InternalRaftRequestCodec.decode(data, 0, data.length)
    return put === undefined ? [] : [[Buffer.from(put.key).toString(), Buffer.from(put.value).toString()]]
  })

const putEntry = (at: number, atTerm: number, key: string, value: string): LogEntry => {
  const request = new etcdserverpb.InternalRaftRequest()
  request.header = new etcdserverpb.RequestHeader()
  request.header.id = BigInt(at) + (1n << 40n)
  request.put = new etcdserverpb.PutRequest()
  request.put.key = Buffer.from(key)
  request.put.value = Buffer.from(value)
  return { type: 0, term: term(atTerm), index: index(at), data: etcdserverpb.InternalRaftRequestCodec.encode(request) }
}

const expectedPuts = (count: number): [string, string][] =>
  Array.from({ length: count }, (_, i) => [`key${i}`, `value ${i}`])

const valuesIn = async (etcd: ReferenceEtcd, prefix: string): Promise<[string, string][]> => {
  const lines = (await etcd.ctl('get', '--prefix', prefix)).trimEnd().split('\n')
  return Array.from({ length: lines.length / 2 }, (_, i) => [lines[2 * i]!, lines[2 * i + 1]!])
}

for (const version of ['3.5', '3.4'] as ReferenceVersion[]) {
  const skip = missingReference(version)

  t.test(`a log of etcd ${version} is read entirely, and goes on here and there`, { skip }, async (t) => {
    const dataDir = folder(t)
    const etcd = await ReferenceEtcd.start(version, dataDir)
    for (const [key, value] of expectedPuts(8)) await etcd.ctl('put', key, value)
    const status = JSON.parse(await etcd.ctl('endpoint', 'status', '-w', 'json')) as [
      { Status: { raftIndex: number; raftTerm: number } },
    ]
    const members = await etcd.ctl('member', 'list')
    await etcd.stop('SIGKILL')

    const log = await read(dataDir)
    t.ok(members.startsWith(hexId(log.memberId)), 'member id')
    t.equal(log.snapshot, undefined)
    t.same(
      log.entries.map((entry) => entry.index),
      Array.from({ length: log.entries.length }, (_, i) => i + 1),
    )
    t.equal(log.entries.length, status[0].Status.raftIndex)
    t.equal(log.hardState.term, status[0].Status.raftTerm)
    t.equal(log.hardState.vote, log.memberId)
    t.ok(log.hardState.commit >= log.entries.length - 1)
    t.equal(log.entries[0]?.type, raftpb.EntryType.EntryConfChange)
    t.same(putsOf(log.entries), expectedPuts(8))

    const { wal, snap } = paths(dataDir)
    const opened = await openWal(fs, wal, snap, OPTIONS)
    const next = log.entries.length + 1
    await opened.wal.append({ ...log.hardState, commit: index(next + 1) }, [
      putEntry(next, log.hardState.term, 'added0', 'here'),
      putEntry(next + 1, log.hardState.term, 'added1', 'here'),
    ])
    await opened.wal.close()

    const again = await ReferenceEtcd.start(version, dataDir)
    t.same(await valuesIn(again, 'key'), expectedPuts(8))
    t.same(await valuesIn(again, 'added'), [
      ['added0', 'here'],
      ['added1', 'here'],
    ])
    await again.ctl('put', 'key8', 'value 8')
    await again.stop('SIGTERM')
    const puts = putsOf((await read(dataDir)).entries)
    t.same(puts, [...expectedPuts(8), ['added0', 'here'], ['added1', 'here'], ['key8', 'value 8']])
  })

  t.test(`snapshots of etcd ${version} are chosen and read`, { skip }, async (t) => {
    const dataDir = folder(t)
    const etcd = await ReferenceEtcd.start(version, dataDir, ['--snapshot-count', '5'])
    for (const [key, value] of expectedPuts(12)) await etcd.ctl('put', key, value)
    await etcd.stop('SIGKILL')
    const { snapshot, entries, hardState, memberId } = await read(dataDir)
    t.ok(snapshot !== undefined && snapshot.index > 5 && snapshot.index <= hardState.commit)
    t.equal(entries[0]?.index, snapshot!.index + 1)
    t.same(snapshot!.confState.voters, [memberId])
    const store = decodeV2Store(snapshot!.data)
    t.equal(store.clusterVersion, `${version}.0`)
    t.same(store.removed, [])
    const [member] = store.members
    t.equal(member?.id, memberId)
    t.equal(member?.name, 'm1')
    t.same(member?.clientUrls, [etcd.clientUrl])
    t.equal(member?.peerUrls.length, 1)
    t.equal(member?.isLearner, false)
  })

  t.test(`etcd ${version} starts on a log written here`, { skip }, async (t) => {
    const dataDir = folder(t)
    const { wal: walDir, snap } = paths(dataDir)
    const peerUrl = `http://127.0.0.1:${await freePort()}`
    const id = memberId(0x8e9e05c52164694dn)
    const identity = { memberId: id, clusterId: clusterId(0xcdf818194e3a8c32n) }
    // Small segments, so that etcd reads across several.
    const wal = await createWal(fs, walDir, snap, identity, { ...OPTIONS, segmentBytes: 4096 })
    const change = new raftpb.ConfChange()
    change.nodeId = id
    const member = { id, peerUrls: [peerUrl], isLearner: false, name: 'm1', clientUrls: [] }
    change.context = Buffer.from(encodeMemberJson(member))
    const data = raftpb.ConfChangeCodec.encode(change)
    await wal.append({ term: term(1), vote: id, commit: index(1) }, [{ type: 1, term: term(1), index: index(1), data }])
    await wal.append(undefined, [{ type: 0, term: term(2), index: index(2), data: new Uint8Array(0) }])
    let last = 2
    for (const [key, value] of expectedPuts(100)) {
      last++
      await wal.append({ term: term(2), vote: id, commit: index(last - 1) }, [putEntry(last, 2, key, value)])
    }
    // An uncommitted tail that is overwritten: etcd must not see it.
    await wal.append(undefined, [putEntry(last + 1, 2, 'never', 'lost'), putEntry(last + 2, 2, 'never', 'lost')])
    await wal.append({ term: term(3), vote: id, commit: index(last + 1) }, [putEntry(last + 1, 3, 'tail', 'kept')])
    await wal.close()
    t.ok(readdirSync(walDir).length > 2, 'several segments')

    const etcd = await ReferenceEtcd.start(version, dataDir, [], peerUrl)
    const byName = (a: [string, string], b: [string, string]) => (a[0] < b[0] ? -1 : 1)
    t.same(await valuesIn(etcd, 'key'), expectedPuts(100).sort(byName))
    t.same(await valuesIn(etcd, 'tail'), [['tail', 'kept']])
    t.equal(await etcd.ctl('get', 'never'), '')
    t.match(await etcd.ctl('member', 'list'), new RegExp(`^${hexId(id)}, started, m1, ${peerUrl}`))
    await etcd.ctl('put', 'more', 'x')
    await etcd.stop('SIGTERM')
    t.same(putsOf((await read(dataDir)).entries).at(-1), ['more', 'x'])
  })

  t.test(`etcd ${version} starts from a snapshot written here`, { skip }, async (t) => {
    const dataDir = folder(t)
    const { wal: walDir, snap } = paths(dataDir)
    const peerUrl = `http://127.0.0.1:${await freePort()}`
    const etcd = await ReferenceEtcd.start(version, dataDir, [], peerUrl)
    for (const [key, value] of expectedPuts(5)) await etcd.ctl('put', key, value)
    const clientUrls = [etcd.clientUrl]
    await etcd.stop('SIGTERM')

    const { wal, recovered } = await openWal(fs, walDir, snap, OPTIONS)
    const at: Index = recovered.hardState.commit
    const confState = {
      voters: [recovered.memberId],
      learners: [],
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    }
    const membership = {
      members: [{ id: recovered.memberId, peerUrls: [peerUrl], isLearner: false, name: 'm1', clientUrls }],
      removed: [memberId(0x1234n)],
      clusterVersion: `${version}.0`,
    }
    const snapshotTerm = recovered.entries[at - 1]!.term
    await wal.saveSnapshot({ index: at, term: snapshotTerm, confState, data: encodeV2Store(membership) })
    const next = recovered.entries.length + 1
    await wal.append({ ...recovered.hardState, commit: index(next) }, [
      putEntry(next, recovered.hardState.term, 'key5', 'value 5'),
    ])
    await wal.close()
    const copy = join(folder(t), 'copy')
    cpSync(dataDir, copy, { recursive: true })

    const again = await ReferenceEtcd.start(version, dataDir, [], peerUrl)
    t.same(await valuesIn(again, 'key'), expectedPuts(6))
    t.match(await again.ctl('member', 'list'), new RegExp(`^${hexId(recovered.memberId)}, started, m1, ${peerUrl}`))
    await again.stop('SIGTERM')
    const log = await read(copy)
    t.equal(log.snapshot?.index, at)
    t.same(decodeV2Store(log.snapshot!.data), membership)
    t.same(putsOf(log.entries).at(-1), ['key5', 'value 5'])
  })

  t.test(`etcd ${version} starts on a log that begins with a received snapshot`, { skip }, async (t) => {
    const dataDir = folder(t)
    const { wal: walDir, snap } = paths(dataDir)
    const peerUrl = `http://127.0.0.1:${await freePort()}`
    const etcd = await ReferenceEtcd.start(version, dataDir, [], peerUrl)
    for (const [key, value] of expectedPuts(5)) await etcd.ctl('put', key, value)
    const clientUrls = [etcd.clientUrl]
    await etcd.stop('SIGTERM')

    // The state that etcd has in its database, under a log that never held the entries of it.
    const before = await read(dataDir)
    const at: Index = before.hardState.commit
    const { memberId: id } = before
    rmSync(walDir, { recursive: true })
    const wal = await createWal(fs, walDir, snap, before, OPTIONS)
    const snapshot = {
      index: at,
      term: before.entries[at - 1]!.term,
      confState: { voters: [id], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
      data: encodeV2Store({
        members: [{ id, peerUrls: [peerUrl], isLearner: false, name: 'm1', clientUrls }],
        removed: [],
        clusterVersion: `${version}.0`,
      }),
    }
    const next = at + 1
    const installed = wal.install(snapshot, { ...before.hardState, commit: index(next) }, [
      putEntry(next, before.hardState.term, 'key5', 'value 5'),
    ])
    const appended = wal.append(undefined, [putEntry(next + 1, before.hardState.term, 'key6', 'value 6')])
    await Promise.all([installed, appended])
    await wal.append({ ...before.hardState, commit: index(next + 1) }, [])
    await wal.close()

    const again = await ReferenceEtcd.start(version, dataDir, [], peerUrl)
    t.same(await valuesIn(again, 'key'), expectedPuts(7))
    await again.ctl('put', 'more', 'x')
    await again.stop('SIGTERM')
    const log = await read(dataDir)
    t.equal(log.snapshot?.index, at)
    t.same(putsOf(log.entries).at(-1), ['more', 'x'])
  })
}
