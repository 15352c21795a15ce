// How answers of the member become answers of calls. One small object per call, no closures.

import type { Status, UnaryCall } from '../env/index.js'
import type { MemberApi, ProposalOutcome, ProposalWaiter, ReadWaiter, ResultWaiter } from '../member/index.js'
import { etcdserverpb } from '../proto/index.js'

interface Headed {
  header: etcdserverpb.ResponseHeader | undefined
}

/** Fills in who answers; the revision that is already in the header stays. */
export function completeResponse<Res extends Headed>(member: MemberApi, response: Res): Res {
  const header = response.header ?? new etcdserverpb.ResponseHeader()
  response.header = member.completeHeader(header, header.revision)
  return response
}

/** Answers a call with the result of its proposal. */
export class ProposalAnswer<Res extends Headed> implements ProposalWaiter {
  readonly #member: MemberApi
  readonly #call: UnaryCall<Res>

  constructor(member: MemberApi, call: UnaryCall<Res>) {
    this.#member = member
    this.#call = call
  }

  onApplied(outcome: ProposalOutcome): void {
    if (outcome.status !== undefined) this.#call.fail(outcome.status)
    // The member answers a request with the response of the same kind.
    else this.#call.respond(completeResponse(this.#member, outcome.response as unknown as Res))
  }

  onFailed(status: Status): void {
    this.#call.fail(status)
  }
}

/** A call answered by reading, now or once the local state has caught up. */
export abstract class ReadCall<Req, Res extends Headed> implements ReadWaiter, ResultWaiter<Res> {
  protected readonly member: MemberApi
  protected readonly request: Req
  readonly #call: UnaryCall<Res>

  constructor(member: MemberApi, request: Req, call: UnaryCall<Res>) {
    this.member = member
    this.request = request
    this.#call = call
  }

  /** Reads local state and hands the result to `this`. */
  protected abstract read(): void

  start(serializable: boolean): void {
    if (serializable) this.read()
    else this.member.readBarrier(this)
  }

  onReady(): void {
    if (!this.#call.canceled) this.read()
  }

  onResult(response: Res): void {
    this.#call.respond(completeResponse(this.member, response))
  }

  onFailed(status: Status): void {
    this.#call.fail(status)
  }
}
