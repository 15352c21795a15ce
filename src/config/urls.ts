// URLs as the reference reads them (Go's net/url plus its own rules); not WHATWG URLs, whose normalisation would show in
// the member list and in ids that are hashed from the text.

import { compareText, quote } from './go-text.js'
import { type Parsed, failed, parsed } from './go-number.js'

export type Scheme = 'http' | 'https' | 'unix' | 'unixs'

/** One URL of a list. Frozen. */
export interface ListenUrl {
  readonly scheme: Scheme
  /** Everything between `//` and the path, without user: `127.0.0.1:2379`, `[::1]:2379`, empty for `unix:///run/x`. */
  readonly host: string
  /** Without brackets; empty when the host has none. */
  readonly hostname: string
  /** As text: may be `0`; empty when there is none. */
  readonly port: string
  /** Only unix sockets have one. */
  readonly path: string
  /** The canonical text: what is sorted, published and hashed. */
  readonly text: string
}

export const isTls = (url: ListenUrl): boolean => url.scheme === 'https' || url.scheme === 'unixs'
export const isUnix = (url: ListenUrl): boolean => url.scheme === 'unix' || url.scheme === 'unixs'

/** The socket file of a unix URL: host and path together (`unix://name:1` is the file `name:1`). */
export const socketPath = (url: ListenUrl): string => url.host + url.path

export const urlTexts = (urls: readonly ListenUrl[]): string[] => urls.map((url) => url.text)

/** One URL in the form the lists accept; the error text is the reference's. */
export const parseListenUrl = (input: string): Parsed<ListenUrl> => {
  const text = input.trim()
  const generic = splitUrl(text)
  if (!generic.ok) return generic
  const { scheme, host, path, rest } = generic.value
  switch (scheme) {
    case 'http':
    case 'https':
      if (!splitHostPort(host).ok) return failed(`URL address does not have the form "host:port": ${text}`)
      if (path !== '') return failed(`URL must not contain a path: ${text}`)
      break
    case 'unix':
    case 'unixs':
      break
    default:
      return failed(`URL scheme must be http, https, unix, or unixs: ${text}`)
  }
  const address = splitHostPort(host)
  const { hostname, port } = address.ok ? address.value : { hostname: host, port: '' }
  return parsed({ scheme, host, hostname, port, path, text: `${scheme}:${rest}` })
}

/** A comma-separated list, sorted by text; `unique` drops repetitions (flags do, the config file does not). */
export const parseUrlList = (text: string, unique: boolean): Parsed<readonly ListenUrl[]> => {
  const urls: ListenUrl[] = []
  for (const item of text.split(',')) {
    const url = parseListenUrl(item)
    if (!url.ok) return url
    if (!unique || !urls.some(({ text }) => text === url.value.text)) urls.push(url.value)
  }
  return parsed(urls.sort((a, b) => compareText(a.text, b.text)))
}

/** The canonical texts of a member's peer URLs, sorted; undefined when one is malformed or there is none. */
export const parsePeerUrls = (texts: readonly string[]): readonly string[] | undefined => {
  const urls: string[] = []
  for (const text of texts) {
    const url = parseListenUrl(text)
    if (!url.ok) return undefined
    urls.push(url.value.text)
  }
  return urls.length === 0 ? undefined : urls.sort(compareText)
}

/** `name=url,name=url,...` to each name's URLs, in order of appearance; a name may repeat, empty items are skipped. */
export const parseCluster = (text: string): Parsed<ReadonlyMap<string, readonly ListenUrl[]>> => {
  const members = new Map<string, ListenUrl[]>()
  for (const item of text.split(',')) {
    if (item === '') continue
    const cut = item.indexOf('=')
    const name = cut < 0 ? item : item.slice(0, cut)
    const url = parseListenUrl(cut < 0 ? '' : item.slice(cut + 1))
    if (!url.ok) return url
    const known = members.get(name)
    if (known === undefined) members.set(name, [url.value])
    else known.push(url.value)
  }
  for (const urls of members.values()) urls.sort((a, b) => compareText(a.text, b.text))
  return parsed(members)
}

/** Go's net.SplitHostPort. */
export const splitHostPort = (host: string): Parsed<{ readonly hostname: string; readonly port: string }> => {
  const colon = host.lastIndexOf(':')
  const problem = (why: string) => failed(`address ${host}: ${why}`)
  if (colon < 0) return problem('missing port in address')
  let hostname = host.slice(0, colon)
  if (host.startsWith('[')) {
    const close = host.indexOf(']')
    if (close < 0) return problem("missing ']' in address")
    if (close + 1 === host.length) return problem('missing port in address')
    if (close + 1 !== colon) {
      return problem(host[close + 1] === ':' ? 'too many colons in address' : 'missing port in address')
    }
    hostname = host.slice(1, close)
  } else if (hostname.includes(':')) return problem('too many colons in address')
  if (hostname.includes('[')) return problem("unexpected '[' in address")
  if (hostname.includes(']')) return problem("unexpected ']' in address")
  return parsed({ hostname, port: host.slice(colon + 1) })
}

export const joinHostPort = (hostname: string, port: string): string =>
  hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`

/** An IPv4 or IPv6 literal, without zone. */
export const isIp = (host: string): boolean =>
  IPV4.test(host) || (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(host) && URL.canParse(`http://[${host}]/`))

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/** Whether two hosts are the same IP address in different spellings (`::1`, `0:0::1`). */
export const canonicalHost = (host: string): string =>
  host.includes(':') && isIp(host) ? new URL(`http://[${host}]/`).hostname : host

interface GenericUrl {
  readonly scheme: string
  readonly host: string
  readonly path: string
  /** All after the scheme's colon. */
  readonly rest: string
}

/** The part of Go's url.Parse that flags can reach. */
const splitUrl = (text: string): Parsed<GenericUrl> => {
  const problem = (why: string) => failed(`parse ${quote(text)}: ${why}`)

  if (/[\x00-\x1f\x7f]/.test(text)) return problem('net/url: invalid control character in URL')
  if (text.startsWith(':')) return problem('missing protocol scheme')
  const match = /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/s.exec(text)
  if (match === null) {
    if (/^[^/?#]*:/.test(text)) return problem('first path segment in URL cannot contain colon')
    return parsed({ scheme: '', host: '', path: text, rest: text })
  }
  const scheme = (match[1] ?? '').toLowerCase()
  const rest = match[2] ?? ''
  const beforeQuery = rest.replace(/[?#].*$/s, '')
  if (!beforeQuery.startsWith('//')) return parsed({ scheme, host: '', path: beforeQuery, rest })
  const slash = beforeQuery.indexOf('/', 2)
  const authority = slash < 0 ? beforeQuery.slice(2) : beforeQuery.slice(2, slash)
  const path = slash < 0 ? '' : beforeQuery.slice(slash)
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  const why = hostProblem(host) ?? escapeProblem(path)
  return why === undefined ? parsed({ scheme, host, path, rest }) : problem(why)
}

const hostProblem = (host: string): string | undefined => {
  if (host.startsWith('[')) {
    const close = host.lastIndexOf(']')
    if (close < 0) return "missing ']' in host"
    return portProblem(host.slice(close + 1))
  }
  const colon = host.lastIndexOf(':')
  const port = colon < 0 ? undefined : portProblem(host.slice(colon))
  if (port !== undefined) return port
  const escape = escapeProblem(host)
  if (escape !== undefined) return escape
  // Everything else below 0x80 that is neither a name character nor a sub-delimiter.
  const bad = /[\s"\\^`{|}]/.exec(host)
  return bad === null ? undefined : `invalid character ${quote(bad[0])} in host name`
}

const portProblem = (port: string): string | undefined =>
  port === '' || /^:\d*$/.test(port) ? undefined : `invalid port ${quote(port)} after host`

const escapeProblem = (text: string): string | undefined => {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text)
  return bad === null ? undefined : `invalid URL escape ${quote(bad[0])}`
}
