// What the index knows of one key. A life from creation to deletion is a *generation*; every generation but the current
// one ends in a tombstone. Worked trace (main revisions, `t` marks a tombstone):
//
//   put 1, put 2, delete 3, put 4, delete 5   {1 2 3t} {4 5t} {}
//   compact 2                                 {2 3t} {4 5t} {}
//   compact 4                                 {4 5t} {}
//   compact 5                                 {5t} {}
//   compact 6                                 the key is gone
//
// Most keys live in their first generation with one revision, so that case is kept in plain fields (64 bytes) and
// everything else hangs off `history`.

/** Revisions as pairs main, sub, ascending. */
type RevisionPairs = number[]

class EndedGeneration {
  /** Main revision of its first put; 0 when compaction left only the tombstone before a restart. */
  readonly create: number
  /** Puts since the creation plus the tombstone. */
  readonly version: number
  /** Never empty; the last one is the tombstone. */
  revisions: RevisionPairs

  constructor(create: number, version: number, revisions: RevisionPairs) {
    this.create = create
    this.version = version
    this.revisions = revisions
  }

  get tombstoneMain(): number {
    return this.revisions[this.revisions.length - 2]!
  }
}

class KeyHistory {
  /** Revisions of the current generation before the newest one. */
  older: RevisionPairs = []
  /** Earlier generations, oldest first. */
  ended: EndedGeneration[] = []
}

/** A key as of some revision; filled by lookups. */
export class KeyState {
  create = 0
  /** Main revision of the put that is visible. */
  mod = 0
  sub = 0
  version = 0
}

export class KeyRecord {
  /** Main revision that created the current generation; 0 while the key is deleted. */
  create: number
  version: number
  /** Newest revision of the current generation; 0 while the key is deleted. */
  main: number
  sub: number
  #history: KeyHistory | undefined

  /** A record whose first known revision is a put. */
  constructor(create: number, version: number, main: number, sub: number) {
    this.create = create
    this.version = version
    this.main = main
    this.sub = sub
    this.#history = undefined
  }

  /** A record whose first known revision is a tombstone: what a compaction at that revision leaves. */
  static ofTombstone(main: number, sub: number): KeyRecord {
    const record = new KeyRecord(0, 0, 0, 0)
    record.#history = new KeyHistory()
    record.#history.ended.push(new EndedGeneration(0, 1, [main, sub]))
    return record
  }

  get live(): boolean {
    return this.main !== 0
  }

  put(main: number, sub: number): void {
    if (this.live) {
      this.#history ??= new KeyHistory()
      this.#history.older.push(this.main, this.sub)
    } else {
      this.create = main
    }
    this.version++
    this.main = main
    this.sub = sub
  }

  /** The record is live. */
  tombstone(main: number, sub: number): void {
    this.#history ??= new KeyHistory()
    const revisions = this.#history.older
    revisions.push(this.main, this.sub, main, sub)
    this.#history.ended.push(new EndedGeneration(this.create, this.version + 1, revisions))
    this.#history.older = []
    this.create = 0
    this.version = 0
    this.main = 0
    this.sub = 0
  }

  /** Whether the key exists at revision `at`; fills `found` when it does. */
  lookup(at: number, found: KeyState): boolean {
    if (this.main !== 0 && this.main <= at) {
      found.create = this.create
      found.mod = this.main
      found.sub = this.sub
      found.version = this.version
      return true
    }
    return this.#history !== undefined && this.#lookupOlder(this.#history, at, found)
  }

  #lookupOlder(history: KeyHistory, at: number, found: KeyState): boolean {
    const { older, ended } = history
    if (older.length > 0 && older[0]! <= at) {
      fill(found, this.create, this.version - 1, older, newestAt(older, at))
      return true
    }
    for (let i = ended.length - 1; i >= 0; i--) {
      const generation = ended[i]!
      if (generation.tombstoneMain <= at) return false
      if (generation.revisions[0]! > at) continue
      fill(found, generation.create, generation.version, generation.revisions, newestAt(generation.revisions, at))
      return true
    }
    return false
  }

  /** Whether the index still knows this revision. */
  contains(main: number, sub: number): boolean {
    if (this.main === main && this.sub === sub) return true
    if (this.#history === undefined) return false
    if (holds(this.#history.older, main, sub)) return true
    return this.#history.ended.some(({ revisions }) => holds(revisions, main, sub))
  }

  /**
   * Whether a compaction at `at` keeps the revision `main <= at`: the newest one of a key alive at `at`, or a tombstone
   * exactly at `at`.
   * Differs: etcd loses a key that one transaction at `at` deleted and then put again; here the put is kept as well.
   */
  isAvailable(at: number, main: number, sub: number): boolean {
    return this.#survives(at, main, sub, true)
  }

  /** As `isAvailable`, but tombstones never count: the set that HashKV calls keep. */
  isKept(at: number, main: number, sub: number): boolean {
    return this.#survives(at, main, sub, false)
  }

  #survives(at: number, main: number, sub: number, tombstones: boolean): boolean {
    if (this.#history !== undefined) {
      const { older, ended } = this.#history
      for (const { revisions, tombstoneMain } of ended) {
        if (tombstoneMain < at) continue
        const pos = newestAt(revisions, at)
        if (pos >= 0 && revisions[pos] === main && revisions[pos + 1] === sub)
          return tombstones || pos < revisions.length - 2
        // Only a generation that ends exactly here can be followed by another one that starts here.
        if (tombstoneMain > at) return false
      }
      if (this.main > at) {
        const pos = newestAt(older, at)
        return pos >= 0 && older[pos] === main && older[pos + 1] === sub
      }
    }
    return this.main <= at && this.main === main && this.sub === sub
  }

  /** Whether a compaction at `at` keeps any revision of this key (with `tombstones`) or any put of it (without). */
  survivesAny(at: number, tombstones: boolean): boolean {
    if (this.#history !== undefined) {
      const { older, ended } = this.#history
      for (const { revisions, tombstoneMain } of ended) {
        if (tombstoneMain < at) continue
        const pos = newestAt(revisions, at)
        if (pos >= 0 && (tombstones || pos < revisions.length - 2)) return true
        if (tombstoneMain > at) return false
      }
      if (older.length > 0 && older[0]! <= at) return true
    }
    return this.live && this.main <= at
  }

  /** Forgets what a compaction at `at` removes; false when nothing is left of the key. */
  compact(at: number): boolean {
    const history = this.#history
    if (history === undefined) return this.live
    let drop = 0
    while (drop < history.ended.length && history.ended[drop]!.tombstoneMain < at) drop++
    history.ended.splice(0, drop)
    for (const generation of history.ended) {
      generation.revisions = from(generation.revisions, newestAt(generation.revisions, at))
      if (generation.tombstoneMain > at) break
    }
    history.older = this.main <= at ? [] : from(history.older, newestAt(history.older, at))
    if (history.older.length === 0 && history.ended.length === 0) this.#history = undefined
    return this.live || history.ended.length > 0
  }
}

/** `version` is the one of the last of `pairs`; the pair at `pos` is visible. */
const fill = (found: KeyState, create: number, version: number, pairs: RevisionPairs, pos: number): void => {
  found.create = create
  found.mod = pairs[pos]!
  found.sub = pairs[pos + 1]!
  found.version = version - (pairs.length - 2 - pos) / 2
}

/** Position of the newest pair with main <= `at`, -2 when there is none. */
const newestAt = (pairs: RevisionPairs, at: number): number => {
  let lo = 0
  let hi = pairs.length / 2
  while (lo < hi) {
    const mid = (lo + hi) >>> 1
    if (pairs[2 * mid]! <= at) lo = mid + 1
    else hi = mid
  }
  return 2 * (lo - 1)
}

const holds = (pairs: RevisionPairs, main: number, sub: number): boolean => {
  for (let pos = newestAt(pairs, main); pos >= 0 && pairs[pos] === main; pos -= 2)
    if (pairs[pos + 1] === sub) return true
  return false
}

const from = (pairs: RevisionPairs, pos: number): RevisionPairs => (pos <= 0 ? pairs : pairs.slice(pos))
