// What a client can do to hurt a server of HTTP/2, each as much as it needs to be cut or to run into a bound.
import { connect } from 'node:net'
import { RawClient, frame, hex, literal, setting, uint32 } from '#src/transport/http2/testing.js'

const RANGE = '/etcdserverpb.KV/Range'
const CALL = Buffer.concat([
  hex('83 86'),
  literal(':path', RANGE),
  literal('content-type', 'application/grpc'),
  literal('te', 'trailers'),
])
/** Every key of the server, in one answer. */
const LIST = hex('00 00000006 0a 01 00 12 01 00')
const WINDOW_MAX = 2 ** 31 - 1

export interface Attack {
  readonly name: string
  /** The server has to cut each connection. */
  readonly isCut: boolean
  /** Connections, one after the other if they are cut, otherwise together. */
  readonly connections: number
  /** Bytes of memory that it may cost at most. */
  readonly memoryBytes: number
  /** Everything that one connection sends. `parts` are sent as fast as the server takes them. */
  readonly parts: () => Iterable<Buffer>
  /** The client does not read. */
  readonly isDeaf?: boolean
  /** What is sent in place of preface and SETTINGS. */
  readonly opening?: Buffer
}

const MIB = 1024 * 1024
const repeated = (piece: Buffer, count: number): Buffer => Buffer.concat(new Array<Buffer>(count).fill(piece))

function* bursts(piece: Buffer, total: number): Iterable<Buffer> {
  const burst = repeated(piece, 500)
  for (let sent = 0; sent < total; sent += 500) yield burst
}

function* perStream(total: number, make: (id: number) => Buffer[]): Iterable<Buffer> {
  for (let id = 1; id < 2 * total; id += 200) {
    yield Buffer.concat(Array.from({ length: 100 }, (_, i) => Buffer.concat(make(id + 2 * i))))
  }
}

const flood = (name: string, parts: Attack['parts']): Attack => ({
  name,
  isCut: true,
  connections: 5,
  memoryBytes: 64 * MIB,
  parts,
})
const burden = (name: string, connections: number, rest: Partial<Attack> & Pick<Attack, 'parts'>): Attack => ({
  name,
  isCut: false,
  connections,
  memoryBytes: 96 * MIB,
  ...rest,
})

const bigField = Buffer.concat([hex('40 01 61 7f'), Buffer.of(0xbd, 0x1d), Buffer.alloc(3900, 'v')])

export const ATTACKS: readonly Attack[] = [
  flood('rapid reset', () => perStream(60_000, (id) => [frame(1, 4, id, CALL), frame(3, 0, id, uint32(8))])),
  flood('resets forced on the server', () =>
    perStream(10_000, (id) => [frame(1, 4, id, CALL), frame(8, 0, id, uint32(0))]),
  ),
  flood('CONTINUATION without end', function* () {
    yield frame(1, 0, 1, CALL)
    yield* bursts(frame(9, 0, 1, literal('a', 'b'.repeat(100))), 5000)
  }),
  flood('SETTINGS', () => bursts(frame(4, 0, 0, setting(4, 1000)), 20_000)),
  flood('PING', () => bursts(frame(6, 0, 0, Buffer.alloc(8)), 20_000)),
  flood('empty DATA', function* () {
    yield frame(1, 4, 1, CALL)
    yield* bursts(frame(0, 0, 1), 20_000)
  }),
  flood('header lists that are small on the wire', () =>
    perStream(4000, (id) => [
      frame(1, 4, id, Buffer.concat([CALL, id === 1 ? bigField : NO_BYTES, Buffer.alloc(500, 0xbe)])),
    ]),
  ),
  flood('window updates', () => bursts(frame(8, 0, 0, uint32(1)), 20_000)),
  burden('header tables that grow and shrink', 5, {
    parts: () =>
      perStream(5000, (id) => [
        frame(4, 0, 0, setting(1, id % 3 === 0 ? 0 : WINDOW_MAX)),
        frame(1, 5, id, Buffer.concat([hex('20 3f e1 1f'), CALL, bigField])),
      ]),
  }),
  burden('answers that are never read', 1, {
    isDeaf: true,
    memoryBytes: 192 * MIB,
    parts: function* () {
      yield Buffer.concat([frame(4, 0, 0, setting(4, WINDOW_MAX)), frame(8, 0, 0, uint32(WINDOW_MAX - 65_535))])
      yield* perStream(2000, (id) => [frame(1, 4, id, CALL), frame(0, 1, id, LIST)])
    },
  }),
  burden('windows that open and close', 4, {
    parts: function* () {
      yield frame(4, 0, 0, setting(4, 0))
      yield* perStream(100, (id) => [frame(1, 4, id, CALL), frame(0, 1, id, LIST)])
      for (let round = 0; round < 400; round++) {
        yield Buffer.concat([frame(4, 0, 0, setting(4, round % 2)), frame(8, 0, 0, uint32(1))])
      }
    },
  }),
  burden('connections that say nothing', 500, { opening: Buffer.alloc(0), parts: () => [] }),
  burden('connections with half a preface', 500, { opening: Buffer.from('PRI * HTTP/2.0\r\n'), parts: () => [] }),
  burden('connections without SETTINGS', 500, {
    opening: Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    parts: () => [],
  }),
  burden('more connections than there may be', 1500, { parts: () => [] }),
]

const NO_BYTES = Buffer.alloc(0)

export interface AttackResult {
  readonly sentBytes: number
  /** Connections that the server ended. */
  readonly cut: number
}

/** Runs it against the port; what is not cut ends when `release` resolves. */
export async function run(attack: Attack, port: number, release: Promise<void>): Promise<AttackResult> {
  const clients: RawClient[] = []
  let sentBytes = 0
  for (let i = 0; i < attack.connections; i++) {
    const client = new RawClient(port)
    clients.push(client)
    await new Promise<void>((resolve) => {
      client.socket.once('connect', () => resolve())
      client.socket.once('close', () => resolve())
    })
    if (attack.isDeaf === true) client.socket.pause()
    if (attack.opening === undefined) client.start()
    else if (attack.opening.length > 0) client.send(attack.opening)
    for (const part of attack.parts()) {
      if (client.isClosed) break
      sentBytes += part.length
      await written(client, part)
    }
    if (attack.isCut) await client.untilClosed()
  }
  if (!attack.isCut) await release
  const cut = clients.filter(({ isClosed }) => isClosed).length
  for (const client of clients) client.close()
  return { sentBytes, cut }
}

/** Until the system took it, the connection ended, or the server has stopped reading. */
const written = ({ socket }: RawClient, part: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, 250)
    function done(): void {
      clearTimeout(timer)
      socket.off('close', done)
      resolve()
    }
    socket.once('close', done)
    socket.write(part, done)
  })

/** Whether a new connection is let in. */
export const isServed = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n'))
    socket.once('data', () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
