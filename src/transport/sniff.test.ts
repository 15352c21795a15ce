import t from 'tap'
import { HTTP2_PREFACE, protocolOf } from './sniff.js'

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

t.test('the first bytes decide as soon as they can', async (t) => {
  const cases: [string, string, string][] = [
    ['nothing yet', '', 'more'],
    ['TLS handshake record', '\x16', 'tls'],
    ['TLS alert record', '\x15\x03\x01', 'unknown'],
    ['P is PRI, POST or PUT', 'P', 'more'],
    ['whole preface', HTTP2_PREFACE.toString('latin1'), 'http2'],
    ['preface and a frame', `${HTTP2_PREFACE.toString('latin1')}\0\0`, 'http2'],
    ['broken preface', 'PRI * HTTP/2.1', 'unknown'],
    ['GET', 'GET /', 'http1'],
    ['method without its blank', 'GET', 'more'],
    ['method that goes on', 'GETTING', 'unknown'],
    ['lower case', 'get /', 'unknown'],
    ['PATCH is none of the methods etcd takes', 'PATCH /', 'unknown'],
    ['PUT', 'PUT /a', 'http1'],
    ['garbage', '\0\0\0', 'unknown'],
  ]
  for (const [name, start, protocol] of cases) t.equal(protocolOf(bytes(start)), protocol, name)
})

t.test('a decision never changes when more bytes come', async (t) => {
  const starts = [
    HTTP2_PREFACE.toString('latin1'),
    'GET / HTTP/1.1\r\n',
    'POST /v3/kv/put',
    'CONNECT x',
    '\x16\x03\x01',
    'PRIX',
    'zzz',
  ]
  for (const start of starts) {
    const whole = protocolOf(bytes(start))
    let decided = false
    for (let length = 0; length <= start.length; length++) {
      const protocol = protocolOf(bytes(start).subarray(0, length))
      if (protocol === 'more') t.notOk(decided, `${start} at ${length}`)
      else t.equal(protocol, whole, `${start} at ${length}`)
      decided = protocol !== 'more'
      if (protocol === 'more') t.ok(length < HTTP2_PREFACE.length)
    }
  }
})
