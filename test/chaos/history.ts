// What a chaos run writes down: every call of every client, every message of every watch, with times of one monotonic clock.
// Revisions are numbers, keys and values are text, so that a history can be saved as JSON and read by people.

export interface KeyValue {
  readonly key: string
  readonly value: string
  readonly createRevision: number
  readonly modRevision: number
  readonly version: number
}

/** Half-open interval [key, end) of keys; a single key when `end` is undefined. */
export interface KeyRange {
  readonly key: string
  readonly end?: string | undefined
}

export type Action =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }
  /** `revision` 0 is the newest. */
  | ({ readonly type: 'get'; readonly revision: number } & KeyRange)

/** One call, whatever its method: all of KV is a transaction with at most one comparison. */
export interface Request {
  /** Holds when the key's mod revision (0: absent) is this. */
  readonly compare?: { readonly key: string; readonly modRevision: number } | undefined
  readonly then: readonly Action[]
  readonly otherwise: readonly Action[]
  /** Answered from the member's own state. Only for a lone get. */
  readonly serializable: boolean
}

/** Of one action. get: what was found. put and delete: what was there before. */
export type Result = readonly KeyValue[]

export interface Answer {
  /** The header's. */
  readonly revision: number
  readonly succeeded: boolean
  readonly results: readonly Result[]
}

export interface Operation {
  readonly id: number
  readonly client: string
  readonly member: string
  /** Which process of the member, counted from 1, took the call and which one ran when the answer came. */
  readonly incarnation: number
  incarnationAtReturn: number
  readonly request: Request
  readonly invokedMs: number
  /** Infinity until it is answered; stays so when it failed, because it may still happen. */
  returnedMs: number
  answer: Answer | undefined
  /** Why there is no answer. */
  failure: string | undefined
  failedMs: number | undefined
}

export interface WatchEvent {
  readonly type: 'put' | 'delete'
  /** Of a delete: only key and modRevision count. */
  readonly kv: KeyValue
  /** null when the server sent none. */
  readonly previous: KeyValue | null
}

export interface WatchMessage {
  /** The header's. */
  readonly revision: number
  readonly events: readonly WatchEvent[]
  /** More of the same response follows. */
  readonly fragment: boolean
  readonly atMs: number
}

export interface WatchFilter extends KeyRange {
  readonly noPut: boolean
  readonly noDelete: boolean
  readonly previous: boolean
}

/** One watch on one stream, from its creation to its end. */
export interface WatchSegment {
  readonly watcher: string
  readonly member: string
  readonly filter: WatchFilter
  /** 0: from now on. */
  readonly startRevision: number
  /** Header revision of the message that said "created"; undefined when it never came. */
  createdRevision: number | undefined
  /** Messages with events, and progress notices (no events), in the order in which they came. */
  readonly messages: WatchMessage[]
  /** Why it ended; undefined while it runs. */
  ended: string | undefined
}

export interface History {
  readonly operations: Operation[]
  readonly segments: WatchSegment[]
}

/** Milliseconds of the clock that all of a history shares. */
export const nowMs = (): number => performance.now()

export const inRange = ({ key, end }: KeyRange, candidate: string): boolean =>
  end === undefined ? candidate === key : candidate >= key && candidate < end

export const isWriteRequest = ({ then, otherwise }: Request): boolean =>
  [...then, ...otherwise].some(({ type }) => type !== 'get')

export const describeRequest = ({ compare, then, otherwise, serializable }: Request): string => {
  const condition = compare === undefined ? '' : `if mod(${compare.key})=${compare.modRevision} `
  const rest = otherwise.length === 0 ? '' : ` else ${otherwise.map(describeAction).join(', ')}`
  return `${serializable ? 'serializable ' : ''}${condition}${then.map(describeAction).join(', ')}${rest}`
}

const describeAction = (action: Action): string => {
  switch (action.type) {
    case 'put':
      return `put ${action.key}=${action.value}`
    case 'delete':
      return `delete ${action.key}`
    case 'get': {
      const range = action.end === undefined ? action.key : `[${action.key}, ${action.end})`
      return action.revision === 0 ? `get ${range}` : `get ${range} at ${action.revision}`
    }
  }
}

export const describeOperation = (operation: Operation): string => {
  const { id, client, member, request, invokedMs, returnedMs, answer, failure } = operation
  const end =
    answer === undefined
      ? `no answer (${failure ?? 'still open'})`
      : `revision ${answer.revision}${answer.succeeded ? '' : ', compare failed'}, returned ${returnedMs.toFixed(1)}`
  return `#${id} ${client} at ${member}: ${describeRequest(request)}; invoked ${invokedMs.toFixed(1)}, ${end}`
}
