// What one row of the flag table says, and the types that follow from it.

import type { ListenUrl } from './urls.js'

/** Parts of the server that may not be built yet; `parts.ts` lists those that are. */
export type Part =
  | 'clusters'
  | 'discovery'
  | 'authentication'
  | 'JWT tokens'
  | 'tracing'
  | 'corruption checks'
  | 'downgrade'
  | 'forced new cluster'
  | 'JSON gateway'

/** What the server does with a flag. */
export type Effect =
  /** `limit`: what of it is missing or needed, for the documentation; empty for nothing. */
  | { readonly state: 'works'; readonly limit: string }
  /** Accepted, checked, without effect; the reason is for the operator. */
  | { readonly state: 'inert'; readonly reason: string }
  /** Belongs to a part that is not built yet. */
  | { readonly state: 'later'; readonly part: Part }

/** Grammar of a value, with the type that it is held in. */
export interface KindValues {
  readonly bool: boolean
  readonly string: string
  readonly int: number
  readonly int64: number
  readonly uint: number
  readonly uint64: number
  /** An own type of the reference with other error texts than `uint`. */
  readonly uint32: number
  /** Nanoseconds. */
  readonly duration: number
  /** Sorted by text. */
  readonly urls: readonly ListenUrl[]
  /** Texts of URLs, or the single `*`; sorted. */
  readonly origins: readonly string[]
  /** Sorted, without repetitions. */
  readonly set: readonly string[]
  /** Order and repetitions kept. */
  readonly list: readonly string[]
  readonly choice: string
  /** Comma-separated choices; repetitions of the flag accumulate. */
  readonly choices: string
  /** Settings by gate name; repetitions of the flag accumulate. */
  readonly gates: ReadonlyMap<string, boolean>
  /** Takes any value, like a boolean needs none, and does nothing. */
  readonly ignored: undefined
}
export type Kind = keyof KindValues

/** What a deprecated row stands for. */
export type Successor = { readonly flag: string } | { readonly gate: string }

export interface Row<K extends Kind = Kind> {
  readonly kind: K
  /** In the flag's own grammar; also what `-h` shows. Empty where the value needs no text. */
  readonly initial: string
  readonly effect: Effect
  /** One sentence for `-h` and for the documentation. */
  readonly help: string
  /** Key in the configuration file, `map.key` or `map.map.key` for nested ones; undefined: the same as the flag; null: none. */
  readonly fileKey: string | null | undefined
  readonly choices: readonly string[] | undefined
  readonly successor: Successor | undefined
}

export const WORKS: Effect = { state: 'works', limit: '' }
export const limited = (limit: string): Effect => ({ state: 'works', limit })
export const inert = (reason: string): Effect => ({ state: 'inert', reason })
export const later = (part: Part): Effect => ({ state: 'later', part })

export interface RowOptions {
  readonly fileKey?: string | null
  readonly choices?: readonly string[]
  readonly successor?: Successor
}

export const row = <K extends Kind>(
  kind: K,
  initial: string,
  effect: Effect,
  help: string,
  options: RowOptions = {},
): Row<K> => ({
  kind,
  initial,
  effect,
  help,
  fileKey: options.fileKey,
  choices: options.choices,
  successor: options.successor,
})
