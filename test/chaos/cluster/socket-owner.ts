// Which process holds the other end of a loopback connection. Linux tells it in two steps: /proc/net/tcp has the socket's
// inode, /proc/PID/fd has the inodes that a process holds. That is how one proxy per member tells its peers apart without
// any help from the servers.
import { readdir, readFile, readlink } from 'node:fs/promises'

const ESTABLISHED = '01'

/** The one of `pids` whose socket goes from `port` to `proxyPort` on 127.0.0.1; undefined when none of them does. */
export const socketOwner = async (
  port: number,
  proxyPort: number,
  pids: readonly number[],
): Promise<number | undefined> => {
  const inode = inodeOf(await readFile('/proc/net/tcp', 'latin1'), port, proxyPort)
  if (inode === undefined) return undefined
  const wanted = `socket:[${inode}]`
  for (const pid of pids) if (await holds(pid, wanted)) return pid
  return undefined
}

/** `table` is the content of /proc/net/tcp. */
export const inodeOf = (table: string, localPort: number, remotePort: number): string | undefined => {
  const sought = `${address(localPort)} ${address(remotePort)} ${ESTABLISHED} `
  const at = table.indexOf(sought)
  if (at < 0) return undefined
  const line = table.slice(at, table.indexOf('\n', at))
  // After the addresses and the state: queues, timer, retransmits, uid, timeout, inode.
  const inode = line.slice(sought.length).trim().split(/\s+/)[5]
  return inode === '0' ? undefined : inode
}

/** 127.0.0.1 and a port as the kernel prints them: bytes of the address in host order. */
const address = (port: number): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`

const holds = async (pid: number, wanted: string): Promise<boolean> => {
  try {
    const folder = `/proc/${pid}/fd`
    const links = await Promise.all((await readdir(folder)).map((name) => linkOf(`${folder}/${name}`)))
    return links.includes(wanted)
  } catch {
    return false // the process is gone
  }
}

const linkOf = async (path: string): Promise<string> => {
  try {
    return await readlink(path)
  } catch {
    return '' // closed meanwhile
  }
}
