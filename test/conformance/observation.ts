/** What a command showed, already normalised. */
export interface Observation {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
}
