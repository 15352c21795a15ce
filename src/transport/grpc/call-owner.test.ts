// What the owner of a gRPC server is asked and told about calls: its gate, its observer, its watcher of requests.

import http2 from 'node:http2'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import {
  type CallGate,
  Code,
  type GatedStream,
  type MethodInfo,
  type RequestWatcher,
  type WatchedCall,
} from '../../env/index.js'
import { chat, count, ended, framed, path, say, serve, until } from '../testing.js'

t.test('the gate refuses calls, and ends streams later', async (t) => {
  const refusal = { code: Code.unavailable, message: 'etcdserver: no leader' }
  const asked: string[] = []
  const open = new Set<GatedStream>()
  const gate: CallGate = {
    unary: ({ method, kind }, request, metadata) => {
      asked.push(`${kind} ${method} ${String(request)} ${metadata.get('te')}`)
      return request === 'closed' ? refusal : undefined
    },
    openStream: ({ method }, _metadata, stream) => {
      if (method === 'Count') return refusal
      open.add(stream)
      return undefined
    },
    closeStream: (stream) => open.delete(stream),
  }
  const served = await serve({ gate })
  t.teardown(() => served.close())
  t.equal(await say(served.client, 'Say', 'hello'), 'hello')
  t.equal(await say(served.client, 'Say', 'closed'), '14 etcdserver: no leader')
  t.same(asked, ['unary Say hello trailers', 'unary Say closed trailers'])
  t.equal(await ended(count(served.client, '3')), '14 etcdserver: no leader')
  t.equal(open.size, 0, 'a refused stream is not held')

  const stream = chat(served.client)
  const status = ended(stream)
  stream.write(Buffer.from('stay'))
  await served.echo.events.until('chat stay')
  t.equal(open.size, 1)
  for (const gated of [...open]) gated.fail(refusal)
  t.equal(await status, '14 etcdserver: no leader')
  t.equal(served.echo.events.count('chat canceled'), 1, 'its handler is told')
  t.equal(open.size, 0)

  for (const last of ['a', 'fail']) {
    const other = chat(served.client)
    const otherEnd = ended(other)
    other.write(Buffer.from(last))
    other.end()
    await otherEnd
    await until(() => open.size === 0)
  }
})

t.test('the observer counts what services see', async (t) => {
  const seen: string[] = []
  const name = ({ method }: MethodInfo): string => method
  const served = await serve({
    observer: {
      started: (m) => seen.push(`started ${name(m)}`),
      received: (m, bytes) => seen.push(`received ${name(m)} ${bytes}`),
      sent: (m, bytes) => seen.push(`sent ${name(m)} ${bytes}`),
      handled: (m, code, seconds) => seen.push(`handled ${name(m)} ${code} ${seconds >= 0 && seconds < 60}`),
    },
  })
  t.teardown(() => served.close())
  await say(served.client, 'Say', 'four')
  await say(served.client, 'Shout', 'four')
  await say(served.client, 'Say', Buffer.from([0xff]))
  await ended(count(served.client, '2'))
  const stream = chat(served.client)
  stream.on('error', () => undefined)
  // grpc-js ends its side just before it cancels: what does not stay could end first.
  stream.write(Buffer.from('stay'))
  await served.echo.events.until('chat stay')
  stream.cancel()
  await until(() => seen.some((text) => text.startsWith('handled Chat')))
  t.same(seen, [
    'started Say',
    'received Say 4',
    'sent Say 4',
    'handled Say 0 true',
    'started Count',
    'received Count 1',
    'sent Count 1',
    'sent Count 1',
    'handled Count 0 true',
    'started Chat',
    'received Chat 4',
    'sent Chat 4',
    'handled Chat 1 true',
  ])
})

interface Seen {
  readonly call: WatchedCall
  readonly text: string
  readonly request: unknown
}

/** Remembers every answer; requests that begin with `other` are told to somebody else. */
const watching = () => {
  const methods: string[] = []
  const seen: Seen[] = []
  const others: Seen[] = []
  const remember = (into: Seen[]) => ({
    answered: (call: WatchedCall, response: unknown, status: { readonly message: string } | undefined) =>
      into.push({
        call,
        text: status === undefined ? String(response) : `failed: ${status.message}`,
        request: call.decodeRequest(),
      }),
  })
  const requests: RequestWatcher = {
    watch: ({ method }) => {
      methods.push(method)
      const [usual, other] = [remember(seen), remember(others)]
      return (request) => (String(request).startsWith('other') ? other : usual)
    },
  }
  return { requests, methods, seen, others }
}

t.test('the watcher is told of each answer, and may see the request again', async (t) => {
  const { requests, methods, seen, others } = watching()
  const served = await serve({ requests })
  t.teardown(() => served.close())
  t.same(methods, ['Say', 'Hang', 'Meta'], 'asked once for each unary method')
  const beforeMs = performance.now()
  await say(served.client, 'Say', 'one')
  await say(served.client, 'Say', 'fail this')
  await say(served.client, 'Say', 'other one')
  await say(served.client, 'Say', Buffer.from([0xff]))
  t.match(seen, [
    { text: 'one', request: 'one' },
    { text: 'failed: this', request: 'fail this' },
  ])
  t.equal(seen.length, 2, 'what could not be decoded reached no service')
  t.match(others, [{ text: 'other one', request: 'other one' }])
  for (const { call } of seen) {
    t.match(call.peer, /^127\.0\.0\.1:\d+$/)
    t.ok(call.startedMs >= beforeMs && call.startedMs <= performance.now())
  }
})

t.test('the request is seen again however it came', async (t) => {
  const { requests, seen } = watching()
  const served = await serve({ requests })
  t.teardown(() => served.close())
  const session = http2.connect(`http://127.0.0.1:${served.tcpPort}`)
  t.teardown(() => session.destroy())
  const open = (encoding: string): http2.ClientHttp2Stream => {
    const head = { ':method': 'POST', ':path': path('Say'), 'content-type': 'application/grpc', te: 'trailers' }
    const stream = session.request({ ...head, 'grpc-encoding': encoding })
    stream.resume()
    return stream
  }
  open('gzip').end(framed(gzipSync('packed'), 1))
  await until(() => seen.length === 1)
  const slow = open('identity')
  const bytes = framed(Buffer.from('in pieces'))
  slow.write(bytes.subarray(0, 7))
  t.equal(await say(served.client, 'Say', 'between'), 'between')
  slow.end(bytes.subarray(7))
  await until(() => seen.length === 3)
  t.same(
    seen.map(({ request }) => request),
    ['packed', 'between', 'in pieces'],
  )
})

t.test('an answer counts once, and also when the client is gone', async (t) => {
  const { requests, seen } = watching()
  const served = await serve({ requests })
  t.teardown(() => served.close())
  await say(served.client, 'Hang', 'late', 50)
  await until(() => served.echo.events.all.some((event) => /^hang (deadline|canceled)$/.test(event)))
  t.equal(seen.length, 0)
  const [call] = served.echo.hanging
  call!.respond('too late')
  call!.fail({ code: Code.internal, message: 'twice' })
  t.match(seen, [{ text: 'too late', request: 'late' }])
  t.equal(seen.length, 1)
})
