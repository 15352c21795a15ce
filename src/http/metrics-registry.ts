// All metrics of one server and their text form.

import { invariant } from '../base/index.js'
import type { Counter, Gauge, Histogram, LabelledMetrics } from '../env/index.js'
import {
  type Cell,
  CounterCell,
  Family,
  GaugeCell,
  HistogramCell,
  SummaryCell,
  type SummarySource,
} from './instruments.js'
import { STANDARD_METRICS } from './standard-metrics.js'

type Types = { counter: CounterCell; gauge: GaugeCell; histogram: HistogramCell; summary: SummaryCell }

/** What the text is to be served as. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Instruments by name. Asking again for a name gives the same instrument; the standard metrics exist from the start, those
 * with labels once a set of values is used. Asking with another type or other labels is a bug.
 */
export class MetricsRegistry implements LabelledMetrics {
  readonly #families = new Map<string, Family<Cell>>()
  readonly #refreshers: (() => void)[] = []

  constructor() {
    for (const [name, { type, help, labels, buckets }] of STANDARD_METRICS) {
      this.#family(name, help, type, labels ?? [], buckets ?? [])
    }
  }

  counter(name: string, help: string): Counter {
    return this.#family(name, help, 'counter', []).cell()
  }

  gauge(name: string, help: string): Gauge {
    return this.#family(name, help, 'gauge', []).cell()
  }

  gaugeFrom(name: string, help: string, read: () => number): void {
    this.#family(name, help, 'gauge', []).cell().read = read
  }

  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return this.#family(name, help, 'histogram', [], buckets).cell()
  }

  counters(name: string, help: string, labels: readonly string[]): (...values: string[]) => Counter {
    const family = this.#family(name, help, 'counter', labels)
    return (...values) => family.cell(...values)
  }

  gauges(name: string, help: string, labels: readonly string[]): (...values: string[]) => Gauge {
    const family = this.#family(name, help, 'gauge', labels)
    return (...values) => family.cell(...values)
  }

  histograms(
    name: string,
    help: string,
    buckets: readonly number[],
    labels: readonly string[],
  ): (...values: string[]) => Histogram {
    const family = this.#family(name, help, 'histogram', labels, buckets)
    return (...values) => family.cell(...values)
  }

  /** A counter whose value is asked for when metrics are collected: it must never fall. */
  counterFrom(name: string, help: string, read: () => number): void {
    this.#family(name, help, 'counter', []).cell().read = read
  }

  /** A summary that asks `source` for its quantiles, 0..1, when metrics are collected. */
  summaryFrom(name: string, help: string, shares: readonly number[], source: SummarySource): void {
    this.#family(name, help, 'summary', [], shares).cell().source = source
  }

  /** Runs `refresh` before each collection: for sets of labels that come and go. */
  beforeRender(refresh: () => void): void {
    this.#refreshers.push(refresh)
  }

  /** Everything in the text format of Prometheus, version 0.0.4. */
  render(): string {
    for (const refresh of this.#refreshers) refresh()
    let text = ''
    for (const family of this.#families.values()) text += family.render()
    return text
  }

  #family<T extends keyof Types>(
    name: string,
    help: string,
    type: T,
    labels: readonly string[],
    bounds: readonly number[] = [],
  ): Family<Types[T]> {
    const known = this.#families.get(name)
    if (known !== undefined) {
      invariant(known.type === type, 'metric % is a %, not a %', name, known.type, type)
      invariant(known.labelNames.join() === labels.join(), 'metric % has the labels %', name, known.labelNames.join())
      return known as Family<Types[T]>
    }
    const create = {
      counter: () => new CounterCell(),
      gauge: () => new GaugeCell(),
      histogram: () => new HistogramCell(bounds),
      summary: () => new SummaryCell(bounds),
    }
    const family = new Family<Cell>({ name, help, type, labelNames: labels }, create[type])
    this.#add(family)
    return family as Family<Types[T]>
  }

  #add(family: Family<Cell>): void {
    invariant(!this.#families.has(family.name), 'metric % exists already', family.name)
    this.#families.set(family.name, family)
  }
}
