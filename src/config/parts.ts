import type { Part } from './flag-row.js'

/**
 * Parts that are built and wired. A flag of a part that is missing here is reported when it is used, and where silence
 * would be dangerous (a second member, a token kind) the start is refused.
 */
export const BUILT_PARTS: ReadonlySet<Part> = new Set<Part>(['clusters', 'corruption checks'])
