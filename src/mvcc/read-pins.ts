// Which revisions sliced reads are at. Compaction does not touch what they still need.

interface Waiter {
  readonly revision: number
  readonly resolve: () => void
}

export class ReadPins {
  /**
   * One pinned revision and its reads, if any: short reads come and go at the newest revision, one after the other, and a Map
   * that becomes empty allocates anew.
   */
  #single = 0
  #singleCount = 0
  /** Revision to number of further reads at it. Bounded by the reads under way. */
  readonly #others = new Map<number, number>()
  #waiters: Waiter[] = []

  pin(revision: number): void {
    if (this.#singleCount === 0) this.#single = revision
    if (revision === this.#single) this.#singleCount++
    else this.#others.set(revision, (this.#others.get(revision) ?? 0) + 1)
  }

  unpin(revision: number): void {
    if (revision === this.#single && this.#singleCount > 0) this.#singleCount--
    else this.#unpinOther(revision)
    if (this.#waiters.length === 0) return
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

  #unpinOther(revision: number): void {
    const left = (this.#others.get(revision) ?? 0) - 1
    if (left > 0) this.#others.set(revision, left)
    else this.#others.delete(revision)
  }

  #heldBelow(revision: number): boolean {
    if (this.#singleCount > 0 && this.#single < revision) return true
    for (const pinned of this.#others.keys()) if (pinned < revision) return true
    return false
  }
}
