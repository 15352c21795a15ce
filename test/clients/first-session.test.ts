// What someone types who meets the server for the first time, with the etcdctl of their distribution.
import t from 'tap'
import { etcdctl, EtcdctlSession, type EtcdctlVersion } from '../support/etcdctl.js'
import { findTool } from '../support/repository.js'
import { Workbench } from '../support/workbench.js'

t.setTimeout(2 * 60_000)

for (const version of ['3.4', '3.5'] as const satisfies readonly EtcdctlVersion[]) {
  const skip = findTool('etcdctl', version) === undefined && `etcdctl ${version} is missing`

  t.test(`put, get, watch -i, txn -i, lease, lock (etcdctl ${version})`, { skip }, async (t) => {
    const workbench = new Workbench(t)
    const { endpoint } = await workbench.start()
    const run = async (...args: string[]): Promise<string> => {
      const { stdout, stderr, code } = await etcdctl(endpoint, args, { version })
      t.equal(code, 0, `${args.join(' ')} ${stderr}`)
      return stdout
    }
    t.equal(await run('put', 'greeting', 'hello'), 'OK\n')
    t.equal(await run('get', 'greeting'), 'greeting\nhello\n')

    const watch = workbench.own(new EtcdctlSession(endpoint, ['watch', '-i'], version))
    watch.say('watch greeting')
    watch.say('watch --prefix --prev-kv list/')
    watch.say('progress')
    await watch.expect(/progress notify: 2\n/)
    await run('put', 'list/one', '1')
    await watch.expect(/PUT\n\n?\n?list\/one\n1\n/)
    await run('put', 'list/one', '2')
    await watch.expect(/PUT\nlist\/one\n1\nlist\/one\n2\n/)
    await run('put', 'greeting', 'good bye')
    await watch.expect(/PUT\ngreeting\ngood bye\n/)
    await run('del', 'list/', '--prefix')
    await watch.expect(/DELETE\nlist\/one\n2\nlist\/one\n/)

    const txn = workbench.own(new EtcdctlSession(endpoint, ['txn', '-i'], version))
    await txn.expect(/compares:/)
    for (const line of ['value("greeting") = "good bye"', '']) txn.say(line)
    await txn.expect(/success requests/)
    for (const line of ['put greeting again', 'get greeting', '']) txn.say(line)
    await txn.expect(/failure requests/)
    for (const line of ['get nothing', '']) txn.say(line)
    const { stdout, code } = await txn.finish()
    t.equal(code, 0)
    t.match(stdout, /SUCCESS\n\nOK\n\ngreeting\nagain\n/)

    const id = /lease (\w+) granted with TTL\(60s\)/.exec(await run('lease', 'grant', '60'))?.[1] ?? ''
    await run('put', 'short-lived', 'x', `--lease=${id}`)
    t.match(await run('lease', 'timetolive', id, '--keys'), /attached keys\(\[short-lived\]\)/)
    await run('lease', 'revoke', id)
    t.equal(await run('get', 'short-lived'), '')

    t.equal(await run('lock', 'mutex', 'echo', 'inside'), 'inside\n')
    const health = await etcdctl(endpoint, ['endpoint', 'health'], { version })
    t.match(health.stdout + health.stderr, /is healthy/, 'on one of the two, depending on its version')
    t.match(await run('member', 'list'), /started, default/)
    t.match((await watch.interrupt()).stdout, /^(PUT\ngreeting\nagain\n)$/m)
  })
}
