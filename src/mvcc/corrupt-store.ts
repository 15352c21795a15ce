/**
 * The rows of the backend contradict each other or do not parse. The state machine cannot go on: the process stops and
 * the operator restores the member (a snapshot, or removing and adding it).
 */
export class CorruptStore extends Error {
  override readonly name = 'CorruptStore'
}
