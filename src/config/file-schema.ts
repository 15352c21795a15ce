// The tree of keys that a configuration file may hold, made from the flag table, and the reading of typed values.
// Like the reference's decoder nothing is coerced: a number is no text, a text is no list.

import type { Kind } from './flag-row.js'
import { FLAG_NAMES, type FlagName, fileKeyOf, rowOf } from './flag-table.js'
import { INTEGER_RANGES } from './go-number.js'
import { compareText } from './go-text.js'

export interface Leaf {
  readonly flag: FlagName
  /** Go's name of the type, for error texts. */
  readonly type: string
}
export type Branch = Map<string, Leaf | Branch>

/** A value with the flag that it is for; the value has the type that the flag's kind has in a file. */
export interface FileEntry {
  readonly flag: FlagName
  readonly value: boolean | number | string | readonly string[]
}

/** Kinds whose one text in a flag is a list in the file. */
const LISTS: ReadonlySet<FlagName> = new Set<FlagName>([
  'log-outputs',
  'cipher-suites',
  'discovery-endpoints',
  'client-cert-allowed-hostname',
  'peer-cert-allowed-cn',
  'peer-cert-allowed-hostname',
])

/** Top-level keys that the reference decodes into its second structure; shows in error texts. */
const SECOND = new Set([
  'listen-peer-urls',
  'listen-client-urls',
  'listen-client-http-urls',
  'initial-advertise-peer-urls',
  'advertise-client-urls',
  'cors',
  'host-whitelist',
  'client-transport-security',
  'peer-transport-security',
  'feature-gates',
])

/** Keys that only one of the two security maps has as a flag; the other side's are decoded and dropped. */
const STRUCTURES: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  'client-transport-security': { name: 'securityConfig', type: 'embed.securityConfig' },
  'peer-transport-security': { name: 'securityConfig', type: 'embed.securityConfig' },
  'socket-options': { name: 'SocketOpts', type: 'transport.SocketOpts' },
  'discovery-config': { name: 'DiscoveryConfig', type: 'v3discovery.DiscoveryConfig' },
  'discovery-config.client': { name: 'ConfigSpec', type: 'clientv3.ConfigSpec' },
  'discovery-config.secure': { name: 'SecureConfig', type: 'clientv3.SecureConfig' },
  'discovery-config.auth': { name: 'AuthConfig', type: 'clientv3.AuthConfig' },
}

const goType = (flag: FlagName): string => {
  if (LISTS.has(flag)) return '[]string'
  const kind: Kind = rowOf(flag).kind
  if (kind === 'bool' || kind in INTEGER_RANGES) return kind
  return kind === 'duration' ? 'time.Duration' : 'string'
}

const buildSchema = (): Branch => {
  const root: Branch = new Map()
  for (const flag of FLAG_NAMES) {
    const keys = fileKeyOf(flag)?.split('.')
    const last = keys?.pop()
    if (keys === undefined || last === undefined) continue
    let branch = root
    for (const key of keys) {
      let next = branch.get(key)
      if (!(next instanceof Map)) branch.set(key, (next = new Map()))
      branch = next
    }
    branch.set(last, { flag, type: goType(flag) })
  }
  return root
}

const SCHEMA = buildSchema()

/** The key of `branch` that `key` means: itself, else the one that is equal but for case. */
const findKey = (branch: Branch, key: string): string | undefined =>
  branch.has(key) ? key : [...branch.keys()].find((known) => known.toLowerCase() === key.toLowerCase())

/**
 * Reads a document (maps as `Map`, integers as bigint). Unknown keys are skipped, null leaves the default, keys apply in
 * the order of their texts. Returns what was read and the first value of a wrong type, in the reference's words.
 */
export const readDocument = (
  document: unknown,
): { readonly entries: FileEntry[]; readonly error: string | undefined } => {
  const entries: FileEntry[] = []
  let error: string | undefined
  const complain = (text: string) => (error ??= text)
  if (document === null || document === undefined) return { entries, error }
  if (!(document instanceof Map)) {
    const text = `json: cannot unmarshal ${jsonKind(document)} into Go value of type embed.configYAML`
    return { entries, error: text }
  }
  const walk = (map: ReadonlyMap<unknown, unknown>, branch: Branch, path: readonly string[]): void => {
    const keys = [...map.keys()].filter((key) => ['string', 'bigint', 'number', 'boolean'].includes(typeof key))
    for (const raw of keys.sort((a, b) => compareText(String(a), String(b)))) {
      const key = findKey(branch, String(raw))
      const known = key === undefined ? undefined : branch.get(key)
      const value = map.get(raw)
      if (key === undefined || known === undefined || value === null || value === undefined) continue
      const here = [...path, key]
      if (known instanceof Map) {
        const type = STRUCTURES[here.join('.')]?.type ?? 'struct'
        if (value instanceof Map) walk(value, known, here)
        else complain(mismatch(jsonKind(value), here, type))
        continue
      }
      const read = readValue(value, known.type)
      if ('bad' in read) complain(mismatch(read.bad, here, read.type))
      else entries.push({ flag: known.flag, value: read.value })
    }
  }
  walk(document, SCHEMA, [])
  return { entries, error }
}

type Read = { readonly value: FileEntry['value'] } | { readonly bad: string; readonly type: string }

const readValue = (value: unknown, type: string): Read => {
  if (type === '[]string') {
    if (!Array.isArray(value)) return { bad: jsonKind(value), type }
    const items = value as readonly unknown[]
    const wrong = items.find((item) => typeof item !== 'string' && item !== null)
    if (wrong !== undefined) return { bad: jsonKind(wrong), type: 'string' }
    return { value: items.map((item) => (typeof item === 'string' ? item : '')) }
  }
  if (type === 'string') return typeof value === 'string' ? { value } : { bad: jsonKind(value), type }
  if (type === 'bool') return typeof value === 'boolean' ? { value } : { bad: jsonKind(value), type }
  if (typeof value !== 'number' && typeof value !== 'bigint') return { bad: jsonKind(value), type }
  const [lowest, highest] = INTEGER_RANGES[type === 'time.Duration' ? 'int64' : (type as keyof typeof INTEGER_RANGES)]
  const whole = typeof value === 'bigint' ? value : Number.isInteger(value) ? BigInt(value) : undefined
  if (whole === undefined || whole < lowest || whole > highest) return { bad: `number ${String(value)}`, type }
  return { value: Number(whole) }
}

const jsonKind = (value: unknown): string => {
  if (value instanceof Map) return 'object'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'number' || typeof value === 'bigint' ? 'number' : 'string'
}

const mismatch = (kind: string, path: readonly string[], type: string): string => {
  const owner = STRUCTURES[path.slice(0, -1).join('.')]?.name ?? 'configYAML'
  const half = SECOND.has(path[0] ?? '') ? 'configJSON' : 'Config'
  return `json: cannot unmarshal ${kind} into Go struct field ${owner}.${half}.${path.join('.')} of type ${type}`
}
