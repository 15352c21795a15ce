// Instruments as the core sees them; http/ backs them with a Prometheus registry.

export interface Counter {
  inc(by?: number): void
}

export interface Gauge {
  set(value: number): void
}

export interface Histogram {
  /** Seconds unless the metric's name says otherwise. */
  observe(value: number): void
}

export interface Metrics {
  counter(name: string, help: string): Counter
  gauge(name: string, help: string): Gauge
  /** A gauge whose value is asked for when metrics are collected. */
  gaugeFrom(name: string, help: string, read: () => number): void
  histogram(name: string, help: string, buckets: readonly number[]): Histogram
}

/** `n` bounds start, start*factor, ... as Prometheus client libraries call it. */
export const exponentialBuckets = (start: number, factor: number, n: number): readonly number[] =>
  Array.from({ length: n }, (_, i) => start * factor ** i)

/** Instruments with labels: each function gives the instrument of one set of label values; keep it, do not ask per use. */
export interface LabelledMetrics extends Metrics {
  counters(name: string, help: string, labels: readonly string[]): (...values: string[]) => Counter
  gauges(name: string, help: string, labels: readonly string[]): (...values: string[]) => Gauge
  histograms(
    name: string,
    help: string,
    buckets: readonly number[],
    labels: readonly string[],
  ): (...values: string[]) => Histogram
}

const nothing = { inc: () => undefined, set: () => undefined, observe: () => undefined }

export const noMetrics: LabelledMetrics = {
  counter: () => nothing,
  gauge: () => nothing,
  gaugeFrom: () => undefined,
  histogram: () => nothing,
  counters: () => () => nothing,
  gauges: () => () => nothing,
  histograms: () => () => nothing,
}
