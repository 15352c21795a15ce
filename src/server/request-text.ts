// Requests as log lines show them: keys and options, never values. Made for slow requests only.

import { etcdserverpb } from '../proto/index.js'

/** Longer texts are cut: transactions may hold megabytes of keys. */
const TEXT_MAX = 4096

type Fields = readonly [name: string, value: string | number | boolean | bigint | Uint8Array][]

/** A request of the KV service; empty for anything else. */
export function requestText(request: unknown): string {
  return cut(textOf(request))
}

/** A request of the log, header first. */
export function proposalText(request: etcdserverpb.InternalRaftRequest): string {
  const header = `header:<ID:${request.header?.id ?? request.id} >`
  const found = Object.entries(request).find(
    ([name, value]) => name !== 'header' && value !== null && typeof value === 'object',
  )
  if (found === undefined) return header
  const [name, value] = found as [string, unknown]
  return cut(`${header} ${snakeCase(name)}:<${textOf(value)}>`)
}

/** The name under which the reference counts a request of the log, `Put` for example. */
export function proposalKind(request: etcdserverpb.InternalRaftRequest): string {
  for (const [name, value] of Object.entries(request) as [string, unknown][]) {
    if (name === 'header' || value === null || typeof value !== 'object') continue
    return name.charAt(0).toUpperCase() + name.slice(1)
  }
  return 'Unknown'
}

function textOf(request: unknown): string {
  if (request instanceof etcdserverpb.RangeRequest) return rangeText(request)
  if (request instanceof etcdserverpb.PutRequest) return putText(request)
  if (request instanceof etcdserverpb.DeleteRangeRequest) return deleteText(request)
  if (request instanceof etcdserverpb.TxnRequest) return txnText(request, 0)
  if (request instanceof etcdserverpb.CompactionRequest) {
    return fields([
      ['revision', request.revision],
      ['physical', request.physical],
    ])
  }
  if (request instanceof etcdserverpb.LeaseGrantRequest) {
    return `ttl:${request.ttl}-second id:${BigInt.asUintN(64, request.id).toString(16).padStart(16, '0')}`
  }
  if (request instanceof etcdserverpb.LeaseRevokeRequest) {
    return `id:${BigInt.asUintN(64, request.id).toString(16).padStart(16, '0')}`
  }
  return ''
}

const rangeText = (request: etcdserverpb.RangeRequest): string =>
  fields([
    ['key', request.key],
    ['range_end', request.rangeEnd],
    ['limit', request.limit],
    ['revision', request.revision],
    ['sort_order', enumName(etcdserverpb.SortOrder, request.sortOrder)],
    ['sort_target', enumName(etcdserverpb.SortTarget, request.sortTarget)],
    ['serializable', request.serializable],
    ['keys_only', request.keysOnly],
    ['count_only', request.countOnly],
    ['min_mod_revision', request.minModRevision],
    ['max_mod_revision', request.maxModRevision],
    ['min_create_revision', request.minCreateRevision],
    ['max_create_revision', request.maxCreateRevision],
  ])

const putText = (request: etcdserverpb.PutRequest): string =>
  `${fields([
    ['key', request.key],
    ['lease', request.lease],
    ['prev_kv', request.prevKv],
    ['ignore_value', request.ignoreValue],
    ['ignore_lease', request.ignoreLease],
  ])}value_size:${request.value.length} `

const deleteText = (request: etcdserverpb.DeleteRangeRequest): string =>
  fields([
    ['key', request.key],
    ['range_end', request.rangeEnd],
    ['prev_kv', request.prevKv],
  ])

/** Deeper ones are not shown: nesting is bounded elsewhere, a log line need not follow it. */
const NESTING_MAX = 8

function txnText(request: etcdserverpb.TxnRequest, depth: number): string {
  if (depth > NESTING_MAX) return '...'
  const ops = (list: readonly etcdserverpb.RequestOp[]): string => list.map((op) => opText(op, depth)).join(' ')
  const compares = request.compare.map(compareText).join(' ')
  return `compare:<${compares}> success:<${ops(request.success)}> failure:<${ops(request.failure)}>`
}

const compareText = (compare: etcdserverpb.Compare): string =>
  `result:${enumName(etcdserverpb.CompareResult, compare.result) || 'EQUAL'} target:${
    enumName(etcdserverpb.CompareTarget, compare.target) || 'VERSION'
  } ${fields([
    ['key', compare.key],
    ['range_end', compare.rangeEnd],
    ['value_size', compare.value?.length ?? 0],
  ])}`

function opText(op: etcdserverpb.RequestOp, depth: number): string {
  if (op.requestPut !== undefined) return `request_put:<${putText(op.requestPut)}>`
  if (op.requestRange !== undefined) return `request_range:<${rangeText(op.requestRange)}>`
  if (op.requestDeleteRange !== undefined) return `request_delete_range:<${deleteText(op.requestDeleteRange)}>`
  if (op.requestTxn !== undefined) return `request_txn:<${txnText(op.requestTxn, depth + 1)}>`
  return ''
}

/** `name:value ` of each field that is not at its default. */
function fields(list: Fields): string {
  let text = ''
  for (const [name, value] of list) {
    if (value instanceof Uint8Array) {
      if (value.length > 0) text += `${name}:${quoted(value)} `
    } else if (value !== 0 && value !== 0n && value !== false && value !== '') text += `${name}:${value} `
  }
  return text
}

/** Printable ASCII as it is, everything else escaped as in the text form of protobuf. */
function quoted(bytes: Uint8Array): string {
  let text = '"'
  for (const byte of bytes.subarray(0, TEXT_MAX)) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte)
    else text += `\\${byte.toString(8).padStart(3, '0')}`
  }
  return `${text}"`
}

/** Empty for the default, as fields are left out there. */
const enumName = (names: Readonly<Record<string, number>>, value: number): string =>
  value === 0 ? '' : (Object.keys(names).find((name) => names[name] === value) ?? String(value))

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const cut = (text: string): string => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}...` : text)
