// Batches of raft messages on the wire. The layout is that of quoratepeer.LaneFrame; written and read here by hand, because
// the generated code would copy every message twice and make an object per message before it is needed.
//
//   LaneFrame  12 length  RaftBatch        (field 2)
//   RaftBatch  08 seq     {12 length message}*
//   message    raftpb.Message, its entries (field 7) behind all other fields
//
// A protobuf message may have its fields in any order. With the entries last they are one run of bytes, which is made once
// for all members that get the same entries.

import type { Codec } from '../../env/index.js'
import { DEPTH_MARGIN, DEPTH_MAX, MalformedMessage, Reader, Writer, quoratepeer, raftpb } from '../../proto/index.js'

const BATCH_TAG = 18
const SEQ_TAG = 8
const MESSAGE_TAG = 18
const ENTRY_TAG = 58

/** Entries encoded in this turn. */
interface EntryRun {
  readonly first: raftpb.Entry
  readonly last: raftpb.Entry
  readonly count: number
  readonly bytes: Uint8Array
}
/** Runs looked through before the entries are simply encoded. */
const RUNS_MAX = 16

/** About the bytes that a message takes in a batch; never far below. */
export function messageBytes(message: raftpb.Message): number {
  const { entries } = message
  let size = 64 + message.context.length
  for (let i = 0; i < entries.length; i++) size += 24 + entries[i]!.data.length
  return size
}

/** Credit that a frame takes: also many small ones have to end somewhere. */
export const creditOf = (frameBytes: number): number => frameBytes + 64

/** Encodes the batches of all lanes of a server. */
export class BatchWriter {
  readonly #writer = new Writer()
  readonly #runWriter = new Writer()
  /** A message without its entries. */
  readonly #head = new raftpb.Message()
  readonly #runs: EntryRun[] = []

  /** One frame, owned. `messages` are borrowed. */
  write(messages: readonly raftpb.Message[], seq: number): Uint8Array {
    const writer = this.#writer
    writer.clear()
    for (let i = messages.length - 1; i >= 0; i--) {
      const size = writer.size()
      this.#message(messages[i]!)
      writer.length(size)
      writer.varint32(MESSAGE_TAG)
    }
    writer.int53(seq)
    writer.varint32(SEQ_TAG)
    writer.length(0)
    writer.varint32(BATCH_TAG)
    return writer.take()
  }

  /** Forgets the entries that were encoded: they are shared within a turn. */
  endTurn(): void {
    if (this.#runs.length > 0) this.#runs.length = 0
  }

  #message(message: raftpb.Message): void {
    const { entries } = message
    if (entries.length > 0) this.#entries(entries)
    const head = this.#head
    head.type = message.type
    head.to = message.to
    head.from = message.from
    head.term = message.term
    head.logTerm = message.logTerm
    head.index = message.index
    head.commit = message.commit
    head.reject = message.reject
    head.rejectHint = message.rejectHint
    head.context = message.context
    raftpb.writeMessage(this.#writer, head)
  }

  #entries(entries: readonly raftpb.Entry[]): void {
    const first = entries[0]!
    const last = entries[entries.length - 1]!
    for (const run of this.#runs) {
      // Entries are frozen and runs are slices of one log: what begins, ends and counts alike is alike.
      if (run.first !== first || run.last !== last || run.count !== entries.length) continue
      this.#writer.raw(run.bytes)
      return
    }
    if (this.#runs.length >= RUNS_MAX) {
      writeEntries(this.#writer, entries)
      return
    }
    const writer = this.#runWriter
    writer.clear()
    writeEntries(writer, entries)
    const bytes = writer.take()
    this.#runs.push({ first, last, count: entries.length, bytes })
    this.#writer.raw(bytes)
  }
}

function writeEntries(writer: Writer, entries: readonly raftpb.Entry[]): void {
  for (let i = entries.length - 1; i >= 0; i--) {
    const size = writer.size()
    raftpb.writeEntry(writer, entries[i]!)
    writer.length(size)
    writer.varint32(ENTRY_TAG)
  }
}

/** A batch as it came; messages are decoded when they are asked for. Keeps the bytes that it came in. */
export class ReceivedBatch {
  readonly sizeBytes: number
  seq = 0
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #end: number
  readonly #reader: Reader

  /** The frame is `bytes[start, end)`, frozen. @throws MalformedMessage when it is no single batch. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.sizeBytes = end - start
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#reader = new Reader(bytes, start, end, DEPTH_MAX + DEPTH_MARGIN)
    if (this.#reader.tag(end) !== BATCH_TAG || this.#reader.stop(end) !== end) throw new MalformedMessage()
  }

  /** The whole frame. */
  get frame(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  /** The next message, undefined after the last. Byte fields are views. @throws MalformedMessage */
  next(): raftpb.Message | undefined {
    const reader = this.#reader
    const end = this.#end
    while (reader.pos < end) {
      const tag = reader.tag(end)
      if (tag === MESSAGE_TAG) {
        const stop = reader.enter(end)
        const message = new raftpb.Message()
        raftpb.readMessage(reader, stop, message)
        reader.leave()
        return message
      }
      if (tag === SEQ_TAG) this.seq = reader.uint53(end)
      else if (tag >>> 3 === 1 || tag >>> 3 === 2) reader.wrongType()
      else reader.skip(tag, end)
    }
    return undefined
  }
}

export type ReceivedFrame = ReceivedBatch | quoratepeer.LaneFrame

/** What the accepting side reads: batches stay encoded. */
export const receivedFrameCodec: Codec<ReceivedFrame> = {
  decode(bytes, start, end) {
    if (bytes[start] === BATCH_TAG && start < end) return new ReceivedBatch(bytes, start, end)
    const frame = quoratepeer.LaneFrameCodec.decode(bytes, start, end)
    const fields =
      Number(frame.hello !== undefined) + Number(frame.ping !== undefined) + Number(frame.goAway !== undefined)
    // None: of a newer member, ignored.
    if (frame.batch !== undefined || fields > 1) throw new MalformedMessage()
    return frame
  },
  encode: (frame) => (frame instanceof ReceivedBatch ? frame.frame : quoratepeer.LaneFrameCodec.encode(frame)),
}

export const helloFrame = (hello: quoratepeer.Hello): Uint8Array => {
  const frame = new quoratepeer.LaneFrame()
  frame.hello = hello
  return quoratepeer.LaneFrameCodec.encode(frame)
}

export const pingFrame = (nonce: bigint): Uint8Array => {
  const frame = new quoratepeer.LaneFrame()
  frame.ping = new quoratepeer.Ping()
  frame.ping.nonce = nonce
  return quoratepeer.LaneFrameCodec.encode(frame)
}
