// The public conformance suite for HTTP/2, all of it and in strict mode, against the bare connection.
import { spawn } from 'node:child_process'
import t from 'tap'
import { mustFindTool } from '../support/repository.js'
import { systemClock } from '#src/host/index.js'
import { serveBare } from '#src/transport/http2/testing.js'

const H2SPEC = mustFindTool('h2spec', 'h2spec')

function h2spec(port: number, ...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(H2SPEC, ['-h', '127.0.0.1', '-p', String(port), '--timeout', '2', ...args])
    let output = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    child.stderr.on('data', (data: Buffer) => (output += data.toString()))
    child.on('error', reject)
    child.on('exit', (code) => resolve({ code, output }))
  })
}

t.test('h2spec passes in strict mode', async (t) => {
  const server = await serveBare(systemClock)
  t.teardown(() => server.close())
  const { code, output } = await h2spec(server.port, '--strict')
  t.match(output, /\d+ tests, \d+ passed, 0 skipped, 0 failed/)
  t.equal(code, 0, output)
})
