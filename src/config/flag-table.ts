// The one table of flags: parsing, environment, configuration file, help and documentation all derive from it.

import type { KindValues, Row } from './flag-row.js'
import { clusteringFlags } from './flags-clustering.js'
import { deprecatedFlags } from './flags-deprecated.js'
import { memberFlags } from './flags-member.js'
import {
  commandFlags,
  featureFlags,
  ignoredFlags,
  loggingFlags,
  monitoringFlags,
  tracingFlags,
  unsafeFlags,
} from './flags-operation.js'
import { authFlags, securityFlags } from './flags-security.js'

const table = {
  ...memberFlags,
  ...clusteringFlags,
  ...securityFlags,
  ...authFlags,
  ...monitoringFlags,
  ...loggingFlags,
  ...tracingFlags,
  ...featureFlags,
  ...unsafeFlags,
  ...commandFlags,
  ...deprecatedFlags,
  ...ignoredFlags,
} as const

export type FlagName = keyof typeof table
/** Type in which the value of a flag is held. */
export type FlagValue<N extends FlagName> = KindValues[(typeof table)[N]['kind']]

export interface FlagGroup {
  readonly title: string
  /** Whether `-h` lists it. */
  readonly shown: boolean
  readonly flags: Readonly<Record<string, Row>>
}

/** Groups in the order of `-h`. */
export const FLAG_GROUPS: readonly FlagGroup[] = [
  { title: 'Member', shown: true, flags: memberFlags },
  { title: 'Clustering', shown: true, flags: clusteringFlags },
  { title: 'Security', shown: true, flags: securityFlags },
  { title: 'Auth', shown: true, flags: authFlags },
  { title: 'Profiling and Monitoring', shown: true, flags: monitoringFlags },
  { title: 'Logging', shown: true, flags: loggingFlags },
  { title: 'Distributed tracing', shown: true, flags: tracingFlags },
  { title: 'Features', shown: true, flags: featureFlags },
  { title: 'Unsafe feature', shown: true, flags: unsafeFlags },
  { title: 'Command', shown: false, flags: commandFlags },
  { title: 'Deprecated', shown: false, flags: deprecatedFlags },
  { title: 'Ignored', shown: false, flags: ignoredFlags },
]

export const FLAG_NAMES = Object.keys(table) as readonly FlagName[]

export const isFlagName = (name: string): name is FlagName => Object.hasOwn(table, name)

export const rowOf = (name: FlagName): Row => table[name]

/** `ETCD_` and the name in capitals. */
export const variableOf = (name: FlagName): string => `ETCD_${name.toUpperCase().replaceAll('-', '_')}`

/** Key in the configuration file; undefined when the flag cannot be set there. */
export const fileKeyOf = (name: FlagName): string | undefined => {
  const { fileKey } = rowOf(name)
  return fileKey === null ? undefined : (fileKey ?? name)
}
