// Judges watches against the ground truth: ordered, unique, atomic, reliable, resumable, bookmarkable, and right in content.
import { inRange, type WatchEvent, type WatchFilter, type WatchMessage, type WatchSegment } from '../history.js'
import { describeKv, sameKv, type Change, type Truth } from './truth.js'
import { violation, type Rule, type Violation } from './violation.js'

/** The rest of a broken stream is noise. */
const REPORTED_MAX_PER_SEGMENT = 5

export const checkWatches = (segments: readonly WatchSegment[], truth: Truth): Violation[] =>
  segments.flatMap((segment) => new SegmentCheck(segment, truth).run())

/** Changes that a filter lets through, from a revision on. */
export const matching = (truth: Truth, filter: WatchFilter, from: number): Change[] => {
  const found: Change[] = []
  for (let revision = Math.max(2, from); revision <= truth.revision; revision++)
    found.push(...truth.changesAt(revision).filter((change) => matches(filter, change.type, change.kv.key)))
  return found
}

const matches = (filter: WatchFilter, type: 'put' | 'delete', key: string): boolean =>
  inRange(filter, key) && !(type === 'put' ? filter.noPut : filter.noDelete)

/** The first revision that a segment promises; undefined when it was never created. */
export const firstRevisionOf = ({ startRevision, createdRevision }: WatchSegment): number | undefined => {
  if (startRevision !== 0) return startRevision
  return createdRevision === undefined ? undefined : createdRevision + 1
}

class SegmentCheck {
  readonly #segment: WatchSegment
  readonly #truth: Truth
  readonly #violations: Violation[] = []
  readonly #first: number
  /** What must come, in this order. */
  readonly #expected: readonly Change[]
  #arrived = 0
  /** Newest revision that was delivered whole. */
  #delivered: number
  /** Newest progress notice: nothing at or below it may come any more. */
  #promised = 0

  constructor(segment: WatchSegment, truth: Truth) {
    this.#segment = segment
    this.#truth = truth
    this.#first = firstRevisionOf(segment) ?? Infinity
    this.#delivered = this.#first - 1
    this.#expected = this.#first === Infinity ? [] : matching(truth, segment.filter, this.#first)
  }

  run(): readonly Violation[] {
    for (const message of reassemble(this.#segment.messages)) {
      if (message.events.length === 0) this.#notice(message)
      else this.#deliver(message)
      if (this.#violations.length >= REPORTED_MAX_PER_SEGMENT) break
    }
    return this.#violations.slice(0, REPORTED_MAX_PER_SEGMENT)
  }

  #notice({ revision }: WatchMessage): void {
    if (revision < this.#promised)
      this.#report('watch bookmark', `a progress notice of ${revision} came after one of ${this.#promised}`)
    if (revision < this.#delivered && this.#delivered >= this.#first)
      this.#report('watch bookmark', `a progress notice of ${revision} came after an event of ${this.#delivered}`)
    const missed = this.#expected[this.#arrived]
    if (missed !== undefined && missed.kv.modRevision <= revision)
      this.#report('watch bookmark', `a progress notice of ${revision} came before the event of ${nameOf(missed)}`)
    if (revision > this.#truth.revision)
      this.#report('watch bookmark', `a progress notice of ${revision}, the store ended at ${this.#truth.revision}`)
    this.#promised = Math.max(this.#promised, revision)
  }

  #deliver({ revision, events }: WatchMessage): void {
    let newest = this.#delivered
    for (const [i, event] of events.entries()) {
      const at = event.kv.modRevision
      if (at > revision) this.#report('watch content', `event of ${at} under header revision ${revision}`)
      this.#checkPosition(event, newest, i === 0)
      this.#checkExpected(event)
      newest = Math.max(newest, at)
    }
    // Whoever got the first part of a revision gets all of it in the same message.
    const next = this.#expected[this.#arrived]
    if (next !== undefined && next.kv.modRevision <= newest && this.#violations.length === 0)
      this.#report('watch atomic', `revision ${next.kv.modRevision} is split: ${nameOf(next)} is not in its message`)
    this.#delivered = newest
  }

  #checkPosition({ kv }: WatchEvent, newest: number, firstOfMessage: boolean): void {
    const at = kv.modRevision
    if (at < this.#first) this.#report('watch resumable', `event of ${at} before the start at ${this.#first}`)
    else if (at < newest) this.#report('watch order', `event of ${at} after one of ${newest}`)
    else if (at === newest && firstOfMessage && newest === this.#delivered && at >= this.#first)
      this.#report('watch atomic', `revision ${at} came in two messages`)
    if (at <= this.#promised)
      this.#report('watch bookmark', `event of ${at} after a progress notice of ${this.#promised}`)
  }

  #checkExpected(event: WatchEvent): void {
    const { kv, type } = event
    const sought = (change: Change): boolean => change.kv.modRevision === kv.modRevision && change.kv.key === kv.key
    let position = this.#arrived
    while (position < this.#expected.length && !sought(this.#expected[position]!)) position++
    if (position === this.#expected.length) {
      const before = this.#expected.slice(0, this.#arrived).some(sought)
      const rule = before ? 'watch unique' : 'watch content'
      this.#report(rule, before ? `${nameOf({ type, kv })} came again` : `${nameOf({ type, kv })} never happened`)
      return
    }
    const change = this.#expected[position]!
    if (position > this.#arrived) {
      const missed = this.#expected[this.#arrived]!
      const rule: Rule = missed.kv.modRevision === kv.modRevision ? 'watch order' : 'watch reliable'
      const word = rule === 'watch order' ? 'came before' : 'came without'
      this.#report(rule, `${nameOf({ type, kv })} ${word} ${nameOf(missed)}`)
    }
    this.#arrived = position + 1
    if (type !== change.type || (type === 'put' && !sameKv(kv, change.kv)))
      this.#report('watch content', `${nameOf({ type, kv })}, expected ${nameOf(change)}`)
    this.#checkPrevious(event)
  }

  #checkPrevious({ kv, previous }: WatchEvent): void {
    const expected = this.#segment.filter.previous ? this.#truth.at(kv.key, kv.modRevision - 1) : undefined
    if (expected === undefined && previous === null) return
    if (expected !== undefined && previous !== null && sameKv(expected, previous)) return
    const [found, wanted] = [previous, expected].map((value) => (value ? describeKv(value) : 'none'))
    this.#report('watch content', `previous of ${kv.key} at ${kv.modRevision} is ${found}, expected ${wanted}`)
  }

  #report(rule: Rule, text: string): void {
    const { watcher, member, startRevision } = this.#segment
    this.#violations.push(violation(rule, `${watcher} at ${member} from ${startRevision}: ${text}`))
  }
}

/** Fragments of one response, put together. */
const reassemble = (messages: readonly WatchMessage[]): WatchMessage[] => {
  const whole: WatchMessage[] = []
  let open: WatchMessage | undefined
  for (const message of messages) {
    const joined: WatchMessage =
      open === undefined ? message : { ...message, events: [...open.events, ...message.events] }
    open = message.fragment ? joined : undefined
    if (open === undefined) whole.push(joined)
  }
  return whole
}

const nameOf = ({ type, kv }: Change): string =>
  type === 'put' ? `put ${describeKv(kv)}` : `delete ${kv.key} at ${kv.modRevision}`
