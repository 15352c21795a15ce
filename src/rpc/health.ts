// grpc.health.v1.Health: whether this server serves at all. Says nothing of quorum or alarms (as in etcd).

import {
  type CancelCause,
  Code,
  type Service,
  type Status,
  type StreamCall,
  type StreamHandler,
  streamMethod,
  unaryMethod,
} from '../env/index.js'
import { healthpb } from '../proto/index.js'

const { HealthCheckResponse, HealthListResponse, HealthService, ServingStatus, StatusesEntry } = healthpb

const UNKNOWN_SERVICE: Status = Object.freeze({ code: Code.notFound, message: 'unknown service' })

/** The state behind the service; only the server as a whole has one (service name ""). */
export class HealthState {
  readonly #watchers = new Set<HealthWatch>()
  #serving = true

  get serving(): boolean {
    return this.#serving
  }

  get watcherCount(): number {
    return this.#watchers.size
  }

  set(serving: boolean): void {
    if (serving === this.#serving) return
    this.#serving = serving
    for (const watcher of this.#watchers) watcher.tell()
  }

  add(watcher: HealthWatch): void {
    this.#watchers.add(watcher)
  }

  delete(watcher: HealthWatch): void {
    this.#watchers.delete(watcher)
  }
}

export function healthService(state: HealthState): Service {
  const { methods } = HealthService
  return {
    name: HealthService.name,
    methods: [
      unaryMethod({
        ...methods.check,
        handle: ({ service }, call) =>
          service === '' ? call.respond(answerOf(statusOf(state))) : call.fail(UNKNOWN_SERVICE),
      }),
      unaryMethod({
        ...methods.list,
        handle: (_request, call) => {
          const entry = new StatusesEntry()
          entry.value = answerOf(statusOf(state))
          const response = new HealthListResponse()
          response.statuses = [entry]
          call.respond(response)
        },
      }),
      streamMethod({ ...methods.watch, endless: true, open: (call) => new HealthWatch(state, call) }),
    ],
  }
}

class HealthWatch implements StreamHandler<healthpb.HealthCheckRequest> {
  readonly #state: HealthState
  readonly #call: StreamCall<healthpb.HealthCheckResponse>
  /** What the client was told last. */
  #told = -1

  constructor(state: HealthState, call: StreamCall<healthpb.HealthCheckResponse>) {
    this.#state = state
    this.#call = call
  }

  onMessage({ service }: healthpb.HealthCheckRequest): void {
    if (service === '') {
      this.#state.add(this)
      this.tell()
    } else this.#call.send(answerOf(ServingStatus.SERVICE_UNKNOWN)) // the stream stays open, the service may appear
  }

  onHalfClose(): void {
    // Its one request is here.
  }

  onCancel(_cause: CancelCause): void {
    this.#state.delete(this)
  }

  onDrain(): void {
    this.tell()
  }

  /** A client that does not read is told the newest status once it does. */
  tell(): void {
    const status = statusOf(this.#state)
    if (status === this.#told || this.#call.bufferedBytes > BUFFERED_MAX_BYTES) return
    this.#told = status
    this.#call.send(answerOf(status))
  }
}

const BUFFERED_MAX_BYTES = 4096

const statusOf = (state: HealthState): healthpb.ServingStatus =>
  state.serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING

function answerOf(status: healthpb.ServingStatus): healthpb.HealthCheckResponse {
  const response = new HealthCheckResponse()
  response.status = status
  return response
}
