// Active alarms: a small replicated set of (member, type), kept in the `alarm` bucket.

import { EMPTY_BYTES, type MemberId } from '../base/index.js'
import type { RowSink } from '../env/index.js'
import { etcdserverpb } from '../proto/index.js'

const { AlarmMember, AlarmMemberCodec, AlarmType } = etcdserverpb

export class AlarmSet {
  readonly #sink: RowSink
  /** By type, then by member: every write asks whether a type is active, and clients may raise alarms for any member id. */
  #active = new Map<number, Map<MemberId, etcdserverpb.AlarmMember>>()

  constructor(sink: RowSink) {
    this.#sink = sink
  }

  /** `key` of a row of the `alarm` bucket: the encoded alarm; the value is empty. */
  load(key: Uint8Array): void {
    const alarm = AlarmMemberCodec.decode(key, 0, key.length)
    this.#add(alarm)
  }

  /** Whether any member has an alarm of the type. */
  has(type: number): boolean {
    return this.#active.has(type)
  }

  /** Alarms of the type; all when the type is NONE. */
  list(type: number = AlarmType.NONE): etcdserverpb.AlarmMember[] {
    if (type !== AlarmType.NONE) return [...(this.#active.get(type)?.values() ?? [])]
    return [...this.#active.values()].flatMap((ofType) => [...ofType.values()])
  }

  /** Undefined for type NONE, which is no alarm. An alarm that is active already is answered again. */
  activate(memberId: MemberId, type: number): etcdserverpb.AlarmMember | undefined {
    if (type === AlarmType.NONE) return undefined
    const known = this.#active.get(type)?.get(memberId)
    if (known !== undefined) return known
    const alarm = new AlarmMember()
    alarm.memberId = memberId
    alarm.alarm = type
    this.#add(alarm)
    this.#sink.put('alarm', AlarmMemberCodec.encode(alarm), EMPTY_BYTES)
    return alarm
  }

  /** Exact match only: member 0 is no wildcard. Undefined when there was no such alarm. */
  deactivate(memberId: MemberId, type: number): etcdserverpb.AlarmMember | undefined {
    const ofType = this.#active.get(type)
    const alarm = ofType?.get(memberId)
    if (ofType === undefined || alarm === undefined) return undefined
    ofType.delete(memberId)
    if (ofType.size === 0) this.#active.delete(type)
    this.#sink.delete('alarm', AlarmMemberCodec.encode(alarm))
    return alarm
  }

  /** Takes over the alarms of `next`, which nobody uses any more. */
  adopt(next: AlarmSet): void {
    this.#active = next.#active
  }

  #add(alarm: etcdserverpb.AlarmMember): void {
    const ofType = this.#active.get(alarm.alarm)
    if (ofType === undefined) this.#active.set(alarm.alarm, new Map([[alarm.memberId, alarm]]))
    else ofType.set(alarm.memberId, alarm)
  }
}
