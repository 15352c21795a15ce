// Whether a client's certificate is allowed to come from where it comes from: what etcd asks on its peer port.

import { lookup, reverse } from 'node:dns/promises'
import type { PeerCertificate } from 'node:tls'
import { ipBytes, sameIp } from './ip-address.js'

export interface NameLookup {
  /** Names of an address. @throws Error in Go's words */
  reverse(address: string): Promise<readonly string[]>
  /** Addresses of a name. @throws Error in Go's words */
  addresses(name: string): Promise<readonly string[]>
}

export interface AlternativeNames {
  readonly ips: readonly string[]
  readonly dns: readonly string[]
}

/** Host names and addresses in a certificate. */
export function alternativeNames({ subjectaltname = '' }: Pick<PeerCertificate, 'subjectaltname'>): AlternativeNames {
  // Names with a comma or a quote in them are quoted as JSON.
  const items = [...subjectaltname.matchAll(/(?:^|, )(DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g)]
  const named = (kind: string): string[] =>
    items.filter(([, type]) => type === kind).map(([, , name = '']) => (name.startsWith('"') ? unquoted(name) : name))
  return { ips: named('IP Address').map(shortIp), dns: named('DNS') }
}

/**
 * Why a connection from `address` may not use this certificate; undefined admits. A certificate that names nothing may come
 * from anywhere; else one of its addresses must be `address`, or one of its names must lead there, by reverse or forward lookup.
 */
export async function addressRefusal(
  certificate: Pick<PeerCertificate, 'subjectaltname'>,
  address: string,
  names: NameLookup,
): Promise<string | undefined> {
  const { ips, dns } = alternativeNames(certificate)
  if (ips.length === 0 && dns.length === 0) return undefined
  if (ips.some((ip) => sameIp(ip, address))) return undefined
  if (dns.length === 0) return `x509: certificate is valid for ${ips.join(', ')}, not ${address}`
  const failure = await leadsTo(address, dns, names)
  if (failure === undefined) return undefined
  const list = dns.map((name) => JSON.stringify(name)).join(' ')
  return `tls: ${JSON.stringify(address)} does not match any of DNSNames [${list}]${failure}`
}

/** undefined when one does; else the last failure of a lookup in brackets, or nothing. */
async function leadsTo(address: string, dns: readonly string[], names: NameLookup): Promise<string | undefined> {
  const suffixes = dns.filter((name) => name.startsWith('*.')).map((name) => name.slice(1))
  const plain = dns.filter((name) => !name.startsWith('*.'))
  let failure = ''
  const attempt = async (find: Promise<readonly string[]>): Promise<readonly string[]> => {
    try {
      return await find
    } catch (error) {
      failure = ` (${error instanceof Error ? error.message : String(error)})`
      return []
    }
  }
  for (const found of await attempt(names.reverse(address))) {
    const name = found.replace(/\.$/, '')
    if (plain.includes(name) || suffixes.some((suffix) => name.endsWith(suffix))) return undefined
  }
  for (const name of plain) {
    if ((await attempt(names.addresses(name))).some((found) => sameIp(found, address))) return undefined
  }
  return failure
}

/** Forward lookups that run or wait; more fail at once. */
export const LOOKUPS_MAX = 16

/**
 * The system's names. One forward lookup runs at a time: it occupies one of the few threads that files are written by too.
 */
export function systemNames(): NameLookup {
  let last: Promise<unknown> = Promise.resolve()
  let running = 0
  return {
    reverse: async (address) => {
      try {
        return await reverse(address)
      } catch (error) {
        throw lookupError(address, error)
      }
    },
    addresses: (name) => {
      if (running === LOOKUPS_MAX) return Promise.reject(new Error(`lookup ${name}: too many lookups`))
      running++
      const found = last.then(async () => {
        try {
          return (await lookup(name, { all: true })).map(({ address }) => address)
        } catch (error) {
          throw lookupError(name, error)
        } finally {
          running--
        }
      })
      last = found.catch(() => undefined)
      return found
    },
  }
}

const lookupError = (name: string, error: unknown): Error => {
  const { code = '', message } = error as NodeJS.ErrnoException
  return new Error(`lookup ${name}: ${code === 'ENOTFOUND' ? 'no such host' : message}`, { cause: error })
}

const unquoted = (text: string): string => {
  const name: unknown = JSON.parse(text)
  return typeof name === 'string' ? name : ''
}

/** node prints all eight groups; Go the short form. */
const shortIp = (ip: string): string => {
  if (ipBytes(ip)?.length !== 16) return ip
  return new URL(`http://[${ip}]/`).hostname.slice(1, -1)
}
