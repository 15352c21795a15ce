// Who is in the cluster, as the applied log says. Every rule here depends on replicated state only, so that each member
// accepts and refuses the same changes (reference: etcd server/etcdserver/api/membership/cluster.go).

import { type MemberId, hexId } from '../base/index.js'
import type { RowSink, Status } from '../env/index.js'
import { type MemberRecord, decodeMemberJson, encodeMemberJson, errors, memberKeyBytes } from '../proto/index.js'

const REMOVED = Buffer.from('removed')
const CLUSTER_VERSION = Buffer.from('clusterVersion')

export class Membership {
  readonly #sink: RowSink
  readonly #learnersMax: number
  #members = new Map<MemberId, MemberRecord>()
  #removed = new Set<MemberId>()
  #clusterVersion: string | undefined

  constructor(sink: RowSink, learnersMax: number) {
    this.#sink = sink
    this.#learnersMax = learnersMax
  }

  loadMember(value: Uint8Array): void {
    const { isPromote: _, ...member } = decodeMemberJson(Buffer.from(value).toString())
    this.#members.set(member.id, member)
  }

  loadRemoved(key: Uint8Array): void {
    this.#removed.add(BigInt(`0x${Buffer.from(key).toString()}`) as MemberId)
  }

  loadClusterRow(key: Uint8Array, value: Uint8Array): void {
    if (CLUSTER_VERSION.equals(key)) this.#clusterVersion = Buffer.from(value).toString()
  }

  /** `major.minor.0`; undefined until the leader has decided it. */
  get clusterVersion(): string | undefined {
    return this.#clusterVersion
  }

  /** Voters and learners. */
  get size(): number {
    return this.#members.size
  }

  /** Ascending by id as unsigned number. */
  members(): MemberRecord[] {
    return [...this.#members.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  removedIds(): MemberId[] {
    return [...this.#removed]
  }

  get(id: MemberId): MemberRecord | undefined {
    return this.#members.get(id)
  }

  isRemoved(id: MemberId): boolean {
    return this.#removed.has(id)
  }

  /** Undefined when the member may be added. */
  checkAdd(member: MemberRecord): Status | undefined {
    if (this.#removed.has(member.id)) return errors.memberNotFound
    if (this.#members.has(member.id)) return errors.memberExists
    if (this.#usesPeerUrl(member)) return errors.peerUrlsExist
    if (member.isLearner && this.members().filter((m) => m.isLearner).length >= this.#learnersMax) {
      return errors.tooManyLearners
    }
    return undefined
  }

  checkPromote(id: MemberId): Status | undefined {
    const member = this.#known(id)
    if (member === undefined) return errors.memberNotFound
    return member.isLearner ? undefined : errors.memberNotLearner
  }

  checkUpdate(member: MemberRecord): Status | undefined {
    if (this.#known(member.id) === undefined) return errors.memberNotFound
    return this.#usesPeerUrl(member) ? errors.peerUrlsExist : undefined
  }

  /** Differs: nothing stops etcd from removing the last voter when strict checks are off, and it panics then. */
  checkRemove(id: MemberId): Status | undefined {
    if (this.#known(id) === undefined) return errors.memberNotFound
    return this.members().every((m) => m.isLearner || m.id === id) ? errors.notEnoughStarted : undefined
  }

  add(member: MemberRecord): void {
    this.#store(member)
  }

  promote(id: MemberId): void {
    const member = this.#members.get(id)
    if (member !== undefined) this.#store({ ...member, isLearner: false })
  }

  updatePeerUrls(id: MemberId, peerUrls: readonly string[]): void {
    const member = this.#members.get(id)
    if (member !== undefined) this.#store({ ...member, peerUrls })
  }

  /** The id is remembered for ever: it cannot come back. */
  remove(id: MemberId): void {
    this.#members.delete(id)
    this.#removed.add(id)
    this.#sink.delete('members', memberKeyBytes(id))
    this.#sink.put('members_removed', memberKeyBytes(id), REMOVED)
  }

  /** Attributes of a removed or unknown member are ignored. Differs: etcd panics for an unknown one. */
  setAttributes(id: MemberId, name: string, clientUrls: readonly string[]): void {
    const member = this.#members.get(id)
    if (member !== undefined) this.#store({ ...member, name, clientUrls })
  }

  setClusterVersion(version: string): void {
    this.#clusterVersion = version
    this.#sink.put('cluster', CLUSTER_VERSION, Buffer.from(version))
  }

  /** For logs. */
  describe(): string {
    return this.members()
      .map((member) => `${hexId(member.id)}=${member.peerUrls.join(',')}`)
      .join(' ')
  }

  /** Takes over what `next` holds, which nobody uses any more. */
  adopt(next: Membership): void {
    this.#members = next.#members
    this.#removed = next.#removed
    this.#clusterVersion = next.#clusterVersion
  }

  #known(id: MemberId): MemberRecord | undefined {
    return this.#removed.has(id) ? undefined : this.#members.get(id)
  }

  #usesPeerUrl(member: MemberRecord): boolean {
    for (const other of this.#members.values()) {
      if (other.id !== member.id && other.peerUrls.some((url) => member.peerUrls.includes(url))) return true
    }
    return false
  }

  #store(member: MemberRecord): void {
    this.#members.set(member.id, member)
    this.#sink.put('members', memberKeyBytes(member.id), Buffer.from(encodeMemberJson(member)))
  }
}
