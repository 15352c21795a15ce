// Active alarms: a small replicated set of (member, type), kept in the `alarm` bucket.

import { EMPTY_BYTES, type MemberId } from '../base/index.js'
import type { RowSink } from '../env/index.js'
import { etcdserverpb } from '../proto/index.js'

const { AlarmMember, AlarmMemberCodec, AlarmType } = etcdserverpb

export class AlarmSet {
  readonly #sink: RowSink
  readonly #active = new Map<string, etcdserverpb.AlarmMember>()

  constructor(sink: RowSink) {
    this.#sink = sink
  }

  /** `key` of a row of the `alarm` bucket: the encoded alarm; the value is empty. */
  load(key: Uint8Array): void {
    const alarm = AlarmMemberCodec.decode(key, 0, key.length)
    this.#active.set(mapKey(alarm.memberId, alarm.alarm), alarm)
  }

  has(type: number): boolean {
    for (const alarm of this.#active.values()) if (alarm.alarm === type) return true
    return false
  }

  /** Alarms of the type; all when the type is NONE. */
  list(type: number = AlarmType.NONE): etcdserverpb.AlarmMember[] {
    return [...this.#active.values()].filter((alarm) => type === AlarmType.NONE || alarm.alarm === type)
  }

  /** Undefined for type NONE, which is no alarm. An alarm that is active already is answered again. */
  activate(memberId: MemberId, type: number): etcdserverpb.AlarmMember | undefined {
    if (type === AlarmType.NONE) return undefined
    const known = this.#active.get(mapKey(memberId, type))
    if (known !== undefined) return known
    const alarm = new AlarmMember()
    alarm.memberId = memberId
    alarm.alarm = type
    this.#active.set(mapKey(memberId, type), alarm)
    this.#sink.put('alarm', AlarmMemberCodec.encode(alarm), EMPTY_BYTES)
    return alarm
  }

  /** Exact match only: member 0 is no wildcard. Undefined when there was no such alarm. */
  deactivate(memberId: MemberId, type: number): etcdserverpb.AlarmMember | undefined {
    const alarm = this.#active.get(mapKey(memberId, type))
    if (alarm === undefined) return undefined
    this.#active.delete(mapKey(memberId, type))
    this.#sink.delete('alarm', AlarmMemberCodec.encode(alarm))
    return alarm
  }
}

const mapKey = (memberId: MemberId, type: number): string => `${memberId}/${type}`
