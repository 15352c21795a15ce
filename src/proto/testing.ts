// For tests only: random messages of any type, built twice, as our records and as what protobufjs encodes, from the
// description that the generator works with.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import protobuf from 'protobufjs'
import * as proto from './index.js'
import type { WireCodec } from './wire.js'

export interface FieldModel {
  readonly name: string
  readonly protoName: string
  readonly full: string
  readonly number: number
  readonly kind: 'message' | 'raw' | 'bytes' | 'string' | 'bool' | 'enum' | 'int32' | 'uint32' | 'int64' | 'uint64'
  readonly repeated: boolean
  readonly packed: boolean
  readonly oneof: string | undefined
  readonly always: boolean
  readonly maybeAbsent: boolean
  readonly messageFull?: string
  /** 64-bit kinds: held as bigint, or as number that is strict or saturates. */
  readonly wide?: boolean
  readonly strict?: boolean
}

export interface MessageModel {
  readonly name: string
  readonly full: string
  readonly fields: readonly FieldModel[]
}

export interface ServiceModel {
  readonly name: string
  readonly full: string
  readonly methods: readonly { readonly name: string; readonly kind: string }[]
}

interface PackageModel {
  readonly file: string
  readonly messages: readonly MessageModel[]
  readonly services: readonly ServiceModel[]
}

/** A record as seen without its type. */
export type AnyRecord = Record<string, unknown>

/** One message type: its description, our class and codec, and protobufjs's type. */
export interface MessageUnderTest {
  readonly model: MessageModel
  readonly codec: WireCodec<AnyRecord>
  readonly create: () => AnyRecord
  readonly type: protobuf.Type
}

export const repositoryRoot = join(import.meta.dirname, '../..')

export interface Suite {
  readonly root: protobuf.Root
  readonly messages: ReadonlyMap<string, MessageUnderTest>
  readonly services: readonly { readonly file: string; readonly model: ServiceModel }[]
}

export const loadSuite = async (): Promise<Suite> => {
  const modelPath = join(repositoryRoot, 'scripts/generate-proto/model.mjs')
  const { loadModel } = (await import(pathToFileURL(modelPath).href)) as {
    loadModel: (folder: string) => readonly PackageModel[]
  }
  const folder = join(repositoryRoot, 'proto')
  const packages = loadModel(folder)
  const root = loadProtobufjs(folder)
  const messages = new Map<string, MessageUnderTest>()
  for (const { file, messages: models } of packages) {
    const namespace = namespaceOf(file)
    for (const model of models) {
      const type = root.lookupType(model.full)
      const Record = namespace[model.name] as new () => AnyRecord
      const codec = namespace[`${model.name}Codec`] as WireCodec<AnyRecord>
      messages.set(model.full, { model, codec, create: () => new Record(), type })
    }
  }
  const services = packages.flatMap(({ file, services }) => services.map((model) => ({ file, model })))
  return { root, messages, services }
}

export const namespaceOf = (file: string): Readonly<Record<string, unknown>> =>
  (proto as unknown as Record<string, Readonly<Record<string, unknown>>>)[file]!

/** The .proto files as protobufjs alone understands them, with the names as written. */
const loadProtobufjs = (folder: string): protobuf.Root => {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => (target.startsWith(folder) ? target : join(folder, target))
  const files = ['etcdserverpb/rpc', 'etcdserverpb/raft_internal', 'etcdserverpb/etcdserver', 'walpb/record']
  files.push(
    'snappb/snap',
    'leasepb/lease',
    'v3lockpb/v3lock',
    'v3electionpb/v3election',
    'health/health',
    'quoratepeer/peer',
  )
  root.loadSync(
    files.map((name) => join(folder, `${name}.proto`)),
    { keepCase: true },
  )
  return root
}

/** Small deterministic generator (mulberry32): good enough to spread test inputs, and replayable by its seed. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Integer in [0, bound). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let value = this.#state
    value = Math.imul(value ^ (value >>> 15), value | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 2 ** 32) * bound)
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}

const UNSIGNED = [0n, 1n, 127n, 128n, 16384n, 2n ** 28n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 35n, 2n ** 53n - 1n]
const WIDE_UNSIGNED = [...UNSIGNED, 2n ** 53n, 2n ** 56n, 2n ** 63n, 2n ** 64n - 1n]
const SIGNED = [...UNSIGNED, -1n, -128n, -(2n ** 31n), -(2n ** 32n), -(2n ** 53n - 1n)]
const WIDE_SIGNED = [...SIGNED, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 53n), -(2n ** 63n)]
const INT32 = [0, 1, 2, 3, 99, 2 ** 31 - 1, -1, -(2 ** 31)]
const TEXTS = ['', 'a', 'etcd', 'http://10.0.0.1:2379', 'größer', 'キー', '\u{1f600} smile', '\0', 'x'.repeat(300)]

export class RandomMessages {
  readonly #suite: Suite
  readonly #random: SeededRandom

  constructor(suite: Suite, random: SeededRandom) {
    this.#suite = suite
    this.#random = random
  }

  /** Our record; nesting ends after `depth` levels. */
  record(full: string, depth = 3): AnyRecord {
    const { model, create } = this.#suite.messages.get(full)!
    const record = create()
    const chosen = new Map<string, FieldModel>()
    for (const field of model.fields) {
      if (field.oneof !== undefined && this.#random.chance(50)) chosen.set(field.oneof, field)
    }
    for (const field of model.fields) {
      if (field.oneof !== undefined && chosen.get(field.oneof) !== field) continue
      if (field.oneof === undefined && this.#random.chance(40)) continue
      const nested = field.kind === 'message' || field.kind === 'raw'
      if (nested && depth === 0) continue
      if (field.repeated) {
        const length = this.#random.pick([0, 1, 2, 5])
        record[field.name] = Array.from({ length }, () => this.#value(field, depth))
      } else record[field.name] = this.#value(field, depth)
    }
    return record
  }

  #value(field: FieldModel, depth: number): unknown {
    const random = this.#random
    switch (field.kind) {
      case 'message':
        return this.record(field.messageFull!, depth - 1)
      case 'raw':
        return this.#suite.messages.get(field.messageFull!)!.codec.encode(this.record(field.messageFull!, depth - 1))
      case 'bytes':
        return random.bytes(random.pick([0, 1, 5, 20, 127, 128, 300]))
      case 'string':
        return random.pick(TEXTS)
      case 'bool':
        return random.chance(50)
      case 'enum':
        // protobufjs drops unknown values of proto2 enums; etcd's readers and ours keep them.
        return random.pick(field.full.startsWith('raftpb.') ? [0, 1, 2] : INT32)
      case 'int32':
        return random.pick(INT32)
      case 'uint32':
        return random.pick([0, 1, 300, 2 ** 31, 2 ** 32 - 1])
      case 'int64':
        return field.wide === true ? random.pick(WIDE_SIGNED) : Number(random.pick(SIGNED))
      case 'uint64':
        return field.wide === true ? random.pick(WIDE_UNSIGNED) : Number(random.pick(UNSIGNED))
    }
  }
}

/** The record as the object that protobufjs encodes to the canonical bytes. */
export const toTheirs = (suite: Suite, full: string, record: AnyRecord): AnyRecord => {
  const theirs: AnyRecord = {}
  for (const field of suite.messages.get(full)!.model.fields) {
    let value = record[field.name]
    if (field.repeated) {
      const list = value as readonly unknown[]
      if (list.length > 0) theirs[field.protoName] = list.map((item) => theirValue(suite, field, item))
      continue
    }
    if (field.always && field.kind === 'message') value ??= suite.messages.get(field.messageFull!)!.create()
    const explicit = field.oneof !== undefined || field.always || field.maybeAbsent || field.kind === 'raw'
    if (value === undefined || (!explicit && isDefault(value))) continue
    theirs[field.protoName] = theirValue(suite, field, value)
  }
  return theirs
}

/** Zero of a scalar; nested messages are never that, and encoded ones come as Buffers. */
const isDefault = (value: unknown): boolean =>
  value === 0 || value === 0n || value === false || value === '' || (value instanceof Uint8Array && value.length === 0)

const theirValue = (suite: Suite, field: FieldModel, value: unknown): unknown => {
  switch (field.kind) {
    case 'message':
      return toTheirs(suite, field.messageFull!, value as AnyRecord)
    case 'raw': {
      const { codec } = suite.messages.get(field.messageFull!)!
      return toTheirs(suite, field.messageFull!, codec.decode(value as Uint8Array))
    }
    case 'int64':
    case 'uint64':
      return longOf(BigInt(value as bigint | number), field.kind === 'uint64')
    default:
      return value
  }
}

/** A 64-bit integer as protobufjs takes it. */
const longOf = (value: bigint, unsigned: boolean): unknown => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
  unsigned,
})

/** What protobufjs decoded, in the form of `plain`. */
export const plainOfTheirs = (suite: Suite, full: string, message: AnyRecord): AnyRecord => {
  const result: AnyRecord = {}
  for (const field of suite.messages.get(full)!.model.fields) {
    const present = Object.hasOwn(message, field.protoName)
    const value = message[field.protoName]
    if (field.repeated) {
      const list = (present ? value : []) as readonly unknown[]
      if (list.length > 0) result[field.name] = list.map((item) => plainTheirValue(suite, field, item))
    } else if (present && value !== null && value !== undefined) {
      const shown = plainTheirValue(suite, field, value)
      const explicit = field.oneof !== undefined || field.maybeAbsent
      const nested = field.kind === 'message' || field.kind === 'raw'
      if (explicit || nested || !(shown === '0' || shown === '' || shown === 'false')) result[field.name] = shown
    }
  }
  return result
}

const plainTheirValue = (suite: Suite, field: FieldModel, value: unknown): unknown => {
  if (field.kind === 'message' || field.kind === 'raw') {
    return plainOfTheirs(suite, field.messageFull!, value as AnyRecord)
  }
  return value instanceof Uint8Array ? hex(value) : String(value)
}

/** A record as nested objects of strings without its defaults, so that records can be compared whatever holds their bytes. */
export const plain = (suite: Suite, full: string, record: AnyRecord): AnyRecord => {
  const result: AnyRecord = {}
  for (const field of suite.messages.get(full)!.model.fields) {
    const value = record[field.name]
    if (field.repeated) {
      const list = value as readonly unknown[]
      if (list.length > 0) result[field.name] = list.map((item) => plainValue(suite, field, item))
      continue
    }
    const explicit = field.oneof !== undefined || field.maybeAbsent || field.kind === 'raw'
    if (value === undefined || (!explicit && isDefault(value))) continue
    result[field.name] = plainValue(suite, field, value)
  }
  return result
}

const plainValue = (suite: Suite, field: FieldModel, value: unknown): unknown => {
  if (field.kind === 'message') return plain(suite, field.messageFull!, value as AnyRecord)
  if (field.kind === 'raw') {
    const { codec } = suite.messages.get(field.messageFull!)!
    return plain(suite, field.messageFull!, codec.decode(value as Uint8Array))
  }
  return value instanceof Uint8Array ? hex(value) : String(value)
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const fromHex = (text: string): Uint8Array => Buffer.from(text.replaceAll(/[^0-9a-f]/g, ''), 'hex')
