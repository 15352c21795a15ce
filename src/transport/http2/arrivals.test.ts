import { once } from 'node:events'
import { type AddressInfo, createServer, connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { Arrivals } from './arrivals.js'

/** A socket that a server accepted, and the client's end of it. */
const pair = async (t: Test): Promise<{ accepted: Socket; client: Socket }> => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [Socket]
  t.teardown(() => {
    client.destroy()
    accepted.destroy()
    server.close()
  })
  return { accepted, client }
}

const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}

const bytesOf = (chunks: readonly Buffer[]): number => chunks.reduce((sum, { length }) => sum + length, 0)

t.test('small pieces share their memory and stay as they were', async (t) => {
  const { accepted, client } = await pair(t)
  const chunks: Buffer[] = []
  new Arrivals().listen(accepted, (chunk) => chunks.push(chunk))
  let sent = ''
  for (let i = 0; i < 100; i++) {
    client.write(`piece ${i}.`)
    sent += `piece ${i}.`
    await until(() => bytesOf(chunks) === sent.length)
  }
  t.equal(Buffer.concat(chunks).toString(), sent)
  t.equal(chunks.length, 100)
  t.equal(new Set(chunks.map(({ buffer }) => buffer)).size, 1, 'this Node.js reads into memory of ours')
})

t.test('two sockets at once, more than the memory holds', async (t) => {
  const arrivals = new Arrivals()
  const ends = [await pair(t), await pair(t)]
  const received = ends.map(({ accepted }) => {
    const chunks: Buffer[] = []
    arrivals.listen(accepted, (chunk) => chunks.push(chunk))
    return chunks
  })
  const sent = ends.map((_, i) => Buffer.alloc(1_000_000, `of socket ${i}, `))
  for (const [i, { client }] of ends.entries()) client.write(sent[i]!)
  await until(() => received.every((chunks) => bytesOf(chunks) === 1_000_000))
  for (const [i, chunks] of received.entries()) t.ok(Buffer.concat(chunks).equals(sent[i]!), `socket ${i}`)
})

t.test('what was put back comes first; a pause holds, the end comes', async (t) => {
  const { accepted, client } = await pair(t)
  client.write('first ')
  await once(accepted, 'readable')
  accepted.unshift(accepted.read() as Buffer)
  const chunks: Buffer[] = []
  const ended = once(accepted, 'end')
  new Arrivals().listen(accepted, (chunk) => chunks.push(chunk))
  client.write('second ')
  await until(() => bytesOf(chunks) === 13)
  accepted.pause()
  client.end('third')
  await new Promise((resolve) => setTimeout(resolve, 30))
  t.equal(Buffer.concat(chunks).toString(), 'first second ')
  accepted.resume()
  await ended
  t.equal(Buffer.concat(chunks).toString(), 'first second third')
})

t.test('a stream that is no socket of Node.js is read as ever', async (t) => {
  const stream = new PassThrough()
  const chunks: Buffer[] = []
  new Arrivals().listen(stream as unknown as Socket, (chunk) => chunks.push(chunk))
  stream.end('all of it')
  await once(stream, 'end')
  t.equal(Buffer.concat(chunks).toString(), 'all of it')
})
