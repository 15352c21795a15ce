// The content of a snapshot as etcd writes it: a dump of its old v2 store, of which only the membership counts.
//
//   /0/members/<hex id>/raftAttributes   {"peerURLs":[...],"isLearner":true}   (isLearner only for learners)
//   /0/members/<hex id>/attributes       {"name":...,"clientURLs":[...]}       (absent: never started)
//   /0/removed_members/<hex id>          empty file
//   /0/version                           cluster version, for example 3.5.0
//   /1                                   empty directory (v2 keys of users)
//
// Ids appear only in paths, as hex, so ordinary JSON parsing does not damage them.

import { hexId, memberId, type MemberId } from '../../base/index.js'
import { MalformedRecord } from '../wal/errors.js'

export interface SnapshotMember {
  readonly id: MemberId
  readonly peerUrls: readonly string[]
  readonly isLearner: boolean
  /** Empty for a member that never started. */
  readonly name: string
  readonly clientUrls: readonly string[]
}

/** Membership as of the snapshot's index; members and removed ids in ascending order. */
export interface SnapshotMembership {
  readonly members: readonly SnapshotMember[]
  readonly removed: readonly MemberId[]
  /** Undefined before the cluster agreed on one. */
  readonly clusterVersion: string | undefined
}

interface StoreNode {
  readonly Path: string
  readonly CreatedIndex: number
  readonly ModifiedIndex: number
  readonly ExpireTime: string
  readonly Value: string
  readonly Children: Readonly<Record<string, StoreNode>> | null
}

const NEVER = '0001-01-01T00:00:00Z'
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export const encodeV2Store = ({ members, removed, clusterVersion }: SnapshotMembership): Uint8Array => {
  const cluster = [
    directory(
      '/0/members',
      sorted(members, ({ id }) => id).map((member) => memberNode(member)),
    ),
    directory(
      '/0/removed_members',
      sorted(removed, (id) => id).map((id) => file(`/0/removed_members/${hexId(id)}`, '')),
    ),
  ]
  if (clusterVersion !== undefined) cluster.push(file('/0/version', clusterVersion))
  const root = directory('/', [directory('/0', cluster), directory('/1', [])])
  return encoder.encode(JSON.stringify({ Root: root, CurrentIndex: 0, CurrentVersion: 2 }))
}

/** @throws MalformedRecord for anything that is not such a dump. */
export const decodeV2Store = (bytes: Uint8Array): SnapshotMembership => {
  const root = child(parse(decodeText(bytes), 'v2 store'), 'Root')
  const cluster = children(children(root).get('0'))
  const members = [...children(cluster.get('members'))].map(([hex, node]) => parseMember(hex, node))
  const removed = [...children(cluster.get('removed_members')).keys()].map(parseId)
  const version = cluster.get('version')
  return {
    members: sorted(members, ({ id }) => id),
    removed: sorted(removed, (id) => id),
    clusterVersion: version === undefined ? undefined : fileText(version),
  }
}

const memberNode = ({ id, peerUrls, isLearner, name, clientUrls }: SnapshotMember): StoreNode => {
  const path = `/0/members/${hexId(id)}`
  const raftAttributes = { peerURLs: peerUrls, ...(isLearner ? { isLearner } : {}) }
  const files = [file(`${path}/raftAttributes`, goJson(raftAttributes))]
  if (name !== '' || clientUrls.length > 0) {
    files.push(
      file(`${path}/attributes`, goJson({ name, ...(clientUrls.length > 0 ? { clientURLs: clientUrls } : {}) })),
    )
  }
  return directory(path, files)
}

const file = (path: string, value: string): StoreNode => node(path, value, null)

const directory = (path: string, nodes: readonly StoreNode[]): StoreNode =>
  node(path, '', Object.fromEntries(nodes.map((n) => [n.Path.slice(n.Path.lastIndexOf('/') + 1), n])))

const node = (Path: string, Value: string, Children: StoreNode['Children']): StoreNode => ({
  Path,
  CreatedIndex: 0,
  ModifiedIndex: 0,
  ExpireTime: NEVER,
  Value,
  Children,
})

/** Go escapes these three inside strings. */
const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)

const parseMember = (hex: string, node: unknown): SnapshotMember => {
  const files = children(node)
  const raft = files.get('raftAttributes')
  if (raft === undefined) throw new MalformedRecord(`v2 store: member ${hex} has no raftAttributes`)
  const raftAttributes = parse(fileText(raft), `raftAttributes of ${hex}`)
  const attributes = files.has('attributes') ? parse(fileText(files.get('attributes')), `attributes of ${hex}`) : {}
  const name = property(attributes, 'name')
  return {
    id: parseId(hex),
    peerUrls: strings(property(raftAttributes, 'peerURLs')),
    isLearner: property(raftAttributes, 'isLearner') === true,
    name: typeof name === 'string' ? name : '',
    clientUrls: strings(property(attributes, 'clientURLs')),
  }
}

const parseId = (hex: string): MemberId => {
  if (!/^[0-9a-f]{1,16}$/.test(hex)) throw new MalformedRecord(`v2 store: bad member id ${JSON.stringify(hex)}`)
  return memberId(BigInt(`0x${hex}`))
}

const decodeText = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new MalformedRecord('v2 store: not UTF-8')
  }
}

const parse = (text: string, what: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new MalformedRecord(`${what}: not JSON`)
  }
}

const property = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined

const child = (value: unknown, name: string): unknown => {
  const found = property(value, name)
  if (found === undefined) throw new MalformedRecord(`v2 store: no ${name}`)
  return found
}

/** Children of a directory; none for a missing one. */
const children = (node: unknown): Map<string, unknown> => {
  if (node === undefined) return new Map()
  const value = child(node, 'Children')
  if (typeof value !== 'object' || value === null) throw new MalformedRecord('v2 store: file where a directory belongs')
  return new Map(Object.entries(value))
}

const fileText = (node: unknown): string => {
  const value = child(node, 'Value')
  if (typeof value !== 'string') throw new MalformedRecord('v2 store: value is no text')
  return value
}

/** Go writes null for an empty list. */
const strings = (value: unknown): string[] => {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new MalformedRecord('v2 store: URLs are no list of texts')
  }
  return value
}

const sorted = <T>(items: readonly T[], key: (item: T) => bigint): T[] =>
  [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
