// The chaos command: runs faults one after the other and prints a line for each.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { percentile } from './check/timing.js'
import type { Subject } from './cluster/member.js'
import { FAULTS, type Fault } from './faults/index.js'
import type { Plant } from './recorder.js'
import { runFault, type RunReport } from './run.js'

const VIOLATIONS_SHOWN_MAX = 10

export interface ChaosOptions {
  readonly subject: Subject
  /** Names, or `all`. */
  readonly faults: readonly string[]
  readonly rounds: number
  readonly members: number
  readonly seed: number
  readonly keep: boolean
  readonly verbose: boolean
  readonly plant: Plant | undefined
}

export const PLANTS: readonly Plant[] = ['stale-reads', 'missed-events']

/** @throws RangeError for an unknown name. */
export const chooseFaults = (names: readonly string[], members: number): Fault[] => {
  if (names.includes('all')) return FAULTS.filter(({ membersMin = 1 }) => members >= membersMin)
  return names.map((name) => {
    const fault = FAULTS.find((candidate) => candidate.name === name)
    if (fault === undefined) throw new RangeError(`no fault ${name}; there are ${listFaults()}`)
    if (members < (fault.membersMin ?? 1)) throw new RangeError(`${name} needs ${fault.membersMin} members`)
    return fault
  })
}

export const listFaults = (): string => FAULTS.map(({ name }) => name).join(', ')

/** Resolves to whether everything held. */
export const chaos = async (options: ChaosOptions, print: (line: string) => void): Promise<boolean> => {
  const { subject, rounds, members, seed, keep, verbose } = options
  print(`${subject}, ${members} members, ${rounds} rounds each, seed ${seed}`)
  print(HEADER)
  let good = true
  for (const fault of chooseFaults(options.faults, members)) {
    const folder = mkdtempSync(join(tmpdir(), `quorate-chaos-${fault.name}-`))
    const plant = options.plant === undefined ? {} : { plant: options.plant }
    const say = verbose ? (line: string) => print(`    ${line}`) : undefined
    const report = await runFault({
      ...{ subject, fault, rounds, members, seed, folder, keep, ...plant },
      ...(say === undefined ? {} : { say }),
    })
    print(lineOf(report))
    if (keep || report.violations.length > 0) print(`  kept in ${folder}`)
    for (const { rule, text } of report.violations.slice(0, VIOLATIONS_SHOWN_MAX)) print(`  ${rule}: ${text}`)
    if (report.violations.length > VIOLATIONS_SHOWN_MAX) print(`  and ${report.violations.length} in all`)
    if (report.violations.length > 0)
      print(`  again: npm run chaos -- --server ${subject} --fault ${fault.name} --rounds ${rounds} --seed ${seed}`)
    good &&= report.violations.length === 0
  }
  print(good ? 'no violation' : 'violations found')
  return good
}

const COLUMNS: readonly (readonly [string, number, (report: RunReport) => string | number])[] = [
  ['fault', -20, ({ fault }) => fault],
  ['rounds', 6, ({ rounds }) => rounds],
  ['calls', 7, ({ operations }) => operations],
  ['acked', 7, ({ acknowledgedWrites }) => acknowledgedWrites],
  ['lost', 5, ({ lostWrites }) => lostWrites],
  ['stale', 5, ({ staleReads }) => staleReads],
  ['watch', 5, ({ watchViolations }) => watchViolations],
  ['violations', 10, ({ violations }) => violations.length],
  ['election p50/max', 16, ({ electionsMs }) => spread(electionsMs)],
  ['write gap p50/max', 17, ({ writeGapsMs }) => spread(writeGapsMs)],
  ['recovery p50/max', 16, ({ recoveriesMs }) => spread(recoveriesMs)],
  ['s', 5, ({ seconds }) => seconds.toFixed(0)],
]

const pad = (text: string, width: number): string => (width < 0 ? text.padEnd(-width) : text.padStart(width))

export const HEADER = COLUMNS.map(([name, width]) => pad(name, width)).join(' ')

export const lineOf = (report: RunReport): string =>
  COLUMNS.map(([, width, show]) => pad(String(show(report)), width)).join(' ')

const spread = (values: readonly number[]): string =>
  values.length === 0 ? '-' : `${percentile(values, 50).toFixed(0)}/${Math.max(...values).toFixed(0)}`
