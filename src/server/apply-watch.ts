// What applying costs, request by request: a histogram, and a line for each request that took too long. One clock read per
// request, so that a slow one in a batch is known by name.

import { formatMs } from '../config/index.js'
import type { Clock, Histogram, LabelledMetrics, Logger } from '../env/index.js'
import type { ApplyObserver, ProposalOutcome } from '../member/index.js'
import { etcdserverpb, type raftpb } from '../proto/index.js'
import { exponentialBuckets } from '../env/index.js'
import { proposalKind, proposalText } from './request-text.js'
import { responseBytes } from './response-text.js'

export interface ApplyWatchOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: LabelledMetrics
  /** `--warning-apply-duration`; not positive: every request is logged. */
  readonly warningMs: number
  /** Told of each slow request, beside the line. */
  readonly onSlow: () => void
}

/** Kinds whose answers tell them apart, so that the request need not be looked at again. */
const KINDS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [etcdserverpb.PutResponse, 'Put'],
  [etcdserverpb.DeleteRangeResponse, 'DeleteRange'],
  [etcdserverpb.TxnResponse, 'Txn'],
  [etcdserverpb.CompactionResponse, 'Compaction'],
  [etcdserverpb.LeaseGrantResponse, 'LeaseGrant'],
  [etcdserverpb.LeaseRevokeResponse, 'LeaseRevoke'],
  [etcdserverpb.LeaseCheckpointResponse, 'LeaseCheckpoint'],
  [etcdserverpb.AlarmResponse, 'Alarm'],
])

export class ApplyWatch implements ApplyObserver {
  readonly #options: ApplyWatchOptions
  readonly #histograms: (...labels: string[]) => Histogram
  /** Of successful requests, by the class of their answer. */
  readonly #bySuccess = new Map<unknown, Histogram>()
  #entries: readonly raftpb.Entry[] = []
  #lastMs = 0

  constructor(options: ApplyWatchOptions) {
    this.#options = options
    this.#histograms = options.metrics.histograms(
      'etcd_server_apply_duration_seconds',
      'Time to apply a request.',
      exponentialBuckets(0.0001, 2, 20),
      ['version', 'op', 'success'],
    )
  }

  onBatch(entries: readonly raftpb.Entry[]): void {
    this.#entries = entries
    this.#lastMs = this.#options.clock.monotonicMs()
  }

  /** What passes until the first result of a batch, or since the one before, is this request's. */
  onResult(index: number, outcome: ProposalOutcome): void {
    const nowMs = this.#options.clock.monotonicMs()
    const tookMs = nowMs - this.#lastMs
    this.#lastMs = nowMs
    this.#histogramOf(index, outcome).observe(tookMs / 1000)
    if (tookMs > this.#options.warningMs) this.#report(index, outcome, tookMs)
  }

  #histogramOf(index: number, { response, status }: ProposalOutcome): Histogram {
    if (response === undefined || status !== undefined) {
      return this.#histograms('v3', proposalKind(this.#requestOf(index)), String(status === undefined))
    }
    let histogram = this.#bySuccess.get(response.constructor)
    if (histogram === undefined) {
      histogram = this.#histograms('v3', KINDS.get(response.constructor) ?? 'Unknown', 'true')
      this.#bySuccess.set(response.constructor, histogram)
    }
    return histogram
  }

  #report(index: number, { response, status }: ProposalOutcome, tookMs: number): void {
    const { logger, warningMs, onSlow } = this.#options
    onSlow()
    logger.warn('apply request took too long', {
      took: formatMs(tookMs),
      'expected-duration': formatMs(warningMs),
      prefix: '',
      request: proposalText(this.#requestOf(index)),
      response: response === undefined ? '' : `size:${responseBytes(response)}`,
      ...(status !== undefined && { error: status.message }),
    })
  }

  #requestOf(index: number): etcdserverpb.InternalRaftRequest {
    const first = this.#entries[0]?.index ?? 0
    const data = this.#entries[index - first]?.data
    if (data === undefined || data.length === 0) return new etcdserverpb.InternalRaftRequest()
    return etcdserverpb.InternalRaftRequestCodec.decode(data, 0, data.length)
  }
}
