import t from 'tap'
import { hexId, memberId } from '../base/index.js'
import {
  computeClusterId,
  computeMemberId,
  decodeMemberJson,
  encodeMemberJson,
  MalformedMember,
} from './member-json.js'

t.test('member and cluster ids equal those of etcd', async (t) => {
  const single = computeMemberId(['http://localhost:2380'], 'etcd-cluster')
  t.equal(hexId(single), '8e9e05c52164694d')
  t.equal(hexId(computeClusterId([single])), 'cdf818194e3a8c32')
  const three = [34011, 34021, 34031].map((port) => computeMemberId([`http://127.0.0.1:${port}`], 'tok-x'))
  t.same(three.map(hexId), ['1b7fbe45bc01fe48', '977b69ee0bece477', 'c1572f6a6d8d4bc2'])
  t.equal(hexId(computeClusterId([...three].reverse())), '1b23b52218c69885', 'the order of members does not count')
  t.equal(hexId(computeMemberId(['http://127.0.0.1:34121'], '1795232424')), '6a3ea17d595057fb')
})

t.test('member JSON keeps 64-bit ids and the field order of etcd', async (t) => {
  const text =
    '{"id":1060115572450498014,"peerURLs":["http://127.0.0.1:36021"],"name":"m1","clientURLs":["http://127.0.0.1:36020"]}'
  const member = decodeMemberJson(text)
  t.equal(member.id, 1060115572450498014n)
  t.equal(encodeMemberJson(member), text)
  const odd = { id: memberId(5n), peerUrls: ['http://a?x=<&>'], isLearner: true, name: '"id":7', clientUrls: [] }
  t.equal(
    encodeMemberJson(odd),
    '{"id":5,"peerURLs":["http://a?x=\\u003c\\u0026\\u003e"],"isLearner":true,"name":"\\"id\\":7"}',
  )
  t.match(decodeMemberJson(encodeMemberJson(odd)), odd)
})

t.test('what is no member JSON is refused', async (t) => {
  for (const text of [
    '',
    '{',
    '5',
    'null',
    '{"id":"x"}',
    '{"id":1.5}',
    '{"id":1,"peerURLs":"a"}',
    '{"id":1,"name":4}',
  ]) {
    t.throws(() => decodeMemberJson(text), MalformedMember, text)
  }
  t.ok(decodeMemberJson('{"id":1,"peerURLs":null,"isPromote":true}').isPromote)
})
