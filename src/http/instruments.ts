// Instruments that cost a field access to change. They are rendered by prom-client's registry, but its own counters hash
// their labels on every change, which is too slow for four of them in every call.

import type { Counter, Gauge, Histogram } from '../env/index.js'

/** One line of the exposition. */
export interface Sample {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  readonly metricName?: string
}

export class CounterCell implements Counter {
  value = 0

  inc(by = 1): void {
    this.value += by
  }

  samples(name: string, labels: Sample['labels'], into: Sample[]): void {
    into.push({ metricName: name, labels, value: this.value })
  }
}

export class GaugeCell implements Gauge {
  value = 0
  /** Asked for the value when metrics are collected, in place of `value`. */
  read: (() => number) | undefined = undefined

  set(value: number): void {
    this.value = value
  }

  add(by: number): void {
    this.value += by
  }

  samples(name: string, labels: Sample['labels'], into: Sample[]): void {
    into.push({ metricName: name, labels, value: this.read === undefined ? this.value : this.read() })
  }
}

export class HistogramCell implements Histogram {
  readonly #bounds: readonly number[]
  /** Observations in each bucket alone; the last is beyond all bounds. */
  readonly #counts: Float64Array
  #sum = 0

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

  samples(name: string, labels: Sample['labels'], into: Sample[]): void {
    const bucket = `${name}_bucket`
    let total = 0
    for (let i = 0; i < this.#counts.length; i++) {
      total += this.#counts[i]!
      const le = i < this.#bounds.length ? this.#bounds[i]! : '+Inf'
      into.push({ metricName: bucket, labels: { ...labels, le }, value: total })
    }
    into.push({ metricName: `${name}_sum`, labels, value: this.#sum })
    into.push({ metricName: `${name}_count`, labels, value: total })
  }
}

export type Cell = CounterCell | GaugeCell | HistogramCell

/** One metric: its cells by their label values. */
export class Family<C extends Cell> {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labelNames: readonly string[]
  readonly #create: () => C
  readonly #cells = new Map<string, { readonly labels: Sample['labels']; readonly cell: C }>()

  constructor(description: Pick<Family<C>, 'name' | 'help' | 'type' | 'labelNames'>, create: () => C) {
    this.name = description.name
    this.help = description.help
    this.type = description.type
    this.labelNames = description.labelNames
    this.#create = create
    if (this.labelNames.length === 0) this.cell()
  }

  /** The cell of these label values, in the order of `labelNames`; made at the first call. */
  cell(...values: string[]): C {
    const key = values.join('\0')
    const known = this.#cells.get(key)
    if (known !== undefined) return known.cell
    const labels = Object.fromEntries(this.labelNames.map((name, i) => [name, values[i] ?? '']))
    const cell = this.#create()
    this.#cells.set(key, { labels, cell })
    return cell
  }

  samples(): Sample[] {
    const samples: Sample[] = []
    for (const { labels, cell } of this.#cells.values()) cell.samples(this.name, labels, samples)
    return samples
  }
}
