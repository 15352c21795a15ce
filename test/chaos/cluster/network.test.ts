// The proxied network: who dials is found out, and each direction of a link does what its condition says.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t from 'tap'
import { SeededRandom } from '../../support/random.js'
import { waitFor } from '../../support/wait.js'
import { Network } from './network.js'
import { inodeOf } from './socket-owner.js'

interface End {
  readonly socket: Socket
  text: string
  /** How it ended. */
  over: 'end' | 'reset' | undefined
}

const listen = (socket: Socket): End => {
  const end: End = { socket, text: '', over: undefined }
  socket.setEncoding('latin1').on('data', (text: string) => (end.text += text))
  socket.once('end', () => (end.over ??= 'end'))
  socket.once('error', () => (end.over ??= 'reset'))
  socket.once('close', () => (end.over ??= 'reset'))
  return end
}

interface Test {
  teardown(close: () => void): void
}

/** Member `b` behind a proxy; this process is member `a`. */
const bench = async (t: Test) => {
  const accepted: End[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(listen(socket)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const network = new Network(new SeededRandom(1), () => new Map([['a', process.pid]]))
  const proxyPort = await network.add('b', (server.address() as AddressInfo).port)
  const dialed: End[] = []
  t.teardown(() => {
    network.close()
    server.close()
    for (const { socket } of [...accepted, ...dialed]) socket.destroy()
  })
  const dial = (): End => {
    const end = listen(connect({ port: proxyPort, host: '127.0.0.1', allowHalfOpen: true }))
    dialed.push(end)
    return end
  }
  /** A connection that has carried a byte in each direction. */
  const joined = async () => {
    const count = accepted.length
    const near = dial()
    near.socket.write('?')
    const far = await waitFor('connection', () => accepted[count])
    await waitFor('first byte', () => far.text === '?')
    far.socket.write('!')
    await waitFor('answer', () => near.text === '!')
    return { near, far }
  }
  return { network, accepted, dial, joined }
}

t.test('finds the inode of a socket by its two ports', async (t) => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0',
    '   1: 0100007F:0BB8 0100007F:8001 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 20 4 30 10 -1',
    '   2: 0100007F:8001 0100007F:0BB8 01 00000000:00000000 02:00000050 00000000     0        0 333 2 0 20 4 30 10 -1',
    '   3: 0100007F:8002 0100007F:0BB8 06 00000000:00000000 03:00000050 00000000     0        0 0 3 0',
    '',
  ].join('\n')
  t.equal(inodeOf(table, 0x8001, 3000), '333')
  t.equal(inodeOf(table, 3000, 0x8001), '222')
  t.equal(inodeOf(table, 0x8002, 3000), undefined, 'a closed one')
  t.equal(inodeOf(table, 0x8003, 3000), undefined)
})

t.test('open links carry bytes and ends', async (t) => {
  const { joined } = await bench(t)
  const { near, far } = await joined()
  near.socket.end('bye')
  await waitFor('end', () => far.over)
  t.match(far, { text: '?bye', over: 'end' })
  far.socket.end('good bye')
  await waitFor('end', () => near.over)
  t.match(near, { text: '!good bye', over: 'end' })
})

t.test('a process that is no member is refused', async (t) => {
  const network = new Network(new SeededRandom(1), () => new Map([['a', process.ppid]]))
  t.teardown(() => network.close())
  const near = listen(connect(await network.add('b', 9), '127.0.0.1'))
  await waitFor('refusal', () => near.over)
  t.equal(network.identified, 0)
})

t.test('held bytes wait in one direction only, and come when the link heals', async (t) => {
  const { network, joined } = await bench(t)
  const { near, far } = await joined()
  network.set('a', 'b', { kind: 'hold' })
  near.socket.write('late')
  far.socket.write('now')
  await waitFor('other direction', () => near.text === '!now')
  t.equal(far.text, '?')
  near.socket.end()
  network.heal()
  await waitFor('end', () => far.over)
  t.match(far, { text: '?late', over: 'end' })
})

t.test('no connection comes about over a dead link until it heals', async (t) => {
  const { network, accepted, dial, joined } = await bench(t)
  const { near } = await joined()
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    network.set(from, to, { kind: 'hold' })
    const [before, identified] = [accepted.length, network.identified]
    dial().socket.write('hello')
    await waitFor('dialer', () => network.identified > identified)
    t.equal(accepted.length, before)
    network.heal()
    await waitFor('bytes', () => accepted[before]?.text === 'hello')
  }
  t.equal(near.over, undefined)
})

t.test('dropped bytes are lost, and the connection with them when the link heals', async (t) => {
  const { network, joined } = await bench(t)
  const { near, far } = await joined()
  const untouched = await joined()
  network.set('a', 'b', { kind: 'drop' })
  near.socket.write('lost')
  far.socket.write('now')
  await waitFor('other direction', () => near.text === '!now')
  network.heal()
  await waitFor('reset', () => near.over !== undefined && far.over !== undefined)
  t.match([near.over, far.over, far.text], ['reset', 'reset', '?'])
  untouched.near.socket.write('fine')
  await waitFor('bytes', () => untouched.far.text === '?fine')
})

t.test('slow links keep the order', async (t) => {
  const { network, joined } = await bench(t)
  const { near, far } = await joined()
  network.set('a', 'b', { kind: 'delay', ms: 30, jitterMs: 20 })
  const startedMs = performance.now()
  let sent = '?'
  for (let i = 0; i < 20; i++) {
    near.socket.write(`${i},`)
    sent += `${i},`
    if (i === 10) await new Promise((resolve) => setImmediate(resolve))
  }
  near.socket.end()
  await waitFor('end', () => far.over)
  t.equal(far.text, sent)
  t.ok(performance.now() - startedMs >= 10, 'not before the shortest delay')
})

t.test('lossy links reset connections', async (t) => {
  const { network, joined } = await bench(t)
  const { near, far } = await joined()
  network.set('a', 'b', { kind: 'lossy', percent: 100 })
  far.socket.write('fine')
  await waitFor('other direction', () => near.text === '!fine')
  near.socket.write('fatal')
  await waitFor('reset', () => near.over !== undefined && far.over !== undefined)
  t.equal(far.text, '?')
})

t.test('closed links reset what is there and refuse what comes', async (t) => {
  const { network, accepted, dial, joined } = await bench(t)
  const { near, far } = await joined()
  network.set('b', 'a', { kind: 'closed' })
  await waitFor('reset', () => near.over !== undefined && far.over !== undefined)
  const refused = dial()
  await waitFor('refusal', () => refused.over)
  t.equal(accepted.length, 1)
  network.heal()
  await joined()
})

t.test('a member that does not listen refuses', async (t) => {
  const network = new Network(new SeededRandom(1), () => new Map([['a', process.pid]]))
  t.teardown(() => network.close())
  // Nothing listens on the discard port here.
  const near = listen(connect(await network.add('b', 9), '127.0.0.1'))
  await waitFor('refusal', () => near.over)
  t.equal(network.identified, 1)
})
