// Runs one history against two servers, one call at a time (neighbouring reads together), up to the first difference.
import { setTimeout as sleep } from 'node:timers/promises'
import { status } from '@grpc/grpc-js'
import { CallFailure, type GrpcClient, type Outcome } from '../support/grpc-client.js'
import type { HashKVResponse, Header } from '../support/messages.js'
import { difference } from './compare.js'
import { showOperation, type Operation } from './operation.js'
import type { World } from './generator.js'

/** Answers calls; a difference finder is proved by a side that lies. */
export interface Side {
  answer(operation: Operation): Promise<Outcome<object>>
}

export interface Divergence {
  /** Everything that was sent, the call that was answered differently last. */
  readonly operations: readonly Operation[]
  readonly difference: string
}

export type Translate = (operation: Operation, outcome: Outcome<object>) => Outcome<object>

const OPEN_END = Buffer.from([0])
const READS_IN_FLIGHT_MAX = 16
/** How long a compaction may go on behind our back, and how often to look. */
const COMPACTION_MS = 2000
const COMPACTION_LOOK_MS = 10

export class GrpcSide implements Side {
  readonly #client: GrpcClient

  constructor(client: GrpcClient) {
    this.#client = client
  }

  async answer({ method, request }: Operation): Promise<Outcome<object>> {
    return method === 'Lease/LeaseKeepAlive' ? this.#renew(request) : this.#client.attempt(method, request)
  }

  async #renew(request: object): Promise<Outcome<object>> {
    try {
      const [answer] = await this.#client.collect<object>('Lease/LeaseKeepAlive', request)
      return { ok: true, value: answer ?? {} }
    } catch (error) {
      if (error instanceof CallFailure) return { ok: false, failure: error }
      throw error
    }
  }
}

/**
 * Sends `operations` (drawn one by one, so that the next can depend on the answers so far) to both sides.
 * `world` follows the reference's answers.
 */
export const runHistory = async (
  reference: Side,
  subject: Side,
  operations: Iterator<Operation, undefined>,
  translate: Translate,
  world: World,
): Promise<Divergence | undefined> => {
  const sent: Operation[] = []
  let ahead: Operation | undefined
  const draw = (): Operation | undefined => {
    const operation = ahead ?? operations.next().value
    ahead = undefined
    return operation
  }
  for (let first = draw(); first !== undefined; first = draw()) {
    const batch = [first]
    while (first.reads && batch.length < READS_IN_FLIGHT_MAX) {
      ahead = draw()
      if (ahead?.reads !== true) break
      batch.push(ahead)
      ahead = undefined
    }
    const answers = await Promise.all(batch.map((operation) => askBoth(operation, reference, subject)))
    for (const [i, operation] of batch.entries()) {
      const [expected, found] = answers[i]!
      sent.push(operation)
      mustBeThere(expected, operation)
      learn(world, operation, expected)
      const text = difference(operation, translate(operation, expected), found)
      if (text !== undefined) return { operations: sent, difference: text }
    }
  }
  return undefined
}

type Answers = readonly [Outcome<object>, Outcome<object>]

const askBoth = async (operation: Operation, reference: Side, subject: Side): Promise<Answers> => {
  const ask = () => Promise.all([reference.answer(operation), subject.answer(operation)])
  const deadline = Date.now() + COMPACTION_MS
  let answers: Answers = await ask()
  while (operation.method === 'Maintenance/HashKV' && countsApart(answers) && Date.now() < deadline) {
    await sleep(COMPACTION_LOOK_MS)
    answers = await ask()
  }
  return answers
}

/**
 * Whether the hashes count from different compactions. A compaction keeps the hash at its revision, counted from the compaction
 * before, from the moment that its pass is over; until then HashKV counts from the newest.
 */
const countsApart = (answers: Answers): boolean => {
  const [expected, found] = answers.map((outcome) =>
    outcome.ok ? (outcome.value as HashKVResponse).compact_revision : undefined,
  )
  return expected !== found
}

/** A reference that ended (some requests make it) answers nothing that could be compared. */
const mustBeThere = (outcome: Outcome<object>, operation: Operation): void => {
  if (outcome.ok || outcome.failure.code !== status.UNAVAILABLE) return
  throw new Error(`the reference is gone (${outcome.failure.details}) at ${showOperation(operation)}`)
}

const learn = (world: World, { method, request }: Operation, outcome: Outcome<object>): void => {
  if (!outcome.ok) return
  const { header } = outcome.value as { header?: Header }
  if (method === 'KV/Txn' && Number(header?.revision) > world.revision && mayRecreate(request)) {
    world.recreating.add(Number(header?.revision))
  }
  if (header !== undefined) world.revision = Math.max(world.revision, Number(header.revision))
  const { ID, revision } = request as { ID?: string; revision?: string }
  if (method === 'KV/Compact') world.compacted = Number(revision)
  if (method === 'Lease/LeaseGrant' && ID !== undefined) world.leases.add(ID)
  if (method === 'Lease/LeaseRevoke' && ID !== undefined) world.leases.delete(ID)
}

interface Operations {
  readonly request_put?: object
  readonly request_delete_range?: { readonly range_end?: Buffer }
  readonly request_txn?: Branches
}

interface Branches {
  readonly success?: readonly Operations[]
  readonly failure?: readonly Operations[]
}

/** Whether a transaction holds both an open-ended delete, which escapes the check for overlaps, and a put. */
const mayRecreate = (request: object): boolean => {
  const all = operationsOf(request)
  return (
    all.some(({ request_delete_range }) => request_delete_range?.range_end?.equals(OPEN_END) === true) &&
    all.some(({ request_put }) => request_put !== undefined)
  )
}

const operationsOf = ({ success = [], failure = [] }: Branches): Operations[] =>
  [...success, ...failure].flatMap((operation) => [operation, ...operationsOf(operation.request_txn ?? {})])
