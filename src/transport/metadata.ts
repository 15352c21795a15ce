// Request metadata read off HTTP/2 headers.

import type { CallMetadata } from '../env/index.js'

/** Reads `[name, value, name, value, ...]` as node:http2 gives raw headers; each value holds one code unit per byte. */
export class RawMetadata implements CallMetadata {
  readonly #raw: readonly string[]

  constructor(raw: readonly string[]) {
    this.#raw = raw
  }

  get(name: string): string | undefined {
    for (let i = 0; i + 1 < this.#raw.length; i += 2) {
      if (this.#raw[i] === name) return decodeUtf8(this.#raw[i + 1]!)
    }
    return undefined
  }
}

/** Header bytes are UTF-8 by agreement of both sides only; what is none shows as U+FFFD. */
export function decodeUtf8(value: string): string {
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 0x7f) return Buffer.from(value, 'latin1').toString('utf8')
  }
  return value
}
