// One call of a history, as plain data: generated from a seed, sent to both servers, printed when they disagree.

export interface Operation {
  /** As GrpcClient names it: `KV/Put`. `Lease/LeaseKeepAlive` is one renewal over a stream of its own. */
  readonly method: string
  readonly request: object
  /** Changes nothing, so neighbours that read too may be in flight with it. */
  readonly reads: boolean
}

export const read = (method: string, request: object): Operation => ({ method, request, reads: true })
export const write = (method: string, request: object): Operation => ({ method, request, reads: false })

/** Readable and unambiguous: bytes as text with \xNN escapes, fields without a value left out. */
export const show = (value: unknown): string => {
  if (Buffer.isBuffer(value)) return `'${value.toString('latin1').replace(/[^ -&(-[\]-~]/g, escapeCharacter)}'`
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => !isUnset(field))
    return `{${fields.map(([name, field]) => `${name}: ${show(field)}`).join(', ')}}`
  }
  return String(value)
}

export const showOperation = ({ method, request }: Operation): string => `${method} ${show(request)}`

const escapeCharacter = (character: string): string => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`

const isUnset = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === 0 ||
  value === '0' ||
  value === '' ||
  (Array.isArray(value) && value.length === 0)
