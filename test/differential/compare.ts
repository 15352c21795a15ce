// Whether two servers gave the same answer to the same call.
import { isDeepStrictEqual } from 'node:util'
import { CallFailure, type Outcome } from '../support/grpc-client.js'
import type { Header, LeaseLeasesResponse, LeaseTimeToLiveResponse } from '../support/messages.js'
import { differOnlyInOrderOfChecks } from './known-deltas.js'
import { show, type Operation } from './operation.js'
import { orderTies, rangesOf } from './sort-ties.js'

/** Seconds by which two servers that were asked at about the same time may differ about a lease. */
const TTL_SLACK_SECONDS = 5

/** undefined when equal, else where they part and both answers there. */
export const difference = (
  operation: Operation,
  reference: Outcome<object>,
  subject: Outcome<object>,
): string | undefined => {
  for (const outcome of [reference, subject]) {
    if (outcome.ok) for (const [request, response] of rangesOf(operation, outcome.value)) orderTies(request, response)
  }
  const [expected, found] = [essence(operation, reference), essence(operation, subject)]
  const apart = firstDifference(expected, found)
  if (apart === undefined) return undefined
  if (!reference.ok && !subject.ok && differOnlyInOrderOfChecks(operation, reference.failure, subject.failure)) {
    return undefined
  }
  return `at ${apart.path || 'the whole'}\nreference: ${show(apart.expected)}\nsubject:   ${show(apart.found)}`
}

/** The answer without what may differ: whose it is, its term, the order of what has none, how fast the clock runs. */
const essence = (operation: Operation, outcome: Outcome<object>): object => {
  if (!outcome.ok) return failureEssence(outcome.failure)
  const { header, ...fields } = outcome.value as { header?: Header }
  const rest = { revision: header?.revision, ...fields }
  if (operation.method === 'Lease/LeaseLeases') {
    return { ...rest, leases: (outcome.value as LeaseLeasesResponse).leases.map(({ ID }) => ID).sort() }
  }
  if (operation.method === 'Lease/LeaseTimeToLive') {
    const { TTL, grantedTTL, keys } = outcome.value as LeaseTimeToLiveResponse
    const spent = Number(grantedTTL) - Number(TTL)
    const TTLEssence = Number(grantedTTL) > 0 && spent >= 0 && spent <= TTL_SLACK_SECONDS ? 'nearly all' : TTL
    return { ...rest, TTL: TTLEssence, keys: keys.toSorted((a, b) => Buffer.compare(a, b)) }
  }
  return rest
}

const failureEssence = ({ code, details }: CallFailure): object => ({ code, details })

interface Apart {
  readonly path: string
  readonly expected: unknown
  readonly found: unknown
}

const firstDifference = (expected: unknown, found: unknown, path = ''): Apart | undefined => {
  if (isDeepStrictEqual(expected, found)) return undefined
  if (isContainer(expected) && isContainer(found)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
      const apart = firstDifference(fieldOf(expected, key), fieldOf(found, key), `${path}/${key}`)
      if (apart !== undefined) return apart
    }
  }
  return { path, expected, found }
}

const isContainer = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Buffer.isBuffer(value)

const fieldOf = (container: object, key: string): unknown => (container as Record<string, unknown>)[key]
