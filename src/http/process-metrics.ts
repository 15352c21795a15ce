// Metrics of the process and of the runtime, under the names that Prometheus' client libraries use.

import { readFileSync } from 'node:fs'
import { PerformanceObserver, constants } from 'node:perf_hooks'
import type { LoopDelay } from '../env/index.js'
import type { MetricsRegistry } from './metrics-registry.js'

export interface FileCounts {
  /** Undefined where the system does not tell. */
  readonly openFileCount: () => number | undefined
  readonly openFileLimit: () => number | undefined
}

const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

/** Registers them. The result ends the sampling; `delay` is given away. */
export const addProcessMetrics = (
  registry: MetricsRegistry,
  files: FileCounts,
  delay: LoopDelay,
): { close(): void } => {
  const { openFileCount, openFileLimit } = files
  const startSeconds = Date.now() / 1000 - process.uptime()
  registry.counterFrom('process_cpu_seconds_total', 'CPU time of the process in seconds.', () => cpuSeconds())
  registry.gaugeFrom('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss())
  registry.gaugeFrom('process_virtual_memory_bytes', 'Address space of the process.', virtualBytes)
  registry.gaugeFrom('process_start_time_seconds', 'Unix time of the start.', () => startSeconds)
  for (const name of ['process_open_fds', 'os_fd_used']) {
    registry.gaugeFrom(name, 'Open files of the process.', () => openFileCount() ?? 0)
  }
  for (const name of ['process_max_fds', 'os_fd_limit']) {
    registry.gaugeFrom(name, 'Most files the process may open.', () => openFileLimit() ?? 0)
  }
  const heap = 'nodejs_heap_size'
  registry.gaugeFrom(`${heap}_total_bytes`, 'Size of the heap.', () => process.memoryUsage().heapTotal)
  registry.gaugeFrom(`${heap}_used_bytes`, 'Used part of the heap.', () => process.memoryUsage().heapUsed)
  registry.gaugeFrom('nodejs_external_memory_bytes', 'Memory outside the heap.', () => process.memoryUsage().external)
  registry.gauges('nodejs_version_info', 'Version of the runtime.', ['version'])(process.version).set(1)
  addDelayMetrics(registry, delay)
  const collections = observeCollections(registry)
  return {
    close: () => {
      delay.close()
      collections.disconnect()
    },
  }
}

/** Since the last collection, so that an old stall does not show for ever. */
const addDelayMetrics = (registry: MetricsRegistry, delay: LoopDelay): void => {
  const lag = 'nodejs_eventloop_lag'
  const gauge = (suffix: string, help: string, read: () => number): void =>
    registry.gaugeFrom(`${lag}_${suffix}`, help, read)
  gauge('mean_seconds', 'Mean delay of the event loop.', () => delay.meanSeconds)
  gauge('p50_seconds', 'Median delay of the event loop.', () => delay.quantileSeconds(0.5))
  gauge('p90_seconds', '90th percentile of the delay of the event loop.', () => delay.quantileSeconds(0.9))
  gauge('p99_seconds', '99th percentile of the delay of the event loop.', () => delay.quantileSeconds(0.99))
  gauge('max_seconds', 'Longest delay of the event loop.', () => delay.maxSeconds)
  const total = { sum: 0, count: 0, quantile: (share: number) => quantileOf(delay, share) }
  registry.beforeRender(() => {
    total.sum += delay.meanSeconds * delay.count
    total.count += delay.count
  })
  const help = 'Delay of the event loop: quantiles since the last collection, sum and count since the start.'
  registry.summaryFrom('quorate_event_loop_delay_seconds', help, DELAY_SHARES, total)
  // Registered last, so collected last: it starts the next period.
  registry.gaugeFrom(`${lag}_samples`, 'Samples behind the delays of the event loop.', () => {
    const { count } = delay
    delay.reset()
    return count
  })
}

const DELAY_SHARES = [0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1]

const quantileOf = (delay: LoopDelay, share: number): number =>
  share === 1 ? delay.maxSeconds : delay.quantileSeconds(share)

const observeCollections = (registry: MetricsRegistry): PerformanceObserver => {
  const buckets = [0.001, 0.01, 0.1, 1, 2, 5]
  const durations = registry.histograms('nodejs_gc_duration_seconds', 'Length of garbage collections.', buckets, [
    'kind',
  ])
  const byKind = new Map(Object.values(GC_KINDS).map((kind) => [kind, durations(kind)]))
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as unknown as { readonly detail?: { readonly kind?: number } }
      byKind.get(GC_KINDS[detail?.kind ?? 0] ?? '')?.observe(entry.duration / 1000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return observer
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Pages of the kernel's count; 4 KiB on every system that we run on. */
const PAGE_BYTES = 4096

const virtualBytes = (): number => {
  try {
    return Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0]) * PAGE_BYTES
  } catch {
    return 0 // not Linux
  }
}
