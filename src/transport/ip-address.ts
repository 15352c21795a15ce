// IP addresses as bytes: two texts of one address compare equal.

import { isIP } from 'node:net'

/** 4 or 16 bytes; undefined when `text` is no address. A zone (`%eth0`) makes it none, as in Go. */
export function ipBytes(text: string): Uint8Array | undefined {
  if (text.includes('%')) return undefined
  const family = isIP(text)
  if (family === 4) return Uint8Array.from(text.split('.').map(Number))
  if (family === 0) return undefined
  const [head = '', tail] = withHexTail(text).split('::')
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  const groups = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

export function sameIp(a: string, b: string): boolean {
  const [left, right] = [ipBytes(a), ipBytes(b)]
  return left !== undefined && right !== undefined && Buffer.compare(left, right) === 0
}

/** `::ffff:1.2.3.4` ends in two groups too. */
const withHexTail = (text: string): string => {
  const match = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  if (match === null) return text
  const [, head = '', a, b, c, d] = match
  const group = (high: string | undefined, low: string | undefined): string =>
    ((Number(high) << 8) | Number(low)).toString(16)
  return `${head}${group(a, b)}:${group(c, d)}`
}

const groupsOf = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)))
