// Proto names to TypeScript names.

/** `range_end` -> rangeEnd, `peerURLs` -> peerUrls, `ID` -> id: a run of capitals is one word. */
export function camelCase(name) {
  const words = name.match(/[A-Z]+s?(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]+/g) ?? []
  return words
    .map((word, i) => (i === 0 ? word.toLowerCase() : word[0].toUpperCase() + word.slice(1).toLowerCase()))
    .join('')
}

/** Full name without the leading dot that the parser gives. */
export const fullName = (object) => object.fullName.replace(/^\./, '')
