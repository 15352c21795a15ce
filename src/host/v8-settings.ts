// How V8 should treat a server whose objects live for one request.

import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8'

/**
 * Allocation-site pretenuring off. Where nearly all objects of one place in the code survive a collection, as requests do while a
 * thousand of them wait for the disk, V8 makes the next ones old from the start: a hundred megabytes a second of garbage that only
 * full collections take. Read by V8 at every collection, so it may be set in a process that runs.
 */
export const keepYoungObjectsYoung = (): void => {
  setFlagsFromString('--no-allocation-site-pretenuring')
}

/**
 * One half of the young generation. V8 lets it grow to 16 MiB: then a collection with a thousand writers takes 3 ms instead of 2, since
 * it comes half as often and meets twice the objects that are to stay. With 4 MiB there are so many that writes become slower.
 */
const SEMI_SPACE_BYTES = 8 * 1024 * 1024
/** Between two looks: the least after a change, twice as long after each look without one. Looking costs 150 us of an idle core. */
const LOOK_MS = 10
const LOOK_MS_MAX = 200

/**
 * Stops the growth of the young generation at `SEMI_SPACE_BYTES` a half. Its largest size is fixed when a process starts, but the factor
 * by which it grows is read each time, after collections that many objects survived. V8 may shrink it later, so this goes on; a step
 * that comes between two looks is one too many, which only makes the pauses longer. Whoever has told Node.js a size keeps it.
 */
export const boundYoungGeneration = (): void => {
  if (isGiven(/semi[-_]space/)) return
  let seenBytes = 0
  let waitMs = LOOK_MS
  const look = (): void => {
    const bytes = newSpaceBytes()
    waitMs = bytes === seenBytes ? Math.min(2 * waitMs, LOOK_MS_MAX) : LOOK_MS
    if (bytes !== seenBytes) setFlagsFromString(`--semi-space-growth-factor=${growthFactor(bytes)}`)
    seenBytes = bytes
    setTimeout(look, waitMs).unref()
  }
  look()
}

/** For a young generation of so many bytes, both halves: V8's own factor below the bound, none from there on. */
export const growthFactor = (bytes: number): number => (bytes < 2 * SEMI_SPACE_BYTES ? 2 : 1)

const newSpaceBytes = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_size ?? 2 * SEMI_SPACE_BYTES

/** What should be allocated at least between two full collections. */
const STRIDE_BYTES = 128 * 1024 * 1024
/** Least and most growth. V8 itself goes up to 300. */
const GROWTH_PERCENT_MIN = 50
const GROWTH_PERCENT_MAX = 300
const STRIDE_LOOK_MS = 1000

/**
 * Full collections about every `STRIDE_BYTES`, or more often while there is little (`GROWTH_PERCENT_MAX`). V8 lets the old generation grow by a tenth to a half, and what buffers hold
 * outside of it counts as growth: with 50 MiB of objects, the buffers of one snapshot on its way brought a full collection every tenth
 * of a second, each of them half of a core for 40 ms. The factor is read at the end of every full collection. Whoever has told Node.js
 * one keeps it.
 */
export const boundFullCollections = (): void => {
  if (isGiven(/heap[-_]growing/)) return
  let percent = 0
  const look = (): void => {
    const wanted = growthPercent(getHeapStatistics().used_heap_size)
    // Small steps are not worth a flag.
    if (Math.abs(wanted - percent) < percent / 10) return
    percent = wanted
    setFlagsFromString(`--heap-growing-percent=${percent}`)
  }
  look()
  setInterval(look, STRIDE_LOOK_MS).unref()
}

/** For so many bytes of objects. */
export const growthPercent = (bytes: number): number => {
  const percent = Math.round((100 * STRIDE_BYTES) / Math.max(bytes, 1))
  return Math.min(Math.max(percent, GROWTH_PERCENT_MIN), GROWTH_PERCENT_MAX)
}

/** Whether whoever started the process has said something of it. */
const isGiven = (flag: RegExp): boolean => flag.test([...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' '))
