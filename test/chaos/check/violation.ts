// What a checker says about a history that breaks a promise.

export type Rule =
  | 'truth'
  | 'lost write'
  | 'wrong answer'
  | 'applied twice'
  | 'phantom'
  | 'stale read'
  | 'future read'
  | 'real-time order'
  | 'member went back'
  | 'watch order'
  | 'watch unique'
  | 'watch atomic'
  | 'watch reliable'
  | 'watch resumable'
  | 'watch bookmark'
  | 'watch content'
  | 'watch late'
  | 'members differ'
  | 'hash'
  | 'election'
  | 'write gap'
  | 'leader kept'
  | 'process'
  | 'recovery'

export interface Violation {
  readonly rule: Rule
  /** For people: which operations, revisions and members, and what was expected. */
  readonly text: string
}

export const violation = (rule: Rule, text: string): Violation => ({ rule, text })
