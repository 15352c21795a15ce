// Short histories made by hand, for the tests of the checkers. Answers are right unless a test says otherwise.
import type {
  Action,
  Answer,
  History,
  KeyRange,
  KeyValue,
  Operation,
  Request,
  WatchEvent,
  WatchFilter,
  WatchMessage,
  WatchSegment,
} from '../history.js'
import { tombstone, Truth, type Change } from './truth.js'

/** Revisions from 2 on, each in words: `a=1` puts, `-a` deletes; several in one revision are separated by spaces. */
export const changesOf = (...revisions: readonly string[]): Change[] => {
  const alive = new Map<string, KeyValue>()
  return revisions.flatMap((words, i) =>
    words.split(' ').map((word): Change => {
      const modRevision = i + 2
      if (word.startsWith('-')) {
        alive.delete(word.slice(1))
        return { type: 'delete', kv: tombstone(word.slice(1), modRevision) }
      }
      const [key, value] = word.split('=') as [string, string]
      const before = alive.get(key)
      const createRevision = before?.createRevision ?? modRevision
      const kv = { key, value, createRevision, modRevision, version: (before?.version ?? 0) + 1 }
      alive.set(key, kv)
      return { type: 'put', kv }
    }),
  )
}

/** Invoked and returned; no second number: never answered. */
export type Interval = readonly [number, number?]

export interface Extra {
  readonly answer?: Partial<Answer>
  /** Process of a member, `m1/1` unless given. */
  readonly process?: string
  readonly serializable?: boolean
  /** The read is answered as the state was at this revision. */
  readonly as?: number
}

export class HandMade implements History {
  readonly operations: Operation[] = []
  readonly segments: WatchSegment[] = []
  readonly changes: readonly Change[]
  readonly truth: Truth

  constructor(...revisions: readonly string[]) {
    this.changes = changesOf(...revisions)
    this.truth = new Truth(this.changes)
  }

  /** Words as in `changesOf`: one or several puts and deletes in one transaction. */
  write(words: string, interval: Interval, revision = 0, extra: Extra = {}): this {
    return this.#add(requestOf(words), interval, revision, true, extra)
  }

  /** Puts `word` if the key was last changed at `modRevision`, else reads it. `revision` < 0: the comparison failed there. */
  compareAndPut(word: string, modRevision: number, interval: Interval, revision = 0, extra: Extra = {}): this {
    const [put] = requestOf(word).then as [Action & { type: 'put' }]
    const otherwise: Action[] = [{ type: 'get', key: put.key, revision: 0 }]
    const request = { compare: { key: put.key, modRevision }, then: [put], otherwise, serializable: false }
    return this.#add(request, interval, Math.abs(revision), revision > 0, extra)
  }

  read(range: string | KeyRange, interval: Interval, revision = 0, extra: Extra & { at?: number } = {}): this {
    const keys = typeof range === 'string' ? { key: range } : range
    const then: Action[] = [{ type: 'get', ...keys, revision: extra.at ?? 0 }]
    return this.#add(
      { then, otherwise: [], serializable: extra.serializable ?? false },
      interval,
      revision,
      false,
      extra,
    )
  }

  watch(start: number, messages: readonly WatchMessage[], filter: Partial<WatchFilter> = {}, created = 1): this {
    this.segments.push({
      watcher: 'w',
      member: 'm1',
      filter: { ...EVERYTHING, noPut: false, noDelete: false, previous: false, ...filter },
      startRevision: start,
      createdRevision: created,
      messages: [...messages],
      ended: undefined,
    })
    return this
  }

  #add(request: Request, [invokedMs, returnedMs]: Interval, revision: number, changes: boolean, extra: Extra): this {
    const [member, incarnation] = (extra.process ?? 'm1/1').split('/') as [string, string]
    const state = extra.as ?? (changes ? revision - 1 : revision)
    const { succeeded, results } = this.truth.execute(request, state)
    const answer = { revision, succeeded, results, ...extra.answer }
    this.operations.push({
      id: this.operations.length + 1,
      client: 'c',
      member,
      incarnation: Number(incarnation),
      incarnationAtReturn: returnedMs === undefined ? 0 : Number(incarnation),
      request,
      invokedMs,
      returnedMs: returnedMs ?? Infinity,
      answer: returnedMs === undefined ? undefined : answer,
      failure: returnedMs === undefined ? 'deadline' : undefined,
      failedMs: undefined,
    })
    return this
  }
}

export const EVERYTHING = { key: 'a', end: 'z' }

export const requestOf = (words: string): Request => ({
  then: words.split(' ').map((word): Action => {
    if (word.startsWith('-')) return { type: 'delete', key: word.slice(1) }
    const [key, value] = word.split('=') as [string, string]
    return { type: 'put', key, value }
  }),
  otherwise: [],
  serializable: false,
})

/** One message with the events of these changes; without any it is a progress notice. */
export const message = (revision: number, changes: readonly Change[], fragment = false): WatchMessage => ({
  revision,
  events: changes.map((change): WatchEvent => ({ ...change, previous: null })),
  fragment,
  atMs: 0,
})
