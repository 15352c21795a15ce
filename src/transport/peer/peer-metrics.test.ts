import t from 'tap'
import { NO_MEMBER, memberId } from '../../base/index.js'
import { PEER_LIMITS } from './limits.js'
import { PeerMetrics } from './peer-metrics.js'
import { TestMetrics } from './testing.js'

t.test('members beyond the limit share one set of metrics', async (t) => {
  const metrics = new PeerMetrics(new TestMetrics(), memberId(1n))
  const of = (n: number) => metrics.of(memberId(BigInt(n)))
  const first = of(2)
  for (let n = 3; n < 2 + PEER_LIMITS.measuredMembers; n++) of(n)
  t.equal(of(2), first)
  t.not(of(1 + PEER_LIMITS.measuredMembers), metrics.of(NO_MEMBER))
  t.equal(of(1000), metrics.of(NO_MEMBER))
  t.equal(of(2000), metrics.of(NO_MEMBER))
})
