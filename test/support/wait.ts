// Waiting for the outside world: other processes have real clocks, so these waits are bounded and real.

export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export interface WaitOptions {
  readonly timeoutMs?: number
  readonly intervalMs?: number
  /** Added to the error. */
  readonly detail?: () => string
}

/**
 * Asks `probe` every `intervalMs` until it gives something other than undefined or false, and returns that.
 * @throws after `timeoutMs`, with `what` and whatever `detail` tells.
 */
export const waitFor = async <T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 10_000, intervalMs = 10, detail = () => '' }: WaitOptions = {},
): Promise<T> => {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const found = await probe()
    if (found !== undefined && found !== false) return found
    if (Date.now() >= deadline) throw new Error(`no ${what} within ${timeoutMs} ms ${detail()}`)
    await delay(intervalMs)
  }
}

/** `promise`, or a rejection naming `what` after `timeoutMs`. */
export const within = async <T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
