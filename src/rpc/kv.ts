// etcdserverpb.KV: reads, writes, transactions and compaction.

import { type Clock, type Service, type Status, type UnaryCall, streamMethod, unaryMethod } from '../env/index.js'
import type { MemberApi, ProposalOutcome, ProposalWaiter } from '../member/index.js'
import { RangeAnswerCodec, RangeStreamAnswerCodec, etcdserverpb } from '../proto/index.js'
import { ProposalAnswer, ReadCall } from './answers.js'
import { errors } from './error-catalogue.js'
import { RangeStream } from './range-stream.js'
import { checkDeleteRange, checkPut, checkRange, checkTxn, isReadOnly, isSerializable } from './validate.js'

export interface KvOptions {
  readonly member: MemberApi
  readonly clock: Clock
  /** `--max-txn-ops`. */
  readonly txnOpsMax: number
  /** `--max-request-bytes`: what chunks of a streamed range are measured against. */
  readonly requestBytesMax: number
}

const { InternalRaftRequest, KVService } = etcdserverpb
const { methods } = KVService

export function kvService(options: KvOptions): Service {
  const { member } = options
  return {
    name: KVService.name,
    methods: [
      unaryMethod({
        ...methods.range,
        response: RangeAnswerCodec,
        handle: (request, call) => range(member, request, call),
      }),
      streamMethod({
        ...methods.rangeStream,
        response: RangeStreamAnswerCodec,
        open: (call) => new RangeStream(options, call),
      }),
      unaryMethod({ ...methods.put, handle: (request, call) => put(member, request, call) }),
      unaryMethod({ ...methods.deleteRange, handle: (request, call) => deleteRange(member, request, call) }),
      unaryMethod({ ...methods.txn, handle: (request, call) => txn(options, request, call) }),
      unaryMethod({ ...methods.compact, handle: (request, call) => compact(member, request, call) }),
    ],
  }
}

function range(
  member: MemberApi,
  request: etcdserverpb.RangeRequest,
  call: UnaryCall<etcdserverpb.RangeResponse>,
): void {
  const refusal = checkRange(request)
  if (refusal !== undefined) return call.fail(refusal)
  new RangeCall(member, request, call).start(request.serializable)
}

class RangeCall extends ReadCall<etcdserverpb.RangeRequest, etcdserverpb.RangeResponse> {
  protected override read(): void {
    this.member.range(this.request, this)
  }
}

function put(member: MemberApi, request: etcdserverpb.PutRequest, call: UnaryCall<etcdserverpb.PutResponse>): void {
  const proposal = new InternalRaftRequest()
  proposal.put = request
  // Room comes before sense: a full store refuses even requests that are wrong otherwise.
  if (!member.hasRoomFor(proposal)) return call.fail(errors.noSpace)
  const refusal = checkPut(request)
  if (refusal !== undefined) return call.fail(refusal)
  member.propose(proposal, new ProposalAnswer(member, call))
}

function deleteRange(
  member: MemberApi,
  request: etcdserverpb.DeleteRangeRequest,
  call: UnaryCall<etcdserverpb.DeleteRangeResponse>,
): void {
  const refusal = checkDeleteRange(request)
  if (refusal !== undefined) return call.fail(refusal)
  const proposal = new InternalRaftRequest()
  proposal.deleteRange = request
  member.propose(proposal, new ProposalAnswer(member, call))
}

function txn(
  { member, txnOpsMax }: KvOptions,
  request: etcdserverpb.TxnRequest,
  call: UnaryCall<etcdserverpb.TxnResponse>,
): void {
  const proposal = new InternalRaftRequest()
  proposal.txn = request
  if (!member.hasRoomFor(proposal)) return call.fail(errors.noSpace)
  const refusal = checkTxn(request, txnOpsMax)
  if (refusal !== undefined) return call.fail(refusal)
  if (!isReadOnly(request)) return member.propose(proposal, new ProposalAnswer(member, call))
  // Compares alone are no reason to ask the others: such a transaction runs on local, maybe stale state (as in etcd).
  new ReadTxnCall(member, request, call).start(isSerializable(request))
}

class ReadTxnCall extends ReadCall<etcdserverpb.TxnRequest, etcdserverpb.TxnResponse> {
  protected override read(): void {
    this.member.executeReadTxn(this.request, this)
  }
}

function compact(
  member: MemberApi,
  request: etcdserverpb.CompactionRequest,
  call: UnaryCall<etcdserverpb.CompactionResponse>,
): void {
  const proposal = new InternalRaftRequest()
  proposal.compaction = request
  const answer = new ProposalAnswer(member, call)
  member.propose(proposal, request.physical ? new AfterSweep(answer) : answer)
}

/** Waits until the old revisions are swept out, even when the answer is a refusal: another sweep may be running then. */
class AfterSweep implements ProposalWaiter {
  readonly #answer: ProposalWaiter

  constructor(answer: ProposalWaiter) {
    this.#answer = answer
  }

  onApplied(outcome: ProposalOutcome): void {
    if (outcome.swept === undefined) this.#answer.onApplied(outcome)
    else void outcome.swept.then(() => this.#answer.onApplied(outcome))
  }

  onFailed(status: Status): void {
    this.#answer.onFailed(status)
  }
}
