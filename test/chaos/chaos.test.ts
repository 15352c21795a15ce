// The short version of `npm run chaos`: three members under load; the leader is killed, paused and cut off, then all are killed
// at once. Whatever clients saw must be right; how long things took is noted, not judged. SEED repeats a run's choices.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { subjectKind } from '../support/server.js'
import { inTurn } from './faults/index.js'
import { killAll, killLeader, pauseLeader } from './faults/processes.js'
import { partitionLeader, partitionLeaderLong } from './faults/links.js'
import type { Subject } from './cluster/member.js'
import { lineOf, HEADER } from './main.js'
import { runFault } from './run.js'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const FAULTS = [killLeader, pauseLeader, partitionLeader, killAll]

t.setTimeout(0)

const subject: Subject = subjectKind === 'reference' ? 'etcd' : 'quorate'

t.test('three members, each fault once', async (t) => {
  t.comment(`note: seed ${SEED}`)
  const folder = mkdtempSync(join(tmpdir(), 'quorate-chaos-test-'))
  const report = await runFault({
    subject,
    fault: inTurn('short', FAULTS),
    rounds: FAULTS.length,
    members: 3,
    seed: SEED,
    folder,
    ignoreTimes: true,
    say: (line) => t.comment(line),
  })
  t.comment(`note: ${HEADER}`)
  t.comment(`note: ${lineOf(report)}`)
  t.same(report.violations, [], `logs and histories of a failure are in ${folder}`)
  t.equal(report.rounds, FAULTS.length)
  t.ok(report.acknowledgedWrites > 100, 'the load was real')
})

/** Each with a fault that makes the mistake show: an old leader that knows nothing new, a watcher whose member is gone for a while. */
const PLANTED = [
  { plant: 'stale-reads', fault: partitionLeaderLong, rule: 'stale read' },
  { plant: 'missed-events', fault: killLeader, rule: 'watch reliable' },
] as const

for (const { plant, fault, rule } of PLANTED)
  t.test(`${plant} on purpose are found`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'quorate-chaos-test-'))
    const options = { subject, fault, rounds: 1, members: 3, seed: SEED, folder, plant, ignoreTimes: true }
    const report = await runFault(options)
    rmSync(folder, { recursive: true, force: true })
    t.ok(
      report.violations.some((found) => found.rule === rule),
      `a violation of "${rule}"`,
    )
    t.equal(report.lostWrites, 0)
  })
