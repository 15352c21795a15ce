// The NOSPACE alarm of this member, raised through the log when its store outgrows its quota.

import type { AlarmSet, ApplyOutcome } from '../apply/index.js'
import { errors, etcdserverpb } from '../proto/index.js'

const { NOSPACE } = etcdserverpb.AlarmType

export class NoSpaceAlarm {
  readonly #alarms: AlarmSet
  readonly #raise: () => Promise<unknown>
  #raising: Promise<unknown> | undefined

  /** `raise` proposes the alarm and resolves when the log has answered, one way or the other. */
  constructor(alarms: AlarmSet, raise: () => Promise<unknown>) {
    this.#alarms = alarms
    this.#raise = raise
  }

  /** Resolves when the alarm is active, or could not be raised. One request at a time. */
  raise(): Promise<unknown> {
    if (this.#alarms.has(NOSPACE)) return Promise.resolve()
    this.#raising ??= this.#raise().finally(() => (this.#raising = undefined))
    return this.#raising
  }

  /** Whoever is told that there is no space finds the alarm raised: until then the answer has to wait. */
  mustWait({ status }: ApplyOutcome): boolean {
    return status === errors.noSpace && !this.#alarms.has(NOSPACE)
  }
}
