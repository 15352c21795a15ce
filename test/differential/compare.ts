// Whether two servers gave the same answer to the same call.
import { isDeepStrictEqual } from 'node:util'
import { CallFailure, type Outcome } from '../support/grpc-client.js'
import type { Header, LeaseLeasesResponse, LeaseTimeToLiveResponse } from '../support/messages.js'
import { differOnlyInOrderOfChecks } from './known-deltas.js'
import { show, type Operation } from './operation.js'

/** Seconds by which two servers that were asked at about the same time may differ about a lease. */
const TTL_SLACK_SECONDS = 5

/** undefined when equal, else both answers. */
export const difference = (
  operation: Operation,
  reference: Outcome<object>,
  subject: Outcome<object>,
): string | undefined => {
  const [expected, found] = [essence(operation, reference), essence(operation, subject)]
  if (isDeepStrictEqual(expected, found)) return undefined
  if (!reference.ok && !subject.ok && differOnlyInOrderOfChecks(operation, reference.failure, subject.failure)) {
    return undefined
  }
  return `reference: ${show(expected)}\nsubject:   ${show(found)}`
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
