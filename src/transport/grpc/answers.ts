// Header blocks of answers. What repeats is prepared once.

import { Code, type Status } from '../../env/index.js'
import { PreparedField } from '../hpack/index.js'
import { GRPC_LIMITS } from './limits.js'

const STATUS_200 = new PreparedField(':status', '200')
const CONTENT_TYPE = new PreparedField('content-type', 'application/grpc', true)

/** In front of the first message. */
export const ANSWER_FIELDS: readonly PreparedField[] = [STATUS_200, CONTENT_TYPE]
const OK_TRAILERS: readonly PreparedField[] = [new PreparedField('grpc-status', '0', true)]

/** Statuses of catalogues come again and again; those made for one call fall out by themselves. */
const prepared = new WeakMap<Status, readonly PreparedField[]>()

/** After the last message. */
export function trailersOf(status: Status): readonly PreparedField[] {
  if (status.code === Code.ok) return OK_TRAILERS
  let fields = prepared.get(status)
  if (fields === undefined) {
    fields = [
      new PreparedField('grpc-status', String(status.code)),
      new PreparedField('grpc-message', encodeText(status.message)),
    ]
    prepared.set(status, fields)
  }
  return fields
}

/** The whole answer of a call that failed before its first message. */
export const failureFields = (status: Status, httpStatus = 200): readonly PreparedField[] => [
  httpStatus === 200 ? STATUS_200 : new PreparedField(':status', String(httpStatus)),
  CONTENT_TYPE,
  ...trailersOf(status),
]

const PERCENT = 0x25

/** The percent-encoding of grpc-message: printable ASCII but `%` stays. */
export function encodeText(text: string): string {
  let plain = text.length <= GRPC_LIMITS.statusTextBytes
  for (let i = 0; i < text.length && plain; i++) plain = isPlain(text.charCodeAt(i))
  if (plain) return text
  const bytes = Buffer.from(text, 'utf8')
  let encoded = ''
  for (let i = 0; i < bytes.length && encoded.length < GRPC_LIMITS.statusTextBytes; i++) {
    const byte = bytes[i]!
    encoded += isPlain(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  // Neither blank may stand at an end of a field's value.
  return encoded
}

const isPlain = (unit: number): boolean => unit >= 0x20 && unit <= 0x7e && unit !== PERCENT
