// Facts about the machine that the server reports or derives defaults from. All reads are of /proc: short and local.

import { readFileSync, readdirSync } from 'node:fs'
import { availableParallelism, cpus, networkInterfaces } from 'node:os'

/** Go's name of the processor architecture, as other members and tools know it. */
export const goArch = (): string => {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le', ia32: '386' }
  return names[process.arch] ?? process.arch
}

/** Go's name of the operating system. */
export const goOs = (): string => (process.platform === 'win32' ? 'windows' : process.platform)

/** Address of the interface that holds the default route, IPv4 before IPv6. */
export const defaultHost = (): { readonly address: string } | { readonly error: string } => {
  const interfaces = networkInterfaces()
  for (const [family, name] of [
    ['IPv4', defaultInterface(readText('/proc/net/route'))],
    ['IPv6', defaultInterface6(readText('/proc/net/ipv6_route'))],
  ] as const) {
    const addresses = name === undefined ? undefined : interfaces[name]
    const found = addresses?.find((entry) => entry.family === family && !entry.internal && !isLinkLocal(entry.address))
    if (found !== undefined) return { address: found.address }
  }
  return { error: 'could not find default route' }
}

/** Name of the interface of the IPv4 default route with the least metric, out of the text of /proc/net/route. */
export const defaultInterface = (table: string): string | undefined => {
  let best: { readonly name: string; readonly metric: number } | undefined
  for (const row of table.split('\n').slice(1)) {
    const [name, destination, , flags, , , metric, mask] = row.split(/\s+/)
    if (name === undefined || destination !== '00000000' || mask !== '00000000') continue
    if ((Number.parseInt(flags ?? '0', 16) & 1) === 0) continue // the route is not up
    if (best === undefined || Number(metric) < best.metric) best = { name, metric: Number(metric) }
  }
  return best?.name
}

/** The same for the text of /proc/net/ipv6_route; the loopback's unreachable default does not count. */
export const defaultInterface6 = (table: string): string | undefined => {
  for (const row of table.split('\n')) {
    const fields = row.trim().split(/\s+/)
    const [destination, length, name] = [fields[0], fields[1], fields[9]]
    if (name === undefined || name === 'lo' || length !== '00') continue
    if (destination === '0'.repeat(32)) return name
  }
  return undefined
}

/** Processors that this process may use, and those of the machine. */
export const processorCounts = (): { readonly usable: number; readonly present: number } => ({
  usable: availableParallelism(),
  present: Math.max(1, cpus().length),
})

/** Soft limit of open files; undefined where it cannot be read. */
export const openFileLimit = (): number | undefined => {
  const limit = /^Max open files\s+(\d+|unlimited)/m.exec(readText('/proc/self/limits'))?.[1]
  if (limit === undefined) return undefined
  return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit)
}

/** Open files of this process; undefined where it cannot be read. */
export const openFileCount = (): number | undefined => {
  try {
    return readdirSync('/proc/self/fd').length - 1 // the reading itself holds one
  } catch {
    return undefined
  }
}

const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address)

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // not Linux
  }
}
