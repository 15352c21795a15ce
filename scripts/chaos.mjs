// Hurts clusters of real processes under load and checks what their clients saw.
//
//   npm run chaos                                    every fault, 10 rounds each, on three members of ours
//   npm run chaos -- --server etcd                   the same on real etcd: the checkers must find nothing
//   npm run chaos -- --fault kill-leader,loss        only these; --list names them all
//   --rounds N  --members 3|5  --seed N              the seed repeats the choices, not the timing
//   --keep                                           keep logs and histories also when nothing is wrong
//   --plant stale-reads|missed-events                make this mistake on purpose: it must be found
//   --verbose                                        print what is done to the cluster
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { values } = parseArgs({
  options: {
    server: { type: 'string', default: 'quorate' },
    fault: { type: 'string', default: 'all' },
    rounds: { type: 'string', default: '10' },
    members: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    keep: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    plant: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
})
const [rounds, members, seed] = [values.rounds, values.members, values.seed].map(Number)
const wrong =
  (!['etcd', 'quorate'].includes(values.server) && '--server takes etcd or quorate') ||
  (![rounds, seed].every((value) => Number.isSafeInteger(value) && value >= 0) && '--rounds and --seed take numbers') ||
  (!(members >= 1 && members <= 9) && '--members takes a number from 1 to 9')
if (wrong) {
  console.error(wrong)
  process.exit(2)
}

const build = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' })
if (build.status !== 0) process.exit(build.status ?? 1)
const { chaos, chooseFaults, listFaults, PLANTS } = await import('../dist-test/test/chaos/main.js')

if (values.list) {
  console.log(listFaults())
  process.exit(0)
}
const faults = values.fault.split(',')
try {
  chooseFaults(faults, members)
  if (values.plant !== undefined && !PLANTS.includes(values.plant)) throw new RangeError(`no mistake ${values.plant}`)
} catch (error) {
  console.error(error.message)
  process.exit(2)
}
const { server: subject, keep, verbose, plant } = values
const good = await chaos({ subject, faults, rounds, members, seed, keep, verbose, plant }, (line) => console.log(line))
process.exit(good ? 0 : 1)
