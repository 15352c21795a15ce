// Feature gates of 3.7: named switches with a stage, set by --feature-gates.

import { type Effect, WORKS, inert, later } from './flag-row.js'
import { type Parsed, failed, parsed, parseBoolean } from './go-number.js'
import { compareText, quote } from './go-text.js'

export type GateStage = 'ALPHA' | 'BETA'

interface GateSpec {
  readonly initial: boolean
  readonly stage: GateStage
  readonly effect: Effect
}

const CHECKS = later('corruption checks')

const GATES = {
  StopGRPCServiceOnDefrag: { initial: false, stage: 'ALPHA', effect: WORKS },
  InitialCorruptCheck: { initial: false, stage: 'ALPHA', effect: CHECKS },
  CompactHashCheck: { initial: false, stage: 'ALPHA', effect: CHECKS },
  LeaseCheckpoint: { initial: false, stage: 'ALPHA', effect: WORKS },
  LeaseCheckpointPersist: {
    initial: false,
    stage: 'ALPHA',
    effect: inert('checkpoints are always kept, as in every cluster from version 3.6 on'),
  },
  SetMemberLocalAddr: { initial: false, stage: 'ALPHA', effect: later('clusters') },
  TxnModeWriteWithSharedBuffer: {
    initial: true,
    stage: 'BETA',
    effect: inert('transactions never copy a read buffer'),
  },
  FastLeaseKeepAlive: {
    initial: true,
    stage: 'BETA',
    effect: inert('always on: a lease that is known is renewed at once'),
  },
  PriorityRequest: {
    initial: false,
    stage: 'ALPHA',
    effect: inert('requests are never queued behind less important ones'),
  },
} as const satisfies Readonly<Record<string, GateSpec>>

export const GATE_SPECS: Readonly<Record<string, GateSpec>> = GATES

export const gateEffect = (name: keyof typeof GATES): Effect => GATES[name].effect

export type GateName = keyof typeof GATES

/** What was set for whole stages. */
const STAGE_GATES = { AllAlpha: 'ALPHA', AllBeta: 'BETA' } as const

export interface FeatureGate {
  readonly name: GateName
  readonly stage: GateStage
  readonly enabled: boolean
}

const isGate = (name: string): boolean => Object.hasOwn(GATES, name) || Object.hasOwn(STAGE_GATES, name)

/** Reads `A=true,B=false`; later items win. */
export const parseGates = (text: string): Parsed<ReadonlyMap<string, boolean>> => {
  const settings = new Map<string, boolean>()
  for (const item of text.split(',')) {
    if (item === '') continue
    const cut = item.indexOf('=')
    const name = (cut < 0 ? item : item.slice(0, cut)).trim()
    if (cut < 0) return failed(`missing bool value for ${name}`)
    const word = item.slice(cut + 1).trim()
    const value = parseBoolean(word)
    if (value === undefined) {
      return failed(`invalid value of ${name}=${word}, err: strconv.ParseBool: parsing ${quote(word)}: invalid syntax`)
    }
    settings.set(name, value)
  }
  for (const name of settings.keys()) if (!isGate(name)) return failed(`unrecognized feature gate: ${name}`)
  return parsed(settings)
}

/** Every gate with its final value: its own setting, else that of its stage, else the default. */
export const resolveGates = (settings: ReadonlyMap<string, boolean>): readonly FeatureGate[] =>
  (Object.entries(GATES) as [GateName, GateSpec][]).map(([name, { initial, stage }]) => ({
    name,
    stage,
    enabled: settings.get(name) ?? settings.get(stage === 'ALPHA' ? 'AllAlpha' : 'AllBeta') ?? initial,
  }))

/** The text of the start line: only gates that were set, sorted. */
export const formatGates = (settings: ReadonlyMap<string, boolean>): string =>
  [...settings.keys()]
    .sort(compareText)
    .map((name) => `${name}=${settings.get(name)}`)
    .join(',')
