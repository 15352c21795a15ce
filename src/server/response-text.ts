// Answers as log lines show them: how many and how large.

import type { Codec } from '../env/index.js'
import { RangeAnswerCodec, etcdserverpb, pairCount } from '../proto/index.js'

const CODECS: readonly [new () => object, Codec<never>][] = [
  [etcdserverpb.PutResponse, etcdserverpb.PutResponseCodec as Codec<never>],
  [etcdserverpb.DeleteRangeResponse, etcdserverpb.DeleteRangeResponseCodec as Codec<never>],
  [etcdserverpb.TxnResponse, etcdserverpb.TxnResponseCodec as Codec<never>],
  [etcdserverpb.CompactionResponse, etcdserverpb.CompactionResponseCodec as Codec<never>],
  [etcdserverpb.LeaseGrantResponse, etcdserverpb.LeaseGrantResponseCodec as Codec<never>],
  [etcdserverpb.LeaseRevokeResponse, etcdserverpb.LeaseRevokeResponseCodec as Codec<never>],
  [etcdserverpb.LeaseCheckpointResponse, etcdserverpb.LeaseCheckpointResponseCodec as Codec<never>],
  [etcdserverpb.AlarmResponse, etcdserverpb.AlarmResponseCodec as Codec<never>],
]

/** Encoded size of an answer of the KV, lease or alarm calls; 0 for any other. Encodes it: for slow requests only. */
export function responseBytes(response: object): number {
  if (response instanceof etcdserverpb.RangeResponse) return RangeAnswerCodec.encodedSize(response)
  const codec = CODECS.find(([type]) => response instanceof type)?.[1]
  return codec === undefined ? 0 : codec.encode(response as never).length
}

/** The answer of a read, in the reference's words. */
export function readResponseText(response: object): string {
  if (response instanceof etcdserverpb.RangeResponse) {
    return `range_response_count:${pairCount(response)} size:${responseBytes(response)}`
  }
  if (!(response instanceof etcdserverpb.TxnResponse)) return ''
  const counts = response.responses.map(({ responseRange }) => `range_response_count:${responseRange?.kvs.length ?? 0}`)
  return `responses:<${counts.join(' ')}> size:${responseBytes(response)}`
}
