// etcdserverpb.Watch: one stream of watchers per call. The hub behind the member answers; this only connects the two.

import { type CancelCause, type Service, type StreamCall, type StreamHandler, streamMethod } from '../env/index.js'
import type { MemberApi, WatchRequests, WatchResponses } from '../member/index.js'
import { WatchAnswerCodec, etcdserverpb } from '../proto/index.js'
import { errors } from './error-catalogue.js'

const { WatchService } = etcdserverpb

export function watchService(member: MemberApi): Service {
  return {
    name: WatchService.name,
    methods: [
      streamMethod({
        ...WatchService.methods.watch,
        response: WatchAnswerCodec,
        endless: true,
        open: (call) => new WatchCall(member, call),
      }),
    ],
  }
}

class WatchCall implements StreamHandler<etcdserverpb.WatchRequest>, WatchResponses {
  readonly #call: StreamCall<etcdserverpb.WatchResponse>
  readonly #watchers: WatchRequests

  constructor(member: MemberApi, call: StreamCall<etcdserverpb.WatchResponse>) {
    this.#call = call
    this.#watchers = member.openWatch(this)
  }

  onMessage(request: etcdserverpb.WatchRequest): void {
    this.#watchers.onRequest(request)
  }

  onHalfClose(): void {
    // A client that creates no more watchers still wants the events of those it has.
  }

  onCancel(_cause: CancelCause): void {
    this.#watchers.close()
  }

  onDrain(): void {
    this.#watchers.drained()
  }

  send(response: etcdserverpb.WatchResponse): boolean {
    return this.#call.send(response)
  }

  onOverflow(): void {
    this.#call.fail(errors.tooManyRequests)
    this.#watchers.close()
  }
}
