// Text forms of Go that error messages of the reference contain and that operators' tools compare.

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}

/** Go's `%q` of a string: double quotes, unprintable characters as escapes. */
export const quote = (text: string): string => {
  let out = '"'
  for (const character of text) out += ESCAPES[character] ?? (isPrintable(character) ? character : escape(character))
  return out + '"'
}

/** Go's `%q` of a list of strings. */
export const quoteList = (items: readonly string[]): string => `[${items.map(quote).join(' ')}]`

/** Order of Go's `sort.Strings`: by bytes of UTF-8, which is the order of code points. */
export const compareText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

export const sortedUnique = (items: readonly string[]): string[] => [...new Set(items)].sort(compareText)

const isPrintable = (character: string): boolean =>
  character === ' ' || (!/[\p{C}\p{Z}]/u.test(character) && character !== '\ufffd') || character === '\ufffd'

const escape = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}
