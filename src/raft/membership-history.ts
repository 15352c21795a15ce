// Which membership a committed change is applied to.
//
// A follower takes over the membership of a snapshot as soon as it accepts the snapshot, while entries from before it may
// still be on their way through the state machine. Their changes belong to the membership of that earlier time: applied
// to the snapshot's they would corrupt it. So each snapshot starts an era, and a change finds its era by its index.

import type { Index } from '../base/index.js'
import type { Membership } from './membership.js'

interface Era {
  /** The era's entries come after this index. */
  readonly after: Index
  members: Membership
}

export class MembershipHistory {
  /** Ascending; the last one is in force. Each earlier one has entries that were handed out and not reported as applied. */
  #eras: Era[]

  constructor(after: Index, members: Membership) {
    this.#eras = [{ after, members }]
  }

  /** The membership that elections and commits count over. */
  get current(): Membership {
    return this.#eras.at(-1)!.members
  }

  /** The membership that the entry at `at` finds. */
  before(at: Index): Membership {
    return this.#eraOf(at).members
  }

  /** The entry at `at` has made it `members`; true when that is now in force. */
  change(at: Index, members: Membership): boolean {
    const era = this.#eraOf(at)
    era.members = members
    return era === this.#eras.at(-1)
  }

  /** A snapshot at `at` was accepted; entries up to `handedOut` are known to the state machine or on their way to it. */
  restore(at: Index, members: Membership, handedOut: Index): void {
    if (this.#eras.at(-1)!.after >= handedOut) this.#eras.pop() // no entry of that era was ever handed out
    this.#eras.push({ after: at, members })
  }

  /** Everything up to `at` is applied: earlier eras are over. */
  appliedTo(at: Index): void {
    while (this.#eras.length > 1 && this.#eras[1]!.after < at) this.#eras.shift()
  }

  #eraOf(at: Index): Era {
    let era = this.#eras[0]!
    for (const later of this.#eras) if (later.after < at) era = later
    return era
  }
}
