// How V8 should treat a server whose objects live for one request.

import { setFlagsFromString } from 'node:v8'

/**
 * Allocation-site pretenuring off. Where nearly all objects of one place in the code survive a collection, as requests do while a
 * thousand of them wait for the disk, V8 makes the next ones old from the start: a hundred megabytes a second of garbage that only
 * full collections take. Read by V8 at every collection, so it may be set in a process that runs.
 */
export const keepYoungObjectsYoung = (): void => {
  setFlagsFromString('--no-allocation-site-pretenuring')
}
