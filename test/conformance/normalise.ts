// Takes out of etcdctl's output what differs between two runs of the same server: addresses, generated ids, sizes, times.
// Cluster and member ids stay: both servers are given the same identity, so theirs must be equal.

export interface Names {
  /** Texts of this run alone (endpoints, folders) and what stands for them. */
  readonly places: ReadonlyMap<string, string>
  /** Saved values (hex ids) by name. */
  readonly saved: ReadonlyMap<string, string>
}

export const normalise = (text: string, { places, saved }: Names): string => {
  let result = text
  for (const [place, name] of places) result = result.replaceAll(place, name)
  for (const [name, value] of saved) {
    if (!/^[0-9a-f]{8,16}$/.test(value)) continue
    result = result.replaceAll(value, `<${name}>`).replaceAll(BigInt(`0x${value}`).toString(), `<${name}>`)
  }
  for (const [pattern, replacement] of RULES) result = result.replace(pattern, replacement)
  return result.split('\n').map(normaliseLine).join('\n')
}

const RULES: readonly (readonly [RegExp, string])[] = [
  // endpoint status: sizes of two stores of different make, and the log index, which counts internal entries too.
  [/("dbSize(?:InUse)?":|"DBSize(?:InUse)?" : )\d+/g, '$1<size>'],
  [/\b\d+(\.\d+)? [kM]B\b/g, '<size>'],
  [/("raft(?:Applied)?Index":|"Raft(?:Applied)?Index" : )\d+/gi, '$1<index>'],
  [/(true|false), (\d+), \d+, \d+,/g, '$1, $2, <index>, <index>,'],
  [/((?:true|false) │ +(?:true|false) │ +\d+ │) +\d+ │ +\d+ │/g, '$1 <index> │ <index> │'],
  [/((?:true|false) \| +(?:true|false) \| +\d+ \|) +\d+ \| +\d+ \|/g, '$1 <index> | <index> |'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<time>'],
  [/\b\d+(\.\d+)?(µs|ms)\b/g, '<duration>'],
  [/\btook(:| =)? \d+(\.\d+)?s\b/g, 'took$1 <duration>'],
]

const normaliseLine = (line: string): string => {
  if (line.startsWith('{"level"')) return normaliseLogLine(line)
  if (/^[│┌├└+|]/.test(line)) return normaliseTableLine(line)
  return line
    .replace(/granted with TTL\((\d+)s\), remaining\((\d+)s\)/, nearlyAll)
    .replace(/"ttl":(\d+),"granted-ttl":(\d+)/, nearlyAllJson)
}

/** etcdctl's own warnings: what they say, without when, where in its source, and through which connection. */
const normaliseLogLine = (line: string): string => {
  const { level, msg, attempt, error } = JSON.parse(line) as Record<string, unknown>
  return JSON.stringify({ level, msg, attempt, error })
}

/** Column widths follow the values that were replaced. */
const normaliseTableLine = (line: string): string => line.replace(/[─-]{2,}/g, '─').replace(/ {2,}/g, ' ')

const nearlyAll = (text: string, granted: string, left: string): string =>
  isNearly(left, granted) ? `granted with TTL(${granted}s), remaining(<nearly all>)` : text

const nearlyAllJson = (text: string, left: string, granted: string): string =>
  isNearly(left, granted) ? `"ttl":<nearly all>,"granted-ttl":${granted}` : text

const isNearly = (left: string, granted: string): boolean =>
  Number(left) <= Number(granted) && Number(left) >= Number(granted) - 3
