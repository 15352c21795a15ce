// What the lessor answers.

import type { Key, LeaseId } from '../base/index.js'

export type GrantOutcome =
  | { readonly kind: 'ok'; readonly ttlSeconds: number }
  | { readonly kind: 'ttl-too-large' }
  | { readonly kind: 'exists' }
  /** Id 0, which means "no lease": the proposer chooses one before it proposes. */
  | { readonly kind: 'no-id' }

export type RevokeOutcome =
  | {
      readonly kind: 'ok'
      /** Keys to delete in one revision, ascending; owned. They are detached already. */
      readonly keys: Key[]
    }
  | { readonly kind: 'not-found' }

export type RenewOutcome =
  | { readonly kind: 'ok'; readonly ttlSeconds: number }
  | { readonly kind: 'not-found' }
  /** Only the primary renews. */
  | { readonly kind: 'not-primary' }
  /** Past its deadline: wait with `onSettled` for the revocation, then ask again. */
  | { readonly kind: 'expired-pending' }
  /** A remainder is stored: log a checkpoint of 0 for it, then ask again. Otherwise a new leader would end it early. */
  | { readonly kind: 'checkpoint-first' }

export type TimeToLiveOutcome =
  | {
      readonly kind: 'ok'
      /** Whole seconds left, rounded toward zero; negative when the revocation is late. */
      readonly ttlSeconds: number
      readonly grantedTtlSeconds: number
      /** In the order of attachment; empty unless asked for. Owned. */
      readonly keys: Key[]
    }
  | { readonly kind: 'not-found' }
  /** Only the primary knows. */
  | { readonly kind: 'not-primary' }

export interface LeaseCheckpoint {
  readonly id: LeaseId
  /** Whole seconds, rounded up. */
  readonly remainingTtlSeconds: number
}

/** Why the wait for a lease past its deadline ended: the lease is gone, or this member is not primary any more. */
export type SettledCause = 'revoked' | 'demoted'
export type SettledListener = (cause: SettledCause) => void
