// Values of all flags while they are collected from the command line, the environment or the file.

import { parseDuration } from './duration.js'
import { parseGates } from './feature-gates.js'
import type { Kind, Row } from './flag-row.js'
import { FLAG_NAMES, type FlagName, type FlagValue, rowOf } from './flag-table.js'
import { type IntegerType, type Parsed, failed, parsed, parseBoolean, parseInteger } from './go-number.js'
import { quote, sortedUnique } from './go-text.js'
import { parseUrlList, urlTexts } from './urls.js'

export class Settings {
  readonly #values = new Map<FlagName, unknown>()
  readonly #explicit = new Set<FlagName>()

  constructor() {
    for (const name of FLAG_NAMES) this.#values.set(name, initialValue(rowOf(name)))
  }

  get<N extends FlagName>(name: N): FlagValue<N> {
    return this.#values.get(name) as FlagValue<N>
  }

  /** Whether the flag was given at all, even with its default or an empty value. */
  isSet(name: FlagName): boolean {
    return this.#explicit.has(name)
  }

  get explicit(): ReadonlySet<FlagName> {
    return this.#explicit
  }

  /** Sets from text, as the command line and the environment do. Returns what is wrong, in the reference's words. */
  setText(name: FlagName, text: string): string | undefined {
    const value = parseValue(rowOf(name), text, this.#values.get(name))
    if (!value.ok) return value.error
    this.#values.set(name, value.value)
    this.#explicit.add(name)
    return undefined
  }

  /** Sets a value that has its type already. */
  put<N extends FlagName>(name: N, value: FlagValue<N>): void {
    this.#values.set(name, value)
    this.#explicit.add(name)
  }

  /** As `put`, for a value whose type was checked against the row's kind. */
  putChecked(name: FlagName, value: unknown): void {
    this.#values.set(name, value)
    this.#explicit.add(name)
  }

  /** Changes a value without making it count as set. */
  replace<N extends FlagName>(name: N, value: FlagValue<N>): void {
    this.#values.set(name, value)
  }

  markSet(name: FlagName): void {
    this.#explicit.add(name)
  }
}

/** True for flags that need no value on the command line. */
export const isBooleanFlag = (row: Row): boolean => row.kind === 'bool' || row.kind === 'ignored'

const initialValue = (row: Row): unknown => {
  const value = parseValue(row, row.initial, undefined)
  return value.ok ? value.value : emptyValue(row.kind)
}

const emptyValue = (kind: Kind): unknown => (kind === 'urls' || kind === 'set' || kind === 'list' ? [] : undefined)

const parseValue = (row: Row, text: string, current: unknown): Parsed<unknown> => {
  switch (row.kind) {
    case 'bool': {
      const value = parseBoolean(text)
      return value === undefined ? failed('parse error') : parsed(value)
    }
    case 'string':
      return parsed(text)
    case 'int':
    case 'int64':
    case 'uint':
    case 'uint64':
      return integer(text, row.kind)
    case 'uint32': {
      const value = parseInteger(text, 'uint32')
      if (typeof value === 'number') return parsed(value)
      const why = value === 'range' ? 'value out of range' : 'invalid syntax'
      return failed(`strconv.ParseUint: parsing ${quote(text)}: ${why}`)
    }
    case 'duration': {
      const value = parseDuration(text)
      return value.ok ? value : failed('parse error')
    }
    case 'urls':
      // An empty text keeps what there is, and only counts as set.
      return text === '' ? parsed(current ?? []) : parseUrlList(text, true)
    case 'origins': {
      if (text === '*') return parsed(['*'])
      const urls = parseUrlList(text, true)
      return urls.ok ? parsed(urlTexts(urls.value)) : urls
    }
    case 'set':
      // Only the initial value is an empty list; a flag given empty is a list of one empty text.
      return parsed(text === '' && current === undefined ? [] : sortedUnique(text.split(',')))
    case 'list':
      return parsed(text === '' && current === undefined ? [] : text.split(','))
    case 'choice':
      return row.choices?.includes(text) === true ? parsed(text) : failed('invalid value')
    case 'choices': {
      const bad = text.split(',').find((item) => row.choices?.includes(item) !== true)
      return bad === undefined ? parsed(text) : failed(`invalid value ${quote(bad)}`)
    }
    case 'gates': {
      const gates = parseGates(text)
      if (!gates.ok) return gates
      return parsed(new Map([...((current as ReadonlyMap<string, boolean> | undefined) ?? []), ...gates.value]))
    }
    case 'ignored':
      return parsed(undefined)
  }
}

const integer = (text: string, type: IntegerType): Parsed<number> => {
  const value = parseInteger(text, type)
  if (typeof value === 'number') return parsed(value)
  return failed(value === 'range' ? 'value out of range' : 'parse error')
}
