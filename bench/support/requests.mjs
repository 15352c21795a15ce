// Requests as bytes, and the little that a load generator has to read of answers.

const varint = (value) => {
  const bytes = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return Buffer.from(bytes)
}

const bytesField = (number, bytes) => Buffer.concat([Buffer.of(number * 8 + 2), varint(bytes.length), bytes])
const intField = (number, value) => Buffer.concat([Buffer.of(number * 8), varint(value)])

const varintSize = (value) => (value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4)

/** In one allocation: load generators make tens of thousands a second. */
export const putRequest = (key, value) => {
  const bytes = Buffer.allocUnsafe(2 + varintSize(key.length) + key.length + varintSize(value.length) + value.length)
  writeBytesField(bytes, writeBytesField(bytes, 0, 0x0a, key), 0x12, value)
  return bytes
}

const writeBytesField = (out, pos, tag, value) => {
  out[pos++] = tag
  let rest = value.length
  for (; rest >= 128; rest >>>= 7) out[pos++] = (rest & 0x7f) | 0x80
  out[pos++] = rest
  out.set(value, pos)
  return pos + value.length
}

/** A transaction without conditions that makes these puts. */
export const txnOfPuts = (puts) => Buffer.concat(puts.map((put) => bytesField(2, bytesField(2, put))))

export const rangeRequest = (key, end, limit = 0) =>
  Buffer.concat([bytesField(1, key), bytesField(2, end), ...(limit > 0 ? [intField(3, limit)] : [])])

/** A range of one key: without range_end, which etcd 3.5 takes for an open end when it is there and empty. */
export const singleRangeRequest = (key, serializable) =>
  Buffer.concat([bytesField(1, key), ...(serializable ? [intField(7, 1)] : [])])

/** Keys [key, end) of the newest revision. */
export const watchCreateRequest = (key, end) => bytesField(1, Buffer.concat([bytesField(1, key), bytesField(2, end)]))

export const leaseGrantRequest = (id, ttlSeconds) => Buffer.concat([intField(1, ttlSeconds), intField(2, id)])

export const keepAliveRequest = (id) => intField(1, id)

/** Puts `value` if the version of `key` is below 2^31 (which it is), else reads it. */
export const guardedPut = (key, value) => {
  const compare = Buffer.concat([intField(1, 2), bytesField(3, key), intField(4, 2 ** 31 - 1)])
  return Buffer.concat([
    bytesField(1, compare),
    bytesField(2, bytesField(2, putRequest(key, value))),
    bytesField(3, bytesField(1, singleRangeRequest(key, false))),
  ])
}

export const compactionRequest = (revision) => Buffer.concat([intField(1, revision), intField(2, 1)])

const readVarint = (bytes, at) => {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]
    value += (byte & 0x7f) * scale
    if (byte < 128) return [value, at]
  }
}

/** Number of keys, the last key and `more` of a RangeResponse. */
export const readRange = (bytes) => {
  let keys = 0
  let last
  let more = false
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at++]
    const [value, next] = readVarint(bytes, at)
    at = next
    if ((tag & 7) === 0) {
      if (tag >> 3 === 3) more = value !== 0
      continue
    }
    if (tag >> 3 === 2) {
      keys++
      const [keyBytes, start] = readVarint(bytes, at + 1)
      last = bytes.subarray(start, start + keyBytes)
    }
    at += value
  }
  return { keys, last, more }
}

/** `header.revision` of any answer. */
export const readRevision = (bytes) => {
  const [size, start] = readVarint(bytes, 1)
  for (let at = start; at < start + size;) {
    const tag = bytes[at]
    if (tag === 0x18) return readVarint(bytes, at + 1)[0]
    // Ids may need more than 53 bits: skipped byte by byte.
    at++
    while (bytes[at++] >= 128);
  }
  return 0
}
