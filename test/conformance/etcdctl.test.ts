// Real etcdctl against real etcd and against us: what it prints and how it exits must be equal.
//
//   TOPIC=watch                  only topics whose name holds the word
//   QUORATE_SUBJECT=reference    real etcd on both sides: proves the suite itself
import { mkdirSync } from 'node:fs'
import t from 'tap'
import type { EtcdctlVersion } from '../support/etcdctl.js'
import { findTool } from '../support/repository.js'
import { subjectKind } from '../support/server.js'
import { Workbench } from '../support/workbench.js'
import { allowedDifferences } from './allowed-differences.js'
import { compareSteps, partyFolder, Party } from './runner.js'
import type { Topic } from './step.js'
import { authTopics } from './topics/auth.js'
import { coordinationTopics } from './topics/coordination.js'
import { kvTopics } from './topics/kv.js'
import { leaseTopics } from './topics/lease.js'
import { maintenanceTopics } from './topics/maintenance.js'
import { txnTopics } from './topics/txn.js'
import { watchTopics } from './topics/watch.js'

const topics: readonly Topic[] = [
  ...kvTopics,
  ...txnTopics,
  ...watchTopics,
  ...leaseTopics,
  ...maintenanceTopics,
  ...coordinationTopics,
  ...authTopics,
]

const DEFAULT_CLIENTS: readonly EtcdctlVersion[] = ['3.5']

t.setTimeout(14 * 60_000)

let compared = 0
const used = new Map<string, number>()

for (const { name, needs, steps, clients = DEFAULT_CLIENTS, flags = [] } of topics) {
  if (!name.includes(process.env.TOPIC ?? '')) continue
  if (needs !== undefined && subjectKind === 'quorate') {
    console.log(`# note: topic "${name}" is not compared; not built yet: ${needs}`)
    continue
  }
  for (const version of clients) {
    const skip = findTool('etcdctl', version) === undefined && `etcdctl ${version} is missing`
    t.test(`${name} (etcdctl ${version})`, { skip }, async (t) => {
      const workbench = new Workbench(t)
      const servers = await workbench.startBoth({ flags })
      const folder = workbench.folder()
      const party = (side: 'reference' | 'subject'): Party => {
        const own = partyFolder(folder, side)
        mkdirSync(own)
        return new Party(servers[side], version, own)
      }
      const translated = subjectKind === 'quorate'
      for await (const step of compareSteps(steps, party('reference'), party('subject'), translated)) {
        compared++
        for (const { what } of step.used) used.set(what, (used.get(what) ?? 0) + 1)
        t.same(step.found, step.expected, `etcdctl ${step.title}`)
      }
    })
  }
}

t.teardown(() => {
  for (const { what, why } of allowedDifferences) {
    if (used.has(what)) console.log(`# note: allowed difference (${used.get(what)} times): ${what}, since ${why}`)
  }
  console.log(`# note: ${compared} steps compared, subject ${subjectKind}`)
})
