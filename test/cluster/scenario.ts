// One scenario on real etcd, then on whoever plays our part, with the same ports, so that all ids are equal: what the
// operator writes down must be equal too.
import { allowedDifferences, translate } from '../conformance/allowed-differences.js'
import { freeAddress, type Address, type Cluster } from '../support/cluster.js'
import type { EtcdctlVersion } from '../support/etcdctl.js'
import { subjectKind, type ServerKind } from '../support/server.js'
import { Workbench } from '../support/workbench.js'
import { Operator, type Recorded } from './operator.js'

/** The part of a tap test that is needed here. */
interface Test {
  same(found: unknown, wanted: unknown, message: string): boolean
  fail(message: string): boolean
}

export interface ScenarioOptions {
  /** Members at the start; 0 when the scenario starts them by itself. */
  readonly size: number
  /** Ports for members that come later. */
  readonly spare?: number
  readonly client?: EtcdctlVersion
  readonly flags?: readonly string[]
}

/** Ports that members which join later get, in their order. */
export type Spare = readonly Address[]

export type Play = (operator: Operator, cluster: Cluster, spare: Spare) => Promise<void>

/** Elections within half a second, still wide enough for a busy machine. */
export const QUICK = ['--heartbeat-interval=50', '--election-timeout=500'] as const

export const compareScenario = async (t: Test, options: ScenarioOptions, play: Play): Promise<void> => {
  const { size, spare = 0 } = options
  const addresses: Address[] = []
  for (let i = 0; i < size + spare; i++) addresses.push(await freeAddress())
  const expected = await perform('reference', options, addresses, play)
  if (process.env.TRANSCRIPT !== undefined) printTranscript(expected.recorded)
  if (expected.error !== undefined) throw expected.error
  const found = await perform(subjectKind, options, addresses, play)
  for (const [i, { title, observation }] of found.recorded.entries()) {
    const reference = expected.recorded[i]
    if (reference?.title !== title) {
      t.fail(`${title}: not a step of the reference's run`)
      break
    }
    const { expected: wanted, used } =
      subjectKind === 'quorate'
        ? translate(title, reference.observation)
        : { expected: reference.observation, used: [] }
    for (const { what, why } of used) allowed.set(what, why)
    t.same(observation, wanted, title)
  }
  if (found.error !== undefined) throw found.error
  t.same(found.recorded.length, expected.recorded.length, 'as many steps as on the reference')
}

const allowed = new Map<string, string>()

/** What the scenarios of this file let pass, for the end of its output. */
export const tellAllowed = (): void => {
  for (const { what, why } of allowedDifferences) {
    if (allowed.has(what)) console.log(`# note: allowed difference: ${what}, since ${why}`)
  }
  console.log(`# note: subject ${subjectKind}`)
}

const printTranscript = (recorded: readonly Recorded[]): void => {
  for (const { title, observation } of recorded) {
    const { stdout, stderr, code } = observation
    const shown = `> ${title}\n${stdout}${stderr}${code === 0 ? '' : `(code ${code})`}`.trimEnd()
    console.log(shown.replace(/^/gm, '# '))
  }
}

interface Performance {
  readonly recorded: readonly Recorded[]
  readonly error: Error | undefined
}

const perform = async (
  kind: ServerKind,
  { size, client, flags = QUICK }: ScenarioOptions,
  addresses: readonly Address[],
  play: Play,
): Promise<Performance> => {
  const workbench = new Workbench()
  let operator: Operator | undefined
  try {
    const cluster = await workbench.startCluster({ kind, size, flags, token: 'operators', addresses })
    operator = new Operator(cluster, client)
    await play(operator, cluster, addresses.slice(size))
    return { recorded: operator.recorded, error: undefined }
  } catch (error) {
    return { recorded: operator?.recorded ?? [], error: new Error(`${kind}: ${String(error)}`, { cause: error }) }
  } finally {
    await workbench.close()
  }
}
