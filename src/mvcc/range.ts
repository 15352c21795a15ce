// A range read: walk the index at a fixed revision, filter and sort what matched, then fetch the values.

import { compareBytes, EMPTY_BYTES, type Key, NO_LEASE } from '../base/index.js'
import { encodeKeyValue, PairBlocks, valueOf, withoutValue } from '../proto/index.js'
import { type KeyIndex, OPEN_END } from './key-index.js'
import { type KeyRecord, KeyState } from './key-record.js'
import { FoundValue, type RevisionLog } from './revision-log.js'
import { finish, sortSteps, type Steps } from './slices.js'

/** Numbers of RangeRequest.SortOrder. */
export const SortOrder = { none: 0, ascend: 1, descend: 2 } as const
export type SortOrder = (typeof SortOrder)[keyof typeof SortOrder]

/** Numbers of RangeRequest.SortTarget. */
export const SortTarget = { key: 0, version: 1, create: 2, mod: 3, value: 4 } as const
export type SortTarget = (typeof SortTarget)[keyof typeof SortTarget]

/** One range read with the field defaults of RangeRequest. The caller sets what it wants, then leaves it unchanged. */
export class RangeQuery {
  readonly key: Key
  /** Undefined: the single key. OPEN_END: every key from `key` on. Otherwise exclusive. */
  readonly end: Key | undefined
  /** 0 and negative: the newest. */
  revision = 0
  /** 0 and negative: none. */
  limit = 0
  countOnly = false
  keysOnly = false
  /** False: nobody looks at the count, so a read with a limit may stop one key behind it. */
  needsCount = true
  /** Inclusive bounds; 0 is off. */
  minMod = 0
  maxMod = 0
  minCreate = 0
  maxCreate = 0
  order: SortOrder = SortOrder.none
  target: SortTarget = SortTarget.key

  constructor(key: Key, end: Key | undefined) {
    this.key = key
    this.end = end
  }

  get filters(): boolean {
    return this.minMod !== 0 || this.maxMod !== 0 || this.minCreate !== 0 || this.maxCreate !== 0
  }
}

/** A range whose pairs are encoded as the answer's field `kvs`. */
export type EncodedRangeOutcome =
  | {
      readonly kind: 'ok'
      /** As in `RangeOutcome`. */
      readonly revision: number
      readonly count: number
      readonly more: boolean
      readonly pairs: PairBlocks
    }
  | { readonly kind: 'compacted' }
  | { readonly kind: 'future' }

export type RangeOutcome =
  | {
      readonly kind: 'ok'
      /** The store's revision when the read began, whatever revision was asked for. */
      readonly revision: number
      /** Keys in the range, before filters and limit. */
      readonly count: number
      readonly more: boolean
      /** KeyValue bytes, frozen. */
      readonly kvs: readonly Uint8Array[]
    }
  | { readonly kind: 'compacted' }
  | { readonly kind: 'future' }

/** Index entries visited, or values fetched, between two chances to pause: well below a millisecond. */
const WALK_STEP = 512
const FETCH_STEP = 64
/** Up to this many values are fetched in key order; above, neighbours in the log are fetched together. */
const SMALL_FETCH = 8
/** Up to this many, places are sorted; above, counted. */
const SORTED_FETCH = 8192
/** Long lists of pairs of this size, on average, are encoded straight from their rows. */
const DIRECT_PAIR_BYTES = 1024
/** Bytes of rows for a byte of large pairs, about. */
const ROW_SHARE = 1.1
/** Reads of more values than this, unless they are known to fit, do not fill the cache. */
const CACHED_FETCH_MAX = 4096

/** What matched so far, as parallel lists: a range may match millions of keys. */
class Matches {
  readonly keys: Key[] = []
  readonly mains: number[] = []
  readonly subs: number[] = []
  readonly creates: number[] = []
  readonly versions: number[] = []

  get length(): number {
    return this.mains.length
  }
}

/** What a query selects: the first `length` of `matches`, in `order` if there is one. */
interface Selection {
  readonly count: number
  readonly more: boolean
  readonly matches: Matches
  readonly order: Uint32Array | undefined
  readonly length: number
  /** Of all matches, where sorting needed them. */
  readonly values: Uint8Array[] | undefined
}

/** `rangeSteps` in one go. A single key, which most reads ask for, needs no steps. */
export function rangeInOneGo(
  index: KeyIndex,
  log: RevisionLog,
  query: RangeQuery,
  at: number,
  revision: number,
): RangeOutcome {
  if (query.end !== undefined || query.keysOnly) return finish(rangeSteps(index, log, query, at, revision))
  const state = new KeyState()
  const exists = index.lookup(query.key, at, state)
  const isShown = exists && !query.countOnly && (!query.filters || passes(query, state))
  const kvs = isShown ? [log.read(state.mod, state.sub, true)] : []
  return { kind: 'ok', revision, count: exists ? 1 : 0, more: false, kvs }
}

/** Reads at revision `at`, which stays readable until the steps end. `revision` is the store's. */
export function* rangeSteps(
  index: KeyIndex,
  log: RevisionLog,
  query: RangeQuery,
  at: number,
  revision: number,
): Steps<RangeOutcome> {
  const selection = yield* selectSteps(index, log, query, at)
  const { count, more } = selection
  const kvs = query.countOnly ? [] : yield* pairSteps(log, query, selection)
  return { kind: 'ok', revision, count, more, kvs }
}

/** As `rangeSteps`, with the pairs encoded for the answer. */
export function* encodedRangeSteps(
  index: KeyIndex,
  log: RevisionLog,
  query: RangeQuery,
  at: number,
  revision: number,
): Steps<EncodedRangeOutcome> {
  const selection = yield* selectSteps(index, log, query, at)
  const { count, more, matches, order, length, values } = selection
  const pairs = new PairBlocks(query.countOnly ? 0 : length, more)
  if (!query.countOnly) {
    let done = 0
    if (!query.keysOnly && values === undefined) done = yield* encodeSteps(log, matches, order, length, pairs)
    if (done < length) yield* addSteps(yield* pairSteps(log, query, selection, done), pairs)
  }
  return { kind: 'ok', revision, count, more, pairs }
}

function* selectSteps(index: KeyIndex, log: RevisionLog, query: RangeQuery, at: number): Steps<Selection> {
  const matches = new Matches()
  const count = yield* collectSteps(index, query, at, matches)
  const more = !query.countOnly && query.limit > 0 && matches.length > query.limit
  const length = more ? query.limit : matches.length
  let values: Uint8Array[] | undefined
  let order: Uint32Array | undefined
  if (query.countOnly) return { count, more, matches, order, length, values }
  if (query.target !== SortTarget.key) {
    if (query.target === SortTarget.value) values = yield* fetchSteps(log, matches, undefined, 0, matches.length)
    const compare = comparison(query, matches, values)
    order = yield* sortSteps(Uint32Array.from(matches.mains.keys()), compare)
  } else if (query.order === SortOrder.descend) {
    order = Uint32Array.from(matches.mains.keys()).reverse()
  }
  return { count, more, matches, order, length, values }
}

/** The KeyValues of a selection from its `from`-th on. */
function* pairSteps(log: RevisionLog, query: RangeQuery, selection: Selection, from = 0): Steps<Uint8Array[]> {
  const { matches, order, length, values } = selection
  if (query.keysOnly && values === undefined) return yield* keysOnlySteps(matches, order, length)
  const kvs: Uint8Array[] =
    values === undefined ? yield* fetchSteps(log, matches, order, from, length) : pick(values, order, length)
  return query.keysOnly ? kvs.map(stripped) : kvs
}

/** Fills `matches` with what passes the filters, as far as the answer can need it; returns the count without filters. */
function* collectSteps(index: KeyIndex, query: RangeQuery, at: number, matches: Matches): Steps<number> {
  const state = new KeyState()
  const { filters, countOnly, keysOnly } = query
  // Without filters, and unless the whole range must be sorted, keys beyond the limit are only counted. That holds for
  // order NONE with any target too: a quirk of the reference that changes which keys are returned.
  const inOrder =
    query.order === SortOrder.none || (query.order === SortOrder.ascend && query.target === SortTarget.key)
  const matchesMax = countOnly ? 0 : query.limit > 0 && inOrder && !filters ? query.limit + 1 : Infinity
  let count = 0
  const visit = (record: KeyRecord): void => {
    if (!record.lookup(at, state)) return
    count++
    if (matches.length >= matchesMax || (filters && !passes(query, state))) return
    matches.mains.push(state.mod)
    matches.subs.push(state.sub)
    matches.creates.push(state.create)
    matches.versions.push(state.version)
    if (keysOnly) matches.keys.push(record.key)
  }
  if (query.end === undefined) {
    const record = index.get(query.key)
    if (record !== undefined) visit(record)
    return count
  }
  let from: Key | undefined = query.key
  while (from !== undefined && (query.end === OPEN_END || from < query.end)) {
    from = index.walk(from, query.end, WALK_STEP, visit)
    if (!query.needsCount && matches.length >= matchesMax) return count
    if (from !== undefined) yield
  }
  return count
}

const passes = (query: RangeQuery, { mod, create }: KeyState): boolean =>
  (query.minMod === 0 || mod >= query.minMod) &&
  (query.maxMod === 0 || mod <= query.maxMod) &&
  (query.minCreate === 0 || create >= query.minCreate) &&
  (query.maxCreate === 0 || create <= query.maxCreate)

/** Compares matches by the sort target; keys with equal values stay in ascending key order in both directions. */
const comparison = (
  { target, order }: RangeQuery,
  matches: Matches,
  values: readonly Uint8Array[] | undefined,
): ((a: number, b: number) => number) => {
  const sign = order === SortOrder.descend ? -1 : 1
  if (values !== undefined) {
    const plain = values.map((kv) => valueOf(kv))
    return (a, b) => sign * compareBytes(plain[a]!, plain[b]!) || a - b
  }
  const numbers =
    target === SortTarget.version ? matches.versions : target === SortTarget.create ? matches.creates : matches.mains
  return (a, b) => sign * (numbers[a]! - numbers[b]!) || a - b
}

/** Only a keys-only read sorted by value comes here, and there the reference keeps the lease. */
const stripped = (kv: Uint8Array): Uint8Array => withoutValue(kv, 0, kv.length, true)

const pick = (values: readonly Uint8Array[], order: Uint32Array | undefined, length: number): Uint8Array[] =>
  Array.from({ length }, (_, n) => values[order?.[n] ?? n]!)

function* keysOnlySteps(matches: Matches, order: Uint32Array | undefined, length: number): Steps<Uint8Array[]> {
  const kvs: Uint8Array[] = []
  for (let n = 0; n < length; n++) {
    const i = order?.[n] ?? n
    const { keys, creates, mains, versions } = matches
    kvs.push(encodeKeyValue(keys[i]!, creates[i]!, mains[i]!, versions[i]!, EMPTY_BYTES, NO_LEASE))
    if (n % WALK_STEP === WALK_STEP - 1) yield
  }
  return kvs
}

/**
 * Encodes the first `length` matches in `order`, where they lie: those in memory at once, the others row by row. Returns how many
 * it did: of a long list of small values, read from rows that hold many each, it leaves the rest to `fetchSteps`, which reads each
 * row once however the keys are spread.
 */
function* encodeSteps(
  log: RevisionLog,
  matches: Matches,
  order: Uint32Array | undefined,
  length: number,
  pairs: PairBlocks,
): Steps<number> {
  let cached = length <= CACHED_FETCH_MAX
  const found = Array.from({ length: Math.min(length, FETCH_STEP) }, () => new FoundValue())
  const { mains, subs } = matches
  for (let from = 0; from < length; from += FETCH_STEP) {
    const to = Math.min(from + FETCH_STEP, length)
    let missing: number[] | undefined
    for (let n = from; n < to; n++) {
      const i = order?.[n] ?? n
      if (!log.isResident(mains[i]!, subs[i]!, found[n - from]!)) (missing ??= []).push(n)
    }
    if (missing !== undefined) readMissing(log, matches, order, missing, found, from, cached)
    for (let n = from; n < to; n++) {
      const value = found[n - from]!
      if (pairs.add(value.bytes, value.start, value.end)) value.hold()
    }
    if (from === 0 && !cached) {
      if (pairs.sizeBytes < to * DIRECT_PAIR_BYTES) return to
      // A list that fits is likely to be asked for again: clients that start list everything.
      cached = (pairs.sizeBytes / to) * length * ROW_SHARE < log.cacheBytesMax
    }
    yield
  }
  return length
}

/** Reads what is not in memory, neighbours in the log after each other. `found[n - from]` is for the n-th of the answer. */
function readMissing(
  log: RevisionLog,
  { mains, subs }: Matches,
  order: Uint32Array | undefined,
  missing: number[],
  found: readonly FoundValue[],
  from: number,
  cached: boolean,
): void {
  if (missing.length > 1) {
    const places = new Map(missing.map((n) => [n, log.placeOf(mains[order?.[n] ?? n]!, subs[order?.[n] ?? n]!)]))
    missing.sort((a, b) => places.get(a)! - places.get(b)!)
  }
  for (const n of missing) {
    const i = order?.[n] ?? n
    log.find(mains[i]!, subs[i]!, cached, found[n - from]!)
  }
}

function* addSteps(kvs: (Uint8Array | undefined)[], pairs: PairBlocks): Steps<void> {
  for (let n = 0; n < kvs.length; n++) {
    const kv = kvs[n]!
    pairs.add(kv, 0, kv.length)
    // What was copied may go: the list need not be in memory twice.
    kvs[n] = undefined
    if (n % WALK_STEP === WALK_STEP - 1) yield
  }
}

/** The KeyValues of the matches [from, to) in `order`. */
function* fetchSteps(
  log: RevisionLog,
  matches: Matches,
  order: Uint32Array | undefined,
  from: number,
  to: number,
): Steps<Uint8Array[]> {
  const length = to - from
  const kvs = new Array<Uint8Array>(length)
  const cached = length <= CACHED_FETCH_MAX
  const places = length > SMALL_FETCH ? yield* placeSteps(log, matches, order, from, length) : undefined
  const group = new ValueGroup(kvs)
  const found = new FoundValue()
  for (let n = 0; n < length; n++) {
    const slot = places?.[n] ?? n
    const i = order?.[from + slot] ?? from + slot
    log.find(matches.mains[i]!, matches.subs[i]!, cached, found)
    group.add(slot, found)
    if (n % FETCH_STEP !== FETCH_STEP - 1) continue
    group.close()
    yield
  }
  group.close()
  return kvs
}

/**
 * The result slots [0, length) of the matches from `from` on, in the order of the log, so that each chunk is read once however the keys are spread.
 * Compaction may move revisions meanwhile: the order is then less good, never wrong.
 */
function* placeSteps(
  log: RevisionLog,
  matches: Matches,
  order: Uint32Array | undefined,
  from: number,
  length: number,
): Steps<Uint32Array> {
  const places = new Float64Array(length)
  let placeMax = 0
  for (let slot = 0; slot < length; slot++) {
    const i = order?.[from + slot] ?? from + slot
    const place = log.placeOf(matches.mains[i]!, matches.subs[i]!)
    places[slot] = place
    if (place > placeMax) placeMax = place
    if (slot % WALK_STEP === WALK_STEP - 1) yield
  }
  if (length <= SORTED_FETCH) {
    // Place and slot in one number: the sort without a callback is several times faster.
    for (let slot = 0; slot < length; slot++) places[slot] = places[slot]! * SORTED_FETCH + slot
    places.sort()
    return Uint32Array.from(places, (packed) => packed % SORTED_FETCH)
  }
  const starts = new Uint32Array(placeMax + 2)
  for (let slot = 0; slot < length; slot++) starts[places[slot]! + 1]!++
  yield
  for (let place = 1; place < starts.length; place++) starts[place]! += starts[place - 1]!
  yield
  const slots = new Uint32Array(length)
  for (let slot = 0; slot < length; slot++) {
    slots[starts[places[slot]!]!++] = slot
    if (slot % (16 * WALK_STEP) === 0) yield
  }
  return slots
}

/** Copies values, those of one row together, where rows are only lent for the turn. `close` ends it. */
class ValueGroup {
  readonly #kvs: Uint8Array[]
  readonly #slots: number[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []
  #source: Uint8Array = EMPTY_BYTES
  #bytes = 0

  constructor(kvs: Uint8Array[]) {
    this.#kvs = kvs
  }

  add(slot: number, found: FoundValue): void {
    const { bytes, start, end } = found
    if (found.isLarge) {
      this.#kvs[slot] = bytes.subarray(start, end)
      return
    }
    if (bytes !== this.#source) {
      this.close()
      this.#source = bytes
    }
    this.#slots.push(slot)
    this.#starts.push(start)
    this.#ends.push(end)
    this.#bytes += end - start
  }

  close(): void {
    if (this.#slots.length === 0) return
    const copy = Buffer.allocUnsafe(this.#bytes)
    let at = 0
    for (let n = 0; n < this.#slots.length; n++) {
      const value = this.#source.subarray(this.#starts[n], this.#ends[n])
      copy.set(value, at)
      this.#kvs[this.#slots[n]!] = copy.subarray(at, at + value.length)
      at += value.length
    }
    this.#slots.length = this.#starts.length = this.#ends.length = 0
    this.#source = EMPTY_BYTES
    this.#bytes = 0
  }
}
