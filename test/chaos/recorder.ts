// Sends calls as they are written in a history, and writes down what came back.
import { CallFailure, type GrpcClient } from '../support/grpc-client.js'
import type {
  DeleteRangeResponse,
  KeyValue as WireKeyValue,
  PutResponse,
  RangeResponse,
  ResponseOp,
  TxnResponse,
} from '../support/messages.js'
import type { Member } from './cluster/member.js'
import {
  nowMs,
  type Action,
  type Answer,
  type History,
  type KeyRange,
  type KeyValue,
  type Operation,
  type Request,
} from './history.js'

/**
 * A mistake made on purpose, to see that the checkers find it in a real run. `stale-reads`: reads that ask for the newest state
 * are sent as serializable ones. `missed-events`: watches that should resume start from now.
 */
export type Plant = 'stale-reads' | 'missed-events'

export class Recorder implements History {
  readonly operations: Operation[] = []
  readonly segments: History['segments'] = []
  readonly plant: Plant | undefined

  constructor(plant?: Plant) {
    this.plant = plant
  }

  /** Never tries again: a second try could happen as well. */
  async call(
    name: string,
    member: Member,
    client: GrpcClient,
    request: Request,
    timeoutMs: number,
  ): Promise<Operation> {
    const operation: Operation = {
      id: this.operations.length + 1,
      client: name,
      member: member.name,
      incarnation: member.incarnation,
      incarnationAtReturn: 0,
      request,
      invokedMs: nowMs(),
      returnedMs: Infinity,
      answer: undefined,
      failure: undefined,
      failedMs: undefined,
    }
    this.operations.push(operation)
    try {
      const sent = this.plant === 'stale-reads' ? { ...request, serializable: true } : request
      operation.answer = await send(client, sent, timeoutMs)
      operation.returnedMs = nowMs()
      operation.incarnationAtReturn = member.incarnation
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error
      operation.failure = error.message
      operation.failedMs = nowMs()
    }
    return operation
  }
}

const send = async (client: GrpcClient, request: Request, timeoutMs: number): Promise<Answer> => {
  const { compare, then, otherwise, serializable } = request
  const only = compare === undefined && otherwise.length === 0 && then.length === 1 ? then[0] : undefined
  switch (only?.type) {
    case 'get': {
      const message = { ...rangeRequest(only), serializable }
      const { header, kvs } = await client.call<RangeResponse>('KV/Range', message, { timeoutMs })
      return { revision: Number(header.revision), succeeded: true, results: [kvs.map(readKeyValue)] }
    }
    case 'put': {
      const { header, prev_kv } = await client.call<PutResponse>('KV/Put', putRequest(only), { timeoutMs })
      return { revision: Number(header.revision), succeeded: true, results: [previous(prev_kv)] }
    }
    case 'delete': {
      const message = deleteRequest(only)
      const { header, prev_kvs } = await client.call<DeleteRangeResponse>('KV/DeleteRange', message, { timeoutMs })
      return { revision: Number(header.revision), succeeded: true, results: [prev_kvs.map(readKeyValue)] }
    }
    default: {
      const message = {
        compare: compare === undefined ? [] : [compareMessage(compare)],
        success: then.map(requestOp),
        failure: otherwise.map(requestOp),
      }
      const { header, succeeded, responses } = await client.call<TxnResponse>('KV/Txn', message, { timeoutMs })
      return { revision: Number(header.revision), succeeded, results: responses.map(readResult) }
    }
  }
}

const compareMessage = ({ key, modRevision }: NonNullable<Request['compare']>): object => ({
  target: 'MOD',
  result: 'EQUAL',
  key: Buffer.from(key),
  mod_revision: modRevision,
})

const requestOp = (action: Action): object => {
  switch (action.type) {
    case 'get':
      return { request_range: rangeRequest(action) }
    case 'put':
      return { request_put: putRequest(action) }
    case 'delete':
      return { request_delete_range: deleteRequest(action) }
  }
}

const rangeRequest = ({ key, end, revision }: Action & { type: 'get' }): object => ({
  ...keyRangeMessage({ key, end }),
  revision,
})

/** No `range_end` at all for one key: an empty one that is on the wire means "all keys from here on" to etcd. */
export const keyRangeMessage = ({ key, end }: KeyRange): object => ({
  key: Buffer.from(key),
  ...(end === undefined ? {} : { range_end: Buffer.from(end) }),
})

const putRequest = ({ key, value }: Action & { type: 'put' }): object => ({
  key: Buffer.from(key),
  value: Buffer.from(value),
  prev_kv: true,
})

const deleteRequest = ({ key }: Action & { type: 'delete' }): object => ({ key: Buffer.from(key), prev_kv: true })

const readResult = (response: ResponseOp): KeyValue[] => {
  if (response.response_range !== undefined) return response.response_range.kvs.map(readKeyValue)
  if (response.response_delete_range !== undefined) return response.response_delete_range.prev_kvs.map(readKeyValue)
  return previous(response.response_put?.prev_kv ?? null)
}

const previous = (kv: WireKeyValue | null): KeyValue[] => (kv === null ? [] : [readKeyValue(kv)])

export const readKeyValue = ({ key, value, create_revision, mod_revision, version }: WireKeyValue): KeyValue => ({
  key: key.toString('latin1'),
  value: value.toString('latin1'),
  createRevision: Number(create_revision),
  modRevision: Number(mod_revision),
  version: Number(version),
})
