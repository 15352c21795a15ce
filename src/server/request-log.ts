// How long unary calls take, from the service's start to its answer: a histogram by kind of request, and lines for slow ones.
// Nothing is kept per call; a slow one's request is decoded again for its line.

import { formatMs } from '../config/index.js'
import {
  type AnswerWatcher,
  type Clock,
  type Histogram,
  type LabelledMetrics,
  type Logger,
  type MethodInfo,
  type RequestWatcher,
  type Status,
  type WatchedCall,
  exponentialBuckets,
} from '../env/index.js'
import { etcdserverpb } from '../proto/index.js'
import { requestText } from './request-text.js'
import { readResponseText, responseBytes } from './response-text.js'

export interface RequestLogOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: LabelledMetrics
  /** `--warning-unary-request-duration`. */
  readonly warningUnaryMs: number
  /** `--warning-apply-duration`, which reads have to keep too. */
  readonly warningApplyMs: number
  /** Told of each read that took longer than `warningApplyMs`. */
  readonly onSlowRead: () => void
}

/** Methods whose durations are counted, by the names that the reference gives them. */
const KINDS: Readonly<Record<string, string>> = {
  '/etcdserverpb.KV/Range': 'Range',
  '/etcdserverpb.KV/Put': 'Put',
  '/etcdserverpb.KV/DeleteRange': 'DeleteRange',
  '/etcdserverpb.KV/Txn': 'Txn',
  '/etcdserverpb.KV/Compact': 'Compaction',
  '/etcdserverpb.Lease/LeaseGrant': 'LeaseGrant',
  '/etcdserverpb.Lease/LeaseRevoke': 'LeaseRevoke',
  '/etcdserverpb.Maintenance/Alarm': 'Alarm',
}

export class RequestLog implements RequestWatcher {
  readonly #options: RequestLogOptions
  readonly #histograms: (...labels: string[]) => Histogram

  constructor(options: RequestLogOptions) {
    this.#options = options
    this.#histograms = options.metrics.histograms(
      'etcd_server_request_duration_seconds',
      'Time to answer a request.',
      exponentialBuckets(0.001, 2, 14),
      ['type', 'success'],
    )
  }

  watch({ service, method }: MethodInfo): (request: unknown) => AnswerWatcher {
    const path = `/${service}/${method}`
    const ofKind = (kind: string | undefined, isRead: boolean): AnswerWatcher =>
      new KindOfRequest(this.#options, { path, isRead, ...(kind === undefined ? NOT_COUNTED : this.#pair(kind)) })
    const kind = KINDS[path]
    const all = ofKind(kind, kind === 'Range')
    if (kind !== 'Txn') return () => all
    const readOnly = ofKind('ReadonlyTxn', true)
    return (request) => (isTxn(request) && isReadOnly(request) ? readOnly : all)
  }

  #pair(kind: string): { readonly succeeded: Histogram; readonly failed: Histogram } {
    return { succeeded: this.#histograms(kind, 'true'), failed: this.#histograms(kind, 'false') }
  }
}

interface Kind {
  /** `/service/method`. */
  readonly path: string
  readonly isRead: boolean
  readonly succeeded: Histogram | undefined
  readonly failed: Histogram | undefined
}

const NOT_COUNTED = { succeeded: undefined, failed: undefined }

/** All requests of one kind. */
class KindOfRequest implements AnswerWatcher {
  readonly #options: RequestLogOptions
  readonly #kind: Kind

  constructor(options: RequestLogOptions, kind: Kind) {
    this.#options = options
    this.#kind = kind
  }

  answered(call: WatchedCall, response: unknown, status: Status | undefined): void {
    const { clock, warningUnaryMs, warningApplyMs, logger } = this.#options
    const { isRead, succeeded, failed } = this.#kind
    const tookMs = clock.monotonicMs() - call.startedMs
    const histogram = status === undefined ? succeeded : failed
    histogram?.observe(tookMs / 1000)
    if (tookMs > warningUnaryMs) logger.warn('request stats', this.#stats(call, response, tookMs))
    else if (logger.debugEnabled) logger.debug('request stats', this.#stats(call, response, tookMs))
    if (isRead && tookMs > warningApplyMs) this.#slowRead(call.decodeRequest(), response, status, tookMs)
  }

  #slowRead(request: unknown, response: unknown, status: Status | undefined, tookMs: number): void {
    const { logger, warningApplyMs, onSlowRead } = this.#options
    onSlowRead()
    logger.warn('apply request took too long', {
      took: formatMs(tookMs),
      'expected-duration': formatMs(warningApplyMs),
      prefix: isTxn(request) ? 'read-only txn ' : 'read-only range ',
      request: requestText(request),
      response: response === undefined ? '' : readResponseText(response as object),
      ...(status !== undefined && { error: status.message }),
    })
  }

  #stats(call: WatchedCall, response: unknown, tookMs: number): Readonly<Record<string, unknown>> {
    const request = call.decodeRequest()
    const counts = countsOf(request, response)
    return {
      'start time': new Date(this.#options.clock.wallMs() - tookMs).toISOString(),
      'time spent': formatMs(tookMs),
      remote: call.peer,
      'response type': this.#kind.path,
      'request count': counts?.request ?? -1,
      'request size': counts === undefined ? -1 : requestBytes(request),
      'response count': counts?.response ?? -1,
      'response size': counts === undefined ? -1 : responseBytes(response as object),
      'request content': counts === undefined ? '' : requestText(request),
    }
  }
}

const isTxn = (request: unknown): request is etcdserverpb.TxnRequest => request instanceof etcdserverpb.TxnRequest

const isReadOnly = (request: etcdserverpb.TxnRequest): boolean =>
  request.success.every(isRange) && request.failure.every(isRange)

const isRange = (op: etcdserverpb.RequestOp): boolean => op.requestRange !== undefined

/** What the reference counts in a request and its answer; undefined where it does not, failed calls included. */
function countsOf(
  request: unknown,
  response: unknown,
): { readonly request: number; readonly response: number } | undefined {
  if (response instanceof etcdserverpb.RangeResponse) return { request: 0, response: response.count }
  if (response instanceof etcdserverpb.PutResponse) return { request: 1, response: 0 }
  if (response instanceof etcdserverpb.DeleteRangeResponse) return { request: 0, response: response.deleted }
  if (response instanceof etcdserverpb.TxnResponse && isTxn(request)) {
    return { request: (response.succeeded ? request.success : request.failure).length, response: 0 }
  }
  return undefined
}

function requestBytes(request: unknown): number {
  if (request instanceof etcdserverpb.RangeRequest) return etcdserverpb.RangeRequestCodec.encode(request).length
  if (request instanceof etcdserverpb.PutRequest) return etcdserverpb.PutRequestCodec.encode(request).length
  if (request instanceof etcdserverpb.DeleteRangeRequest)
    return etcdserverpb.DeleteRangeRequestCodec.encode(request).length
  return isTxn(request) ? etcdserverpb.TxnRequestCodec.encode(request).length : 0
}
