// etcdserverpb.Lease.

import { NO_LEASE, RingQueue } from '../base/index.js'
import {
  type CancelCause,
  type Service,
  type Status,
  type StreamCall,
  type StreamHandler,
  type UnaryCall,
  streamMethod,
  unaryMethod,
} from '../env/index.js'
import type { MemberApi, ResultWaiter } from '../member/index.js'
import { etcdserverpb } from '../proto/index.js'
import { ProposalAnswer } from './answers.js'
import { errors } from './error-catalogue.js'

const { InternalRaftRequest, LeaseKeepAliveResponse, LeaseService, LeaseStatus } = etcdserverpb
const { methods } = LeaseService

export function leaseService(member: MemberApi): Service {
  return {
    name: LeaseService.name,
    methods: [
      unaryMethod({ ...methods.leaseGrant, handle: (request, call) => grant(member, request, call) }),
      unaryMethod({ ...methods.leaseRevoke, handle: (request, call) => revoke(member, request, call) }),
      streamMethod({ ...methods.leaseKeepAlive, endless: true, open: (call) => new KeepAliveCall(member, call) }),
      unaryMethod({ ...methods.leaseTimeToLive, handle: (request, call) => timeToLive(member, request, call) }),
      unaryMethod({ ...methods.leaseLeases, handle: (_request, call) => leases(member, call) }),
    ],
  }
}

function grant(
  member: MemberApi,
  request: etcdserverpb.LeaseGrantRequest,
  call: UnaryCall<etcdserverpb.LeaseGrantResponse>,
): void {
  const proposal = new InternalRaftRequest()
  proposal.leaseGrant = request
  if (!member.hasRoomFor(proposal)) return call.fail(errors.noSpace)
  if (request.id === NO_LEASE) request.id = member.leases.newId()
  member.propose(proposal, new ProposalAnswer(member, call))
}

function revoke(
  member: MemberApi,
  request: etcdserverpb.LeaseRevokeRequest,
  call: UnaryCall<etcdserverpb.LeaseRevokeResponse>,
): void {
  const proposal = new InternalRaftRequest()
  proposal.leaseRevoke = request
  member.propose(proposal, new ProposalAnswer(member, call))
}

function timeToLive(
  member: MemberApi,
  request: etcdserverpb.LeaseTimeToLiveRequest,
  call: UnaryCall<etcdserverpb.LeaseTimeToLiveResponse>,
): void {
  member.leases.timeToLive(request.id, request.keys, {
    onResult: ({ ttl, grantedTtl, keys }) => {
      const response = new etcdserverpb.LeaseTimeToLiveResponse()
      response.header = member.header()
      response.id = request.id
      response.ttl = ttl
      response.grantedTtl = grantedTtl
      response.keys = [...keys]
      call.respond(response)
    },
    onFailed: (status) => call.fail(status),
  })
}

function leases(member: MemberApi, call: UnaryCall<etcdserverpb.LeaseLeasesResponse>): void {
  const response = new etcdserverpb.LeaseLeasesResponse()
  response.header = member.header()
  response.leases = member.leases.ids().map((id) => {
    const lease = new LeaseStatus()
    lease.id = id
    return lease
  })
  call.respond(response)
}

/** Renewals that wait for the one before them; a client with more ends its stream. */
const WAITING_MAX = 65_536

/** One stream of renewals, answered one by one in order; the first that fails ends the stream. */
class KeepAliveCall implements StreamHandler<etcdserverpb.LeaseKeepAliveRequest>, ResultWaiter<number> {
  readonly #member: MemberApi
  readonly #call: StreamCall<etcdserverpb.LeaseKeepAliveResponse>
  readonly #waiting = new RingQueue<etcdserverpb.LeaseKeepAliveRequest>()
  /** The answer under way. */
  #renewing: etcdserverpb.LeaseKeepAliveResponse | undefined
  #halfClosed = false
  #pumping = false
  #over = false

  constructor(member: MemberApi, call: StreamCall<etcdserverpb.LeaseKeepAliveResponse>) {
    this.#member = member
    this.#call = call
  }

  onMessage(request: etcdserverpb.LeaseKeepAliveRequest): void {
    if (this.#over) return
    if (this.#waiting.length >= WAITING_MAX) {
      this.onFailed(errors.tooManyRequests)
      return
    }
    this.#waiting.push(request)
    this.#renewNext()
  }

  onHalfClose(): void {
    this.#halfClosed = true
    this.#renewNext()
  }

  onCancel(_cause: CancelCause): void {
    this.#over = true
    this.#waiting.clear()
  }

  onDrain(): void {
    // Answers are few bytes for a request each: the transport stops reading requests by itself.
  }

  onResult(ttlSeconds: number): void {
    const response = this.#renewing
    this.#renewing = undefined
    if (this.#over || response === undefined) return
    response.ttl = ttlSeconds
    this.#call.send(response)
    this.#renewNext()
  }

  onFailed(status: Status): void {
    if (this.#over) return
    this.#over = true
    this.#waiting.clear()
    this.#call.fail(status)
  }

  /** A renewal may answer before it returns, and ends up here again: one loop goes on, however many are waiting. */
  #renewNext(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (!this.#over && this.#renewing === undefined) {
      const request = this.#waiting.shift()
      if (request === undefined) {
        if (this.#halfClosed) this.#end()
        break
      }
      this.#renew(request)
    }
    this.#pumping = false
  }

  #renew({ id }: etcdserverpb.LeaseKeepAliveRequest): void {
    const response = new LeaseKeepAliveResponse()
    // Taken before the renewal: a client that reads at this revision sees nothing of what came after it.
    response.header = this.#member.header()
    response.id = id
    this.#renewing = response
    this.#member.leases.renew(id, this)
  }

  #end(): void {
    this.#over = true
    this.#call.end()
  }
}
