// The JSON form of a member, as etcd keeps it in conf changes, the `members` bucket, the v2 store and the peer API, and
// the ids that are computed from it. Ids are bare u64 numbers in that JSON, which JSON.parse would round.

import { createHash } from 'node:crypto'
import { type ClusterId, type MemberId, clusterId, hexId, memberId } from '../base/index.js'

export interface MemberRecord {
  readonly id: MemberId
  /** Sorted. */
  readonly peerUrls: readonly string[]
  readonly isLearner: boolean
  /** Empty until the member has published itself. */
  readonly name: string
  readonly clientUrls: readonly string[]
}

export class MalformedMember extends Error {
  override readonly name = 'MalformedMember'
}

/** Fields in the order of Go's struct, the empty ones left out: byte-equal to what etcd stores. */
export function encodeMemberJson(member: MemberRecord): string {
  const parts = [`"id":${member.id}`, `"peerURLs":${goJson(member.peerUrls)}`]
  if (member.isLearner) parts.push('"isLearner":true')
  if (member.name !== '') parts.push(`"name":${goJson(member.name)}`)
  if (member.clientUrls.length > 0) parts.push(`"clientURLs":${goJson(member.clientUrls)}`)
  return `{${parts.join(',')}}`
}

/** @throws MalformedMember when the text is no member object. */
export function decodeMemberJson(text: string): MemberRecord & { readonly isPromote: boolean } {
  return memberOf(parseWithIds(text), text)
}

/** The page `/members` of a peer port. @throws MalformedMember */
export function decodeMemberListJson(text: string): MemberRecord[] {
  const values = parseWithIds(text)
  if (!Array.isArray(values)) throw new MalformedMember(`no list of members: ${text}`)
  return values.map((value) => {
    const { isPromote: _, ...member } = memberOf(value, text)
    return member
  })
}

function memberOf(value: unknown, text: string): ReturnType<typeof decodeMemberJson> {
  if (typeof value !== 'object' || value === null) throw new MalformedMember(`no member object: ${text}`)
  const field = (name: string): unknown => (value as Record<string, unknown>)[name]
  return {
    id: memberId(idOf(field('id'), text)),
    peerUrls: strings(field('peerURLs'), text),
    isLearner: field('isLearner') === true,
    name: textOf(field('name'), text),
    clientUrls: strings(field('clientURLs'), text),
    isPromote: field('isPromote') === true,
  }
}

/** JSON text as Go's encoding/json writes it: `<`, `>` and `&` escaped. */
export const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/**
 * Id of a bootstrap member: SHA-1 over the sorted peer URLs and the cluster token, first 8 bytes big endian
 * (etcd server/etcdserver/api/membership/member.go).
 */
export function computeMemberId(peerUrls: readonly string[], token: string): MemberId {
  const digest = createHash('sha1').update([...peerUrls].sort().join('') + token)
  return memberId(digest.digest().readBigUInt64BE(0))
}

/** Id of a cluster: SHA-1 over the ids of its first members, ascending, 8 bytes big endian each. */
export function computeClusterId(ids: readonly MemberId[]): ClusterId {
  const bytes = Buffer.alloc(ids.length * 8)
  ;[...ids].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).forEach((id, i) => bytes.writeBigUInt64BE(id, i * 8))
  return clusterId(createHash('sha1').update(bytes).digest().readBigUInt64BE(0))
}

export const memberKeyBytes = (id: MemberId): Uint8Array => Buffer.from(hexId(id))

/** Quotes the numbers under "id" before parsing. Text inside strings is safe: its quotes are escaped. */
function parseWithIds(text: string): unknown {
  try {
    return JSON.parse(text.replace(/"id":\s*(\d+)/g, '"id":"$1"'))
  } catch (cause) {
    throw new MalformedMember(`no member JSON: ${text}`, { cause })
  }
}

function idOf(value: unknown, text: string): bigint {
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) throw new MalformedMember(`no member id: ${text}`)
  return BigInt(value)
}

function strings(value: unknown, text: string): string[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value
  throw new MalformedMember(`no list of URLs: ${text}`)
}

function textOf(value: unknown, text: string): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  throw new MalformedMember(`no text: ${text}`)
}
