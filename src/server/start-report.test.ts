import t from 'tap'
import type { LogFields, Logger } from '../env/index.js'
import { StartReport } from './start-report.js'

t.test('says how the first election is hastened', (t) => {
  const lines = (members: number, initial: number, advances = true): unknown[] => {
    const found: unknown[] = []
    const info = (message: string, { 'forward-ticks': ticks, 'forward-duration': duration }: LogFields = {}): void => {
      if (message.includes('election tick')) found.push([message, ticks, duration])
    }
    const config = {
      initialCluster: { size: initial },
      electionTicks: 10,
      electionMs: 1000,
      heartbeatMs: 100,
      initialElectionTickAdvance: advances,
    }
    const report = new StartReport(config as never, { info } as Logger)
    const membership = { members: () => Array.from({ length: members }), clusterVersion: undefined }
    const started = { isNew: true, clusterId: 1n, memberId: 2n }
    report.bootstrapped(started as never, { parts: { membership } } as never)
    return found
  }
  const alone = [['started as single-node; fast-forwarding election ticks', 9, '900ms']]
  t.same(lines(1, 3), alone)
  t.same(lines(0, 1), alone)
  t.same(lines(0, 3), [['starting initial election tick advance', undefined, undefined]])
  t.same(lines(3, 1), [['starting initial election tick advance', undefined, undefined]])
  t.same(lines(3, 3, false), [['skipping initial election tick advance', undefined, undefined]])
  t.end()
})
