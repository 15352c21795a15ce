// Request metadata read off header fields.

import type { CallMetadata } from '../../env/index.js'
import type { HeaderField } from '../hpack/index.js'

export class FieldMetadata implements CallMetadata {
  readonly fields: readonly HeaderField[]

  constructor(fields: readonly HeaderField[]) {
    this.fields = fields
  }

  /** Values of names that end in `-bin` come decoded from base64. */
  get(name: string): string | undefined {
    const { fields } = this
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!
      if (field.name !== name) continue
      return name.endsWith('-bin') ? Buffer.from(field.value, 'base64').toString('utf8') : decodeUtf8(field.value)
    }
    return undefined
  }
}

/** Header bytes are UTF-8 by agreement of both sides only; what is none shows as U+FFFD. */
function decodeUtf8(value: string): string {
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 0x7f) return Buffer.from(value, 'latin1').toString('utf8')
  }
  return value
}
