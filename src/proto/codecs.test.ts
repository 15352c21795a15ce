// Every generated codec against protobufjs, which reads the same .proto files with code of its own.
import t from 'tap'
import { MalformedMessage } from './index.js'
import {
  type AnyRecord,
  hex,
  loadSuite,
  type MessageUnderTest,
  plain,
  plainOfTheirs,
  RandomMessages,
  SeededRandom,
  toTheirs,
} from './testing.js'

const RECORDS_PER_TYPE = 60
const INPUTS_PER_TYPE = 500

const suite = await loadSuite()
/** SEED replays a run. */
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 32)
t.comment(`note: ${suite.messages.size} message types, SEED=${seed}`)

const forEachType = (check: (type: MessageUnderTest, random: SeededRandom, messages: RandomMessages) => void): void => {
  for (const type of suite.messages.values()) {
    const random = new SeededRandom(seed ^ Buffer.from(type.model.full).reduce((sum, byte) => sum * 31 + byte, 7))
    check(type, random, new RandomMessages(suite, random))
  }
}

t.test('every message type encodes to the bytes that protobufjs encodes', async (t) => {
  forEachType(({ model, codec, type }, _random, messages) => {
    const different: string[] = []
    for (let i = 0; i < RECORDS_PER_TYPE; i++) {
      const record = messages.record(model.full)
      const ours = hex(codec.encode(record))
      const theirs = hex(type.encode(toTheirs(suite, model.full, record)).finish())
      if (ours !== theirs) different.push(`${ours} but protobufjs writes ${theirs}`)
    }
    t.same(different.slice(0, 1), [], model.full)
  })
})

t.test('every message type decodes to what protobufjs decodes', async (t) => {
  forEachType(({ model, codec, type }, random, messages) => {
    for (let i = 0; i < RECORDS_PER_TYPE; i++) {
      const record = messages.record(model.full)
      const encoded = codec.encode(record)
      // The message lies somewhere inside a larger chunk, as in real life.
      const chunk = Buffer.concat([random.bytes(3), encoded, random.bytes(5)])
      const decoded = codec.decode(chunk, 3, 3 + encoded.length)
      const expected = plainOfTheirs(suite, model.full, type.decode(encoded))
      const found = plain(suite, model.full, decoded)
      if (JSON.stringify(found) !== JSON.stringify(expected)) {
        t.same(found, expected, `${model.full}: ${hex(encoded)}`)
        return
      }
    }
    t.pass(model.full)
  })
})

/** What decoding the two encodings behind each other must give, by the rules of protobuf. */
const merged = (full: string, first: AnyRecord, second: AnyRecord): AnyRecord => {
  const { model } = suite.messages.get(full)!
  const replaced = model.fields.filter(
    ({ name, oneof }) =>
      oneof !== undefined &&
      second[name] === undefined &&
      model.fields.some((other) => other.oneof === oneof && second[other.name] !== undefined),
  )
  const gone = new Set(replaced.map(({ name }) => name))
  const result = Object.fromEntries(Object.entries(first).filter(([name]) => !gone.has(name)))
  for (const { name, kind, messageFull } of model.fields) {
    const [one, two] = [result[name], second[name]]
    if (two === undefined) continue
    if (Array.isArray(one) && Array.isArray(two)) result[name] = [...(one as unknown[]), ...(two as unknown[])]
    else if ((kind === 'message' || kind === 'raw') && one !== undefined) {
      result[name] = merged(messageFull!, one as AnyRecord, two as AnyRecord)
    } else result[name] = two
  }
  return result
}

t.test('two encodings behind each other decode to the merged message', async (t) => {
  forEachType(({ model, codec }, _random, messages) => {
    for (let i = 0; i < RECORDS_PER_TYPE; i++) {
      const [first, second] = [messages.record(model.full), messages.record(model.full)]
      const both = Buffer.concat([codec.encode(first), codec.encode(second)])
      // Fields that are always written replace with their zeros, so the model starts from what was really encoded.
      const seen = (record: AnyRecord): AnyRecord => plainWithZeros(model.full, codec.decode(codec.encode(record)))
      const expected = dropZeros(model.full, merged(model.full, seen(first), seen(second)))
      const found = plain(suite, model.full, codec.decode(both))
      if (!sameJson(found, expected)) {
        t.same(found, expected, `${model.full}: ${hex(both)}`)
        return
      }
    }
    t.pass(model.full)
  })
})

/** Like `plain`, but scalars that are always written stay visible as zeros. */
const plainWithZeros = (full: string, record: AnyRecord): AnyRecord => {
  const result = plain(suite, full, record)
  for (const field of suite.messages.get(full)!.model.fields) {
    const value = record[field.name]
    if (field.repeated) result[field.name] ??= []
    else if (field.always && field.kind !== 'message') result[field.name] ??= String(value)
    else if (field.kind === 'message' && value !== undefined) {
      result[field.name] = plainWithZeros(field.messageFull!, value as AnyRecord)
    } else if (field.kind === 'raw' && value !== undefined) {
      const { codec } = suite.messages.get(field.messageFull!)!
      result[field.name] = plainWithZeros(field.messageFull!, codec.decode(value as Uint8Array))
    }
  }
  return result
}

const dropZeros = (full: string, record: AnyRecord): AnyRecord => {
  const result: AnyRecord = {}
  for (const { name, kind, repeated, always, messageFull } of suite.messages.get(full)!.model.fields) {
    const value = record[name]
    if (value === undefined || (repeated && (value as unknown[]).length === 0)) continue
    if (always && (value === '0' || value === 'false' || value === '')) continue
    const nested = !repeated && (kind === 'message' || kind === 'raw')
    result[name] = nested ? dropZeros(messageFull!, value as AnyRecord) : value
  }
  return result
}

const sameJson = (one: unknown, two: unknown): boolean => JSON.stringify(sorted(one)) === JSON.stringify(sorted(two))
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}

/** A random change that mostly keeps the bytes near to a real message. */
const mutate = (bytes: Uint8Array, other: Uint8Array, random: SeededRandom): Uint8Array => {
  const result = Uint8Array.from(bytes)
  switch (random.below(7)) {
    case 0: // other bits
      for (let i = 0; i <= random.below(4); i++) result[random.below(result.length)]! ^= 1 << random.below(8)
      return result
    case 1: // cut
      return result.subarray(0, random.below(result.length + 1))
    case 2: // cut at the front
      return result.subarray(random.below(result.length + 1))
    case 3: // bytes between
      return splice(result, random.below(result.length + 1), 0, random.bytes(1 + random.below(12)))
    case 4: // part of another message between
      return splice(result, random.below(result.length + 1), 0, other.subarray(random.below(other.length + 1)))
    case 5: // high bits set: long varints and huge lengths
      return splice(result, random.below(result.length + 1), 0, new Uint8Array(1 + random.below(12)).fill(255))
    default:
      return random.bytes(random.below(64))
  }
}

const splice = (bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array =>
  Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)])

t.test('whatever the bytes are, decoding ends with a record or with MalformedMessage', async (t) => {
  const started = performance.now()
  let inputs = 0
  let accepted = 0
  forEachType(({ model, codec }, random, messages) => {
    const wrong: string[] = []
    for (let i = 0; i < INPUTS_PER_TYPE; i++) {
      const input = mutate(
        codec.encode(messages.record(model.full, 2)),
        codec.encode(messages.record(model.full, 2)),
        random,
      )
      inputs++
      try {
        const decoded = codec.decode(input)
        accepted++
        // What was accepted has one meaning: it survives another round.
        const again = codec.encode(decoded)
        if (hex(codec.encode(codec.decode(again))) !== hex(again)) wrong.push(`unstable: ${hex(input)}`)
      } catch (error) {
        if (!(error instanceof MalformedMessage)) wrong.push(`${String(error)}: ${hex(input)}`)
      }
    }
    t.same(wrong.slice(0, 1), [], model.full)
  })
  const seconds = (performance.now() - started) / 1000
  t.comment(`note: fuzz: ${inputs} inputs, ${accepted} accepted, ${seconds.toFixed(1)} s`)
  t.ok(inputs >= 50_000, 'enough inputs')
  t.ok(accepted > inputs / 20 && accepted < (inputs * 19) / 20, 'inputs of both sorts')
  t.ok(seconds < 60, 'within bounded time')
})
