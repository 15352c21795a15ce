import t from 'tap'
import { MemoryBackend } from '../../mvcc/testing.js'
import { SwitchedBackend } from './switched-backend.js'

const EMPTY = new Uint8Array(0)
const row = (key: string) => ({ bucket: 'key' as const, key: Buffer.from(key), value: Buffer.from(key) })

const filled = async (name: string): Promise<MemoryBackend> => {
  const backend = new MemoryBackend()
  await backend.write(['1', '2', '3', '4', '5', '6', '7'].map((n) => row(name + n)))
  return backend
}

t.test('what began before goes on with the old backend, which is idle when it has ended', async (t) => {
  const old = await filled('old')
  const next = await filled('next')
  const backend = new SwitchedBackend(old)
  const scan = backend.scan('key', EMPTY, undefined)[Symbol.asyncIterator]()
  const view = backend.view()
  t.match((await scan.next()).value, { length: 3 })
  const retired = backend.switchTo(next)
  let idle = false
  const waiting = retired.idle().then(() => (idle = true))
  t.equal(backend.current, next)
  t.ok(backend.get('key', Buffer.from('next1')))
  t.notOk(backend.get('key', Buffer.from('old1')))
  await backend.write([row('more')])
  t.ok(next.get('key', Buffer.from('more')))
  const rest: string[] = []
  for (let step = await scan.next(); step.done !== true; step = await scan.next()) {
    rest.push(...step.value.map(({ key }) => Buffer.from(key).toString()))
  }
  t.same(rest, ['old4', 'old5', 'old6', 'old7'])
  for await (const slice of view.scan('key', EMPTY, undefined)) t.match(slice[0]?.key.toString(), /^old/)
  await Promise.resolve()
  t.notOk(idle)
  await view.close()
  await view.close()
  await waiting
  t.ok(idle)
  await backend.switchTo(old).idle()
  t.pass('an unused one is idle at once')
})
