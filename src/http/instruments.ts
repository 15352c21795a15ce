// Instruments that cost a field access to change, and their lines in the text format of Prometheus.
//
// Why our own: prom-client hashes the labels at every change (four of them in every call) and needs 12 ms in one go to
// render what a member has; with label texts made once, a change costs nanoseconds and rendering a millisecond.

import type { Counter, Gauge, Histogram } from '../env/index.js'

/** The labels of a cell as text, without braces: `a="x",b="y"`; empty for none. */
type LabelText = string

export class CounterCell implements Counter {
  value = 0
  /** Asked for the value when metrics are collected, in place of `value`; must never fall. */
  read: (() => number) | undefined = undefined

  inc(by = 1): void {
    this.value += by
  }

  lines(name: string, labels: LabelText): string {
    return sample(name, labels, this.read === undefined ? this.value : this.read())
  }
}

export class GaugeCell implements Gauge {
  value = 0
  /** Asked for the value when metrics are collected, in place of `value`. */
  read: (() => number) | undefined = undefined

  set(value: number): void {
    this.value = value
  }

  lines(name: string, labels: LabelText): string {
    return sample(name, labels, this.read === undefined ? this.value : this.read())
  }
}

export class HistogramCell implements Histogram {
  readonly #bounds: readonly number[]
  /** Observations in each bucket alone; the last is beyond all bounds. */
  readonly #counts: Float64Array
  #sum = 0

  /** `bounds` rise. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    // Most observations are small and the bounds few: a scan from the left beats a binary search.
    let i = 0
    while (i < bounds.length && value > bounds[i]!) i++
    this.#counts[i]! += 1
    this.#sum += value
  }

  lines(name: string, labels: LabelText): string {
    const bucket = `${name}_bucket`
    const prefix = labels === '' ? '' : `${labels},`
    let text = ''
    let total = 0
    for (let i = 0; i < this.#counts.length; i++) {
      total += this.#counts[i]!
      const bound = i < this.#bounds.length ? numberText(this.#bounds[i]!) : '+Inf'
      text += sample(bucket, `${prefix}le="${bound}"`, total)
    }
    return text + sample(`${name}_sum`, labels, this.#sum) + sample(`${name}_count`, labels, total)
  }
}

/** What a summary shows when metrics are collected. */
export interface SummarySource {
  /** Total and number of all observations so far: neither falls. */
  readonly sum: number
  readonly count: number
  /** `share` of the observations of the period are at most this; 0 without any. */
  quantile(share: number): number
}

/** Quantiles that somebody else keeps. */
export class SummaryCell {
  readonly #shares: readonly number[]
  source: SummarySource | undefined = undefined

  /** `shares` are 0..1. */
  constructor(shares: readonly number[]) {
    this.#shares = shares
  }

  lines(name: string, labels: LabelText): string {
    const prefix = labels === '' ? '' : `${labels},`
    let text = ''
    for (const share of this.#shares) {
      text += sample(name, `${prefix}quantile="${share}"`, this.source?.quantile(share) ?? 0)
    }
    return (
      text +
      sample(`${name}_sum`, labels, this.source?.sum ?? 0) +
      sample(`${name}_count`, labels, this.source?.count ?? 0)
    )
  }
}

export type Cell = CounterCell | GaugeCell | HistogramCell | SummaryCell

export interface FamilyDescription {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly labelNames: readonly string[]
}

/** One metric: its cells by their label values. */
export class Family<C extends Cell> implements FamilyDescription {
  readonly name: string
  readonly help: string
  readonly type: FamilyDescription['type']
  readonly labelNames: readonly string[]
  readonly #create: () => C
  /** By their labels' text. */
  readonly #cells = new Map<LabelText, C>()

  constructor({ name, help, type, labelNames }: FamilyDescription, create: () => C) {
    this.name = name
    this.help = help
    this.type = type
    this.labelNames = labelNames
    this.#create = create
    if (labelNames.length === 0) this.cell()
  }

  /** The cell of these label values, in the order of `labelNames`; made at the first call. */
  cell(...values: string[]): C {
    const labels = this.labelNames.map((name, i) => `${name}="${escapeLabel(values[i] ?? '')}"`).join(',')
    let cell = this.#cells.get(labels)
    if (cell === undefined) this.#cells.set(labels, (cell = this.#create()))
    return cell
  }

  /** Nothing while there is no cell: a name without values would only confuse. */
  render(): string {
    if (this.#cells.size === 0) return ''
    let text = `# HELP ${this.name} ${escapeHelp(this.help)}\n# TYPE ${this.name} ${this.type}\n`
    for (const [labels, cell] of this.#cells) text += cell.lines(this.name, labels)
    return text
  }
}

const sample = (name: string, labels: LabelText, value: number): string =>
  labels === '' ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`

const numberText = (value: number): string => {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : `${value}`
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')
