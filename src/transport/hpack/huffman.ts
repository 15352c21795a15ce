// The Huffman code of RFC 7541, Appendix B. The code is canonical: sorted by length, then by symbol, each code is its
// predecessor plus one. So the lengths are all there is to write down.

import { CompressionError } from './compression-error.js'

/** Bits of each symbol 0..255; the last is the end of the string (EOS), which never appears whole. */
const CODE_LENGTHS: readonly number[] = [
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28],
  ...[
    28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6,
  ],
  ...[12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15],
  ...[5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20],
  ...[22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  ...[22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22],
  ...[23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24],
  ...[21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26],
  ...[27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30],
]
const EOS = 256

/** Code of each symbol, right-aligned. */
const CODES = assignCodes()

// The decoder reads four bits at a time. A state is an inner node of the code tree; state and nibble give one entry:
//   bits 0..7   next state
//   bits 8..15  symbol
//   bit 16      a symbol was completed
//   bit 17      no such code (only EOS lies there)
const EMITS = 1 << 16
const FAILS = 1 << 17
const { transitions: TRANSITIONS, mayEnd: MAY_END } = buildTransitions()

/** Longest string that is gathered in the reused buffer. */
const SCRATCH_BYTES = 4096
let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

/**
 * Decodes `bytes[start, end)` into one code unit per byte.
 * @throws CompressionError when a code is unknown, EOS appears, or the padding is not the beginning of EOS of at most 7 bits.
 */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number): string {
  // The shortest code has 5 bits.
  const most = Math.ceil(((end - start) * 8) / 5)
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most)
  const out = scratch
  let length = 0
  let state = 0
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    const high = TRANSITIONS[(state << 4) | (byte >> 4)]!
    if ((high & FAILS) !== 0) throw new CompressionError('invalid Huffman code')
    if ((high & EMITS) !== 0) out[length++] = (high >> 8) & 0xff
    const low = TRANSITIONS[((high & 0xff) << 4) | (byte & 15)]!
    if ((low & FAILS) !== 0) throw new CompressionError('invalid Huffman code')
    if ((low & EMITS) !== 0) out[length++] = (low >> 8) & 0xff
    state = low & 0xff
  }
  if (MAY_END[state] === 0) throw new CompressionError('invalid Huffman padding')
  const text = out.toString('latin1', 0, length)
  if (out.length > SCRATCH_BYTES) scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  return text
}

/** Bytes that `huffmanEncode` makes of `text` (one byte per code unit). */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += CODE_LENGTHS[text.charCodeAt(i) & 0xff]!
  return Math.ceil(bits / 8)
}

/** Owned result. */
export function huffmanEncode(text: string): Uint8Array {
  const out = new Uint8Array(huffmanLength(text))
  let pos = 0
  let held = 0
  let bits = 0
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff
    const length = CODE_LENGTHS[symbol]!
    // At most 7 + 30 bits: beyond what 32-bit operators take.
    held = held * 2 ** length + CODES[symbol]!
    bits += length
    while (bits >= 8) {
      bits -= 8
      const byte = Math.floor(held / 2 ** bits)
      out[pos++] = byte
      held -= byte * 2 ** bits
    }
  }
  if (bits > 0) out[pos] = held * 2 ** (8 - bits) + (2 ** (8 - bits) - 1)
  return out
}

function assignCodes(): readonly number[] {
  const order = CODE_LENGTHS.map((_, symbol) => symbol).sort((a, b) => CODE_LENGTHS[a]! - CODE_LENGTHS[b]! || a - b)
  const codes = new Array<number>(CODE_LENGTHS.length).fill(0)
  let code = 0
  let length = CODE_LENGTHS[order[0]!]!
  for (const symbol of order) {
    code *= 2 ** (CODE_LENGTHS[symbol]! - length)
    length = CODE_LENGTHS[symbol]!
    codes[symbol] = code++
  }
  return codes
}

function buildTransitions(): { transitions: Uint32Array; mayEnd: Uint8Array } {
  // Children of inner node n: tree[2n] for bit 0, tree[2n + 1] for bit 1. Leaves are -1 - symbol, nothing yet is 0.
  const tree: number[] = [0, 0]
  for (const [symbol, code] of CODES.entries()) {
    let node = 0
    for (let bit = CODE_LENGTHS[symbol]! - 1; bit >= 0; bit--) {
      const child = 2 * node + (Math.floor(code / 2 ** bit) % 2)
      if (bit === 0) tree[child] = -1 - symbol
      else {
        if (tree[child] === 0) {
          tree[child] = tree.length / 2
          tree.push(0, 0)
        }
        node = tree[child]!
      }
    }
  }
  const states = tree.length / 2
  const transitions = new Uint32Array(states * 16)
  for (let state = 0; state < states; state++) {
    for (let nibble = 0; nibble < 16; nibble++) transitions[state * 16 + nibble] = walk(tree, state, nibble)
  }
  // Padding is up to seven ones.
  const mayEnd = new Uint8Array(states)
  for (let node = 0, ones = 0; ones <= 7; ones++, node = tree[2 * node + 1]!) mayEnd[node] = 1
  return { transitions, mayEnd }
}

function walk(tree: readonly number[], state: number, nibble: number): number {
  let node = state
  let result = 0
  for (let bit = 3; bit >= 0; bit--) {
    const child = tree[2 * node + ((nibble >> bit) & 1)]!
    if (child >= 0) {
      node = child
      continue
    }
    const symbol = -1 - child
    if (symbol === EOS) return FAILS
    result |= EMITS | (symbol << 8)
    node = 0
  }
  return result | node
}
