// Ports for servers under test.
import { createServer } from 'node:net'

/** Below the range from which Linux takes ports for outgoing connections, so that none of those can take ours meanwhile. */
const FIRST_PORT = 12_000
const LAST_PORT = 31_999
const ATTEMPTS_MAX = 200

/** Tried before: whoever got one may not listen on it yet. */
const TRIED = new Set<number>()

/**
 * A port of 127.0.0.1 that nothing listens on, another one each time. Two processes may still be given the same one: the loser starts
 * again.
 */
export const freePort = async (): Promise<number> => {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1))
    if (TRIED.has(port)) continue
    // Before anything else may look.
    TRIED.add(port)
    if (await isFree(port)) return port
  }
  throw new Error('no free port on 127.0.0.1')
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)))
  })
