// Stable storage as tests see it: what jobs have made durable, and what a restart finds.

import { index as toIndex } from '../../base/index.js'
import type { Index, Term } from '../../base/index.js'
import type { LogPosition } from '../log.js'
import type { AppendJob } from '../node.js'
import { ConfState, HardState } from '../pb.js'
import type { Entry } from '../pb.js'

export class Disk {
  hardState = new HardState()
  compacted: LogPosition = { index: 0 as Index, term: 0 as Term }
  entries: Entry[] = []
  /** Membership as of each index that changed it; the first one is as of `compacted`. */
  readonly confStates = new Map<Index, ConfState>()

  get lastIndex(): Index {
    return toIndex(this.compacted.index + this.entries.length)
  }

  term(at: Index): Term | undefined {
    return at === this.compacted.index ? this.compacted.term : this.entries[at - this.compacted.index - 1]?.term
  }

  /**
   * Makes a job durable; with `entryCount` only the snapshot and that many entries of it, as a crash may leave it. The hard
   * state comes last.
   */
  write(job: AppendJob, entryCount = job.entries.length, withHardState = entryCount >= job.entries.length): void {
    const at = job.snapshot?.metadata
    if (at !== undefined) {
      this.compacted = { index: at.index, term: at.term }
      this.entries = []
      this.confStates.set(at.index, at.confState!)
      if (this.hardState.commit < at.index) this.hardState = withCommit(this.hardState, at.index)
    }
    for (const entry of job.entries.slice(0, entryCount)) {
      if (entry.index <= this.compacted.index) continue // compacted since: it was applied
      this.entries.length = entry.index - this.compacted.index - 1
      this.entries.push(entry)
    }
    if (withHardState && job.hardState !== undefined) this.hardState = job.hardState
  }

  compact(at: Index): void {
    const term = this.term(at)
    if (at <= this.compacted.index || term === undefined) return
    this.entries.splice(0, at - this.compacted.index)
    this.compacted = { index: at, term }
  }

  /** The membership in force once everything up to `at` is applied. */
  confStateAt(at: Index): ConfState {
    let best = new ConfState()
    let bestIndex = -1
    for (const [index, state] of this.confStates) {
      if (index <= at && index > bestIndex) {
        best = state
        bestIndex = index
      }
    }
    return best
  }
}

const withCommit = (state: HardState, commit: Index): HardState => {
  const copy = new HardState()
  copy.term = state.term
  copy.vote = state.vote
  copy.commit = commit
  return copy
}
