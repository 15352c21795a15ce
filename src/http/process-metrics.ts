// Metrics of the process and of the runtime, under the names that Prometheus' client libraries use.

import { readFileSync } from 'node:fs'
import { type IntervalHistogram, PerformanceObserver, constants, monitorEventLoopDelay } from 'node:perf_hooks'
import type { MetricsRegistry } from './metrics-registry.js'

/** How finely the delay of the event loop is sampled. */
const RESOLUTION_MS = 20
const NANOSECONDS = 1e9

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

/** Registers them. The result ends the sampling. */
export const addProcessMetrics = (registry: MetricsRegistry, files: FileCounts): { close(): void } => {
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
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  addDelayGauges(registry, delay)
  const collections = observeCollections(registry)
  return {
    close: () => {
      delay.disable()
      collections.disconnect()
    },
  }
}

/** Since the last collection, so that an old stall does not show for ever. */
const addDelayGauges = (registry: MetricsRegistry, delay: IntervalHistogram): void => {
  const lag = 'nodejs_eventloop_lag'
  const gauge = (suffix: string, help: string, read: () => number): void => {
    // What is measured includes the sampling interval itself; an idle loop reads as zero.
    const seconds = (): number => Math.max(0, read() - RESOLUTION_MS * 1e6) / NANOSECONDS
    registry.gaugeFrom(`${lag}_${suffix}`, help, () => (delay.count === 0 ? 0 : seconds()))
  }
  gauge('mean_seconds', 'Mean delay of the event loop.', () => delay.mean)
  gauge('p50_seconds', 'Median delay of the event loop.', () => delay.percentile(50))
  gauge('p90_seconds', '90th percentile of the delay of the event loop.', () => delay.percentile(90))
  gauge('p99_seconds', '99th percentile of the delay of the event loop.', () => delay.percentile(99))
  gauge('max_seconds', 'Longest delay of the event loop.', () => delay.max)
  // Registered last, so collected last: it starts the next period.
  registry.gaugeFrom(`${lag}_samples`, 'Samples behind the delays of the event loop.', () => {
    const { count } = delay
    delay.reset()
    return count
  })
}

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
