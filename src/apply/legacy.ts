// Requests of the v2 API in logs that etcd 3.4 and 3.5 wrote: members published themselves and the cluster version that way.
// Everything else in them is v2 data, which never was part of the v3 state (reference: on-disk formats 3.2).

import { memberId } from '../base/index.js'
import { etcdserverpb } from '../proto/index.js'
import type { Membership } from './membership.js'

const ATTRIBUTES = /^\/0\/members\/([0-9a-f]{1,16})\/attributes$/i
const CLUSTER_VERSION = '/0/version'

/** @throws Error for member attributes that are no JSON object of texts: etcd never logs such. */
export function applyLegacyRequest(data: Uint8Array, membership: Membership): void {
  const { method, path, val } = etcdserverpb.RequestCodec.decode(data, 0, data.length)
  if (method !== 'PUT') return
  if (path === CLUSTER_VERSION) return membership.setClusterVersion(val)
  const id = ATTRIBUTES.exec(path)?.[1]
  if (id === undefined) return
  const { name, clientUrls } = parseAttributes(val)
  membership.setAttributes(memberId(BigInt(`0x${id}`)), name, clientUrls)
}

/** Empty fields are absent, or null where Go wrote an empty list. */
function parseAttributes(text: string): { readonly name: string; readonly clientUrls: readonly string[] } {
  const value: unknown = JSON.parse(text)
  const { name = '', clientURLs } = (value ?? {}) as { readonly name?: unknown; readonly clientURLs?: unknown }
  const clientUrls = clientURLs ?? []
  if (typeof name === 'string' && Array.isArray(clientUrls)) {
    if (clientUrls.every((url): url is string => typeof url === 'string')) return { name, clientUrls }
  }
  throw new Error(`the log holds member attributes that are none: ${text}`)
}
