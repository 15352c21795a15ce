// Where to listen: client URLs turned into addresses, and addresses into what the system is asked for.

import { lookup } from 'node:dns/promises'

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** One socket to listen on, and which of plain and TLS connections it takes. */
export interface ListenSpec {
  readonly address: ListenAddress
  readonly plain: boolean
  readonly secure: boolean
}

export class BadListenUrl extends Error {
  override readonly name = 'BadListenUrl'
}

/**
 * `http://host:port`, `https://host:port`, `unix://path`, `unixs://path`. The host is an IP literal or `localhost`.
 * For unix sockets the file is host and path together: `unix:///run/e.sock`, or `unix://name:1` for the file `name:1`.
 * @throws BadListenUrl in etcd's words.
 */
export function listenSpecOf(url: string): ListenSpec {
  const match = /^(https?|unixs?):\/\/([^/?#]*)([^?#]*)$/.exec(url)
  if (match === null) throw new BadListenUrl(`URL scheme must be http, https, unix, or unixs: ${url}`)
  const [, scheme = '', authority = '', path = ''] = match
  const secure = scheme === 'https' || scheme === 'unixs'
  if (scheme.startsWith('unix')) return { address: { kind: 'unix', path: authority + path }, plain: !secure, secure }
  const hostPort = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(authority)
  if (hostPort === null) throw new BadListenUrl(`URL address does not have the form "host:port": ${url}`)
  const host = hostPort[1] ?? hostPort[2] ?? ''
  const port = Number(hostPort[3])
  if (!isIpLiteral(host) && host !== 'localhost') throw new BadListenUrl(`expected IP in URL for binding (${url})`)
  if (port > 65535) throw new BadListenUrl(`invalid port in URL for binding (${url})`)
  return { address: { kind: 'tcp', host, port }, plain: !secure, secure }
}

/** One spec per address: `http://` and `https://` on the same host and port share a listener. Order of first mention. */
export function listenSpecs(urls: readonly string[]): ListenSpec[] {
  const byAddress = new Map<string, ListenSpec>()
  for (const [i, url] of urls.entries()) {
    const spec = listenSpecOf(url)
    // Each port 0 is a port of its own.
    const key = spec.address.kind === 'tcp' && spec.address.port === 0 ? `new ${i}` : addressText(spec.address)
    const known = byAddress.get(key)
    byAddress.set(key, {
      address: spec.address,
      plain: spec.plain || known?.plain === true,
      secure: spec.secure || known?.secure === true,
    })
  }
  return [...byAddress.values()]
}

export function addressText(address: ListenAddress): string {
  if (address.kind === 'unix') return address.path
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

export interface BindChoice {
  readonly host: string
  readonly ipv6Only: boolean
}

/** Hosts to try in order until one can be bound. The wildcard takes both families where the system has both, as in Go. */
export async function bindChoices(host: string): Promise<BindChoice[]> {
  const dualStack: BindChoice[] = [
    { host: '::', ipv6Only: false },
    { host: '0.0.0.0', ipv6Only: false },
  ]
  if (host === '0.0.0.0' || host === '::') return dualStack
  if (host !== 'localhost') return [{ host, ipv6Only: false }]
  const found = await lookup('localhost', { all: true }).catch(() => [])
  const address = found.find(({ family }) => family === 4) ?? found[0]
  return [{ host: address?.address ?? '127.0.0.1', ipv6Only: false }]
}

const isIpLiteral = (host: string): boolean => isIpv4(host) || (host.includes(':') && isIpv6(host))

const isIpv4 = (host: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(host) && host.split('.').every((part) => Number(part) <= 255)

const isIpv6 = (host: string): boolean => {
  try {
    return new URL(`http://[${host.split('%')[0]}]/`).hostname.length > 0
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}
