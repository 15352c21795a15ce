// How long unary calls take, seen between transport and services: a histogram by kind of request, and lines for slow ones.
// One small object and two clock reads per call; texts are made for slow calls only.

import { formatMs } from '../config/index.js'
import {
  type CallMetadata,
  type CancelCause,
  type Clock,
  type Histogram,
  type LabelledMetrics,
  type Logger,
  type Method,
  type Service,
  type Status,
  type UnaryCall,
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
  'etcdserverpb.KV/Range': 'Range',
  'etcdserverpb.KV/Put': 'Put',
  'etcdserverpb.KV/DeleteRange': 'DeleteRange',
  'etcdserverpb.KV/Txn': 'Txn',
  'etcdserverpb.KV/Compact': 'Compaction',
  'etcdserverpb.Lease/LeaseGrant': 'LeaseGrant',
  'etcdserverpb.Lease/LeaseRevoke': 'LeaseRevoke',
  'etcdserverpb.Maintenance/Alarm': 'Alarm',
}

/** The same services, with their unary calls watched. */
export function watchRequests(services: readonly Service[], options: RequestLogOptions): readonly Service[] {
  const log = new RequestLog(options)
  return services.map(({ name, methods }) => ({
    name,
    methods: methods.map((method) => (method.kind === 'unary' ? log.watch(name, method) : method)),
  }))
}

interface Watched {
  /** `/service/method`. */
  readonly path: string
  readonly succeeded: Histogram | undefined
  readonly failed: Histogram | undefined
}

class RequestLog {
  readonly #options: RequestLogOptions
  readonly #histograms: (...labels: string[]) => Histogram
  readonly #readOnlyTxn: { readonly succeeded: Histogram; readonly failed: Histogram }

  constructor(options: RequestLogOptions) {
    this.#options = options
    this.#histograms = options.metrics.histograms(
      'etcd_server_request_duration_seconds',
      'Time to answer a request.',
      exponentialBuckets(0.001, 2, 14),
      ['type', 'success'],
    )
    this.#readOnlyTxn = this.#pair('ReadonlyTxn')
  }

  watch(service: string, method: Extract<Method, { kind: 'unary' }>): Method {
    const kind = KINDS[`${service}/${method.name}`]
    const path = `/${service}/${method.name}`
    const watched: Watched = { path, ...(kind === undefined ? NOT_COUNTED : this.#pair(kind)) }
    return {
      ...method,
      handle: (request, call) =>
        method.handle(request, new TimedCall(this, watched, request, call, this.#options.clock.monotonicMs())),
    }
  }

  /** `response` undefined: the call failed with `status`. */
  ended(call: TimedCall, response: unknown, status: Status | undefined): void {
    const { clock, warningUnaryMs, warningApplyMs, logger } = this.#options
    const tookMs = clock.monotonicMs() - call.startedMs
    const { watched, request } = call
    const isRead = request instanceof etcdserverpb.RangeRequest || (isTxn(request) && isReadOnly(request))
    const counted = isRead && isTxn(request) ? this.#readOnlyTxn : watched
    const histogram = status === undefined ? counted.succeeded : counted.failed
    histogram?.observe(tookMs / 1000)
    if (tookMs > warningUnaryMs) logger.warn('request stats', this.#stats(call, response, tookMs))
    else if (logger.debugEnabled) logger.debug('request stats', this.#stats(call, response, tookMs))
    if (isRead && tookMs > warningApplyMs) this.#slowRead(request, response, status, tookMs)
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

  #stats(call: TimedCall, response: unknown, tookMs: number): Readonly<Record<string, unknown>> {
    const { request, watched } = call
    const counts = countsOf(request, response)
    return {
      'start time': new Date(this.#options.clock.wallMs() - tookMs).toISOString(),
      'time spent': formatMs(tookMs),
      remote: call.peer,
      'response type': watched.path,
      'request count': counts?.request ?? -1,
      'request size': counts === undefined ? -1 : requestBytes(request),
      'response count': counts?.response ?? -1,
      'response size': counts === undefined ? -1 : responseBytes(response as object),
      'request content': counts === undefined ? '' : requestText(request),
    }
  }

  #pair(kind: string): { readonly succeeded: Histogram; readonly failed: Histogram } {
    return { succeeded: this.#histograms(kind, 'true'), failed: this.#histograms(kind, 'false') }
  }
}

const NOT_COUNTED = { succeeded: undefined, failed: undefined }

/** A call on its way through the services, with the time at which it got there. */
class TimedCall implements UnaryCall<unknown> {
  readonly watched: Watched
  readonly request: unknown
  readonly startedMs: number
  readonly #log: RequestLog
  readonly #call: UnaryCall<unknown>
  #ended = false

  constructor(log: RequestLog, watched: Watched, request: unknown, call: UnaryCall<unknown>, startedMs: number) {
    this.#log = log
    this.watched = watched
    this.request = request
    this.#call = call
    this.startedMs = startedMs
  }

  get metadata(): CallMetadata {
    return this.#call.metadata
  }

  get peer(): string {
    return this.#call.peer
  }

  get deadlineMs(): number | undefined {
    return this.#call.deadlineMs
  }

  get canceled(): boolean {
    return this.#call.canceled
  }

  onCancel(listener: (cause: CancelCause) => void): void {
    this.#call.onCancel(listener)
  }

  respond(message: unknown): void {
    this.#call.respond(message)
    this.#end(message, undefined)
  }

  fail(status: Status): void {
    this.#call.fail(status)
    this.#end(undefined, status)
  }

  #end(response: unknown, status: Status | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#log.ended(this, response, status)
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
