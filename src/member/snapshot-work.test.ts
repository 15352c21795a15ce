import t from 'tap'
import type { ClusterId } from '../base/index.js'
import { index, term } from '../base/index.js'
import { silentLogger } from '../env/index.js'
import { MemoryBackend } from '../mvcc/testing.js'
import { raftpb } from '../proto/index.js'
import type { MemberParts } from './member-parts.js'
import { SnapshotWork, type SnapshotWorkOptions } from './snapshot-work.js'
import { SnapshotLost, SwitchedBackend } from './snapshot/index.js'

t.test('an installation is under way until it has failed, too', async (t) => {
  const gauge: number[] = []
  const backend = new MemoryBackend()
  // Of the parts only what an installation without a store asks for.
  const parts = {
    started: { clusterId: 5n as ClusterId },
    logger: silentLogger,
    snapshots: {
      store: { folder: 'store', backend },
      switched: new SwitchedBackend(backend),
    },
  } as unknown as MemberParts
  const work = new SnapshotWork({
    parts,
    machine: { applied: { index: index(3), term: term(1) }, adopt: () => undefined },
    installing: { set: (value) => gauge.push(value) },
  } as Partial<SnapshotWorkOptions> as SnapshotWorkOptions)
  const snapshot = new raftpb.Snapshot()
  snapshot.metadata = new raftpb.SnapshotMetadata()
  snapshot.metadata.index = index(10)
  snapshot.metadata.term = term(2)
  const installed = t.rejects(work.install(snapshot), SnapshotLost)
  t.same(gauge, [1])
  await installed
  t.same(gauge, [1, 0])
  await work.close()
})
