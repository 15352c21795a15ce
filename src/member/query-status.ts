// How the answers of one member's questions to another say that they ended well, or how not.

import type { Status } from '../env/index.js'
import { errors, quoratepeer } from '../proto/index.js'

const { QueryCode, QueryStatus } = quoratepeer

const BY_TEXT: ReadonlyMap<string, Status> = new Map(
  Object.values(errors).map((status): [string, Status] => [status.message, status]),
)

/** `notFound` is what the question calls that; undefined: it ended well. */
export function queryStatus(status: Status | undefined, notFound?: Status): quoratepeer.QueryStatus {
  const message = new QueryStatus()
  message.code = codeOf(status, notFound)
  if (status !== undefined) {
    message.grpcCode = status.code
    message.error = status.message
  }
  return message
}

function codeOf(status: Status | undefined, notFound: Status | undefined): quoratepeer.QueryCode {
  switch (status) {
    case undefined:
      return QueryCode.OK
    case notFound:
      return QueryCode.NOT_FOUND
    case errors.notLeader:
    case errors.notPrimaryLessor:
    case errors.leaderChanged:
    // Whoever leads next will answer.
    case errors.stopped:
      return QueryCode.NOT_LEADER
    case errors.timeoutWaitAppliedIndex:
      return QueryCode.APPLY_TIMEOUT
    default:
      return QueryCode.REFUSED
  }
}

/** `again`: whoever was asked cannot answer, or not now. A refusal comes back as the catalogue's error where it is one. */
export function readQueryStatus(
  message: quoratepeer.QueryStatus | undefined,
  notFound: Status,
): 'ok' | 'again' | Status {
  switch (message?.code) {
    case undefined:
    case QueryCode.OK:
      return 'ok'
    case QueryCode.NOT_FOUND:
      return notFound
    case QueryCode.NOT_LEADER:
    case QueryCode.APPLY_TIMEOUT:
      return 'again'
    default:
      return BY_TEXT.get(message!.error) ?? asStatus(message!)
  }
}

const asStatus = ({ grpcCode, error }: quoratepeer.QueryStatus): Status => ({
  code: CODES.find((code) => code === grpcCode) ?? 2,
  message: error,
})

const CODES: readonly Status['code'][] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
