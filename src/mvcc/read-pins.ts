// Which revisions sliced reads are at. Compaction does not touch what they still need.

interface Waiter {
  readonly revision: number
  readonly resolve: () => void
}

export class ReadPins {
  /** Revision to number of reads at it. Bounded by the reads under way. */
  readonly #pins = new Map<number, number>()
  #waiters: Waiter[] = []

  pin(revision: number): void {
    this.#pins.set(revision, (this.#pins.get(revision) ?? 0) + 1)
  }

  unpin(revision: number): void {
    const left = (this.#pins.get(revision) ?? 0) - 1
    if (left > 0) {
      this.#pins.set(revision, left)
      return
    }
    this.#pins.delete(revision)
    const ready = this.#waiters.filter((waiter) => !this.#heldBelow(waiter.revision))
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter))
    for (const { resolve } of ready) resolve()
  }

  /**
   * Resolves once no read below `revision` is left. No new ones come: the store refuses them from the moment on that
   * the compaction was accepted.
   */
  releasedBelow(revision: number): Promise<void> {
    if (!this.#heldBelow(revision)) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters.push({ revision, resolve })
    })
  }

  #heldBelow(revision: number): boolean {
    for (const pinned of this.#pins.keys()) if (pinned < revision) return true
    return false
  }
}
