// An HTTP/2 server of our connection and nothing above it: answers every request with a body once the request is complete.
import { type Server, createServer } from 'node:net'
import { PreparedField } from '#src/transport/hpack/index.js'
import { Http2Connection, type Http2Stream, type Request, Turns } from '#src/transport/http2/index.js'
import { systemClock } from '#src/host/index.js'

const FIELDS = [new PreparedField(':status', '200'), new PreparedField('content-type', 'text/plain', true)]
const BODY = Buffer.from('The quick brown fox jumps over the lazy dog.')
const NOTHING = new Uint8Array(0)

export interface PlainServer {
  readonly port: number
  readonly connections: ReadonlySet<Http2Connection>
  close(): Promise<void>
}

export async function servePlain(): Promise<PlainServer> {
  const connections = new Set<Http2Connection>()
  const turns = new Turns(systemClock)
  const owner = {
    onRequest: (stream: Http2Stream, _request: Request) => {
      stream.reader = {
        onData: () => undefined,
        onEnd: () => {
          stream.respond(FIELDS, false)
          stream.write(NOTHING, BODY)
          stream.end()
        },
        onReset: () => undefined,
        onTaken: () => undefined,
      }
    },
    onPing: () => undefined,
    onClosed: (connection: Http2Connection) => connections.delete(connection),
  }
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const connection = new Http2Connection({ socket, clock: systemClock, turns, owner, concurrentStreamsMax: 100 })
    connections.add(connection)
    connection.open()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections,
    close: () => {
      for (const connection of connections) connection.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
