// What defaults follow from other values: the cluster of one member, and the host to advertise.

import { type LogLine, line } from './outcome.js'
import type { Settings } from './settings.js'
import { type ListenUrl, joinHostPort } from './urls.js'

/** The address of the interface of the default route, or why there is none. */
export type DefaultHost = { readonly address: string } | { readonly error: string }

const DEFAULT_CLUSTER = 'default=http://localhost:2380'
const DEFAULT_PEER = 'http://localhost:2380'
const DEFAULT_CLIENT = 'http://localhost:2379'

/**
 * Advertises the host's address where the default would advertise `localhost` for a listener on all interfaces, and names
 * the member in the default of --initial-cluster. It looks at values, not at whether they were given, as the reference does.
 */
export const fillDefaultCluster = (settings: Settings, host: DefaultHost, lines: LogLine[]): void => {
  let used = false
  const advertise = (
    listen: 'listen-peer-urls' | 'listen-client-urls',
    flag: 'initial-advertise-peer-urls' | 'advertise-client-urls',
    initial: string,
  ): void => {
    const [first] = settings.get(listen)
    const advertised = settings.get(flag)
    if (advertised.length !== 1 || advertised[0]?.text !== initial || first?.hostname !== '0.0.0.0') return
    if (!('address' in host)) return
    settings.replace(flag, [httpUrl(host.address, first.port)])
    used = true
  }
  advertise('listen-peer-urls', 'initial-advertise-peer-urls', DEFAULT_PEER)
  const name = settings.get('name')
  if (name !== 'default' && settings.get('initial-cluster') === DEFAULT_CLUSTER) {
    const urls = settings.get('initial-advertise-peer-urls')
    settings.replace('initial-cluster', urls.map((url) => `${name === '' ? 'default' : name}=${url.text}`).join(','))
  }
  advertise('listen-client-urls', 'advertise-client-urls', DEFAULT_CLIENT)
  if ('error' in host) lines.push(line('info', 'failed to detect default host', { error: host.error }))
  else if (used) lines.push(line('info', 'detected default host for advertise', { host: host.address }))
}

const httpUrl = (hostname: string, port: string): ListenUrl => {
  const host = joinHostPort(hostname, port)
  return { scheme: 'http', host, hostname, port, path: '', text: `http://${host}` }
}
