import t from 'tap'
import { addressOf } from './remote.js'

t.test('peers are named as Go names them', async (t) => {
  t.equal(addressOf({ remoteAddress: '10.0.0.1', remotePort: 5 }), '10.0.0.1:5')
  t.equal(addressOf({ remoteAddress: '::ffff:10.0.0.1', remotePort: 5 }), '10.0.0.1:5', 'IPv4 on a dual-stack socket')
  t.equal(addressOf({ remoteAddress: '::1', remotePort: 5 }), '[::1]:5')
  t.equal(addressOf({ remoteAddress: undefined, remotePort: undefined }), '@')
})
