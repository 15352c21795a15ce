// How the other end of a connection is named.

import type { Socket } from 'node:net'

const MAPPED_IPV4 = '::ffff:'

/** `address:port` as Go prints it; `@` for unix sockets, which have no name on the client's side. */
export function addressOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  if (remoteAddress === undefined) return '@'
  const address = remoteAddress.startsWith(MAPPED_IPV4) ? remoteAddress.slice(MAPPED_IPV4.length) : remoteAddress
  return address.includes(':') ? `[${address}]:${remotePort ?? 0}` : `${address}:${remotePort ?? 0}`
}
