// The rows of the bench. A group is a fresh server with what its rows need; a row is one kind of load on it.
//
// `target` is the least ratio to etcd that we want. `only` names the contender that a row exists for, `note` says why.
// `warmedBy` names the row whose load a group's server gets first; without it that is the first one.
import { randomBytes } from 'node:crypto'
import { runLoad } from './grpc-load.mjs'
import { RawClient, RawMethod } from './raw-client.mjs'
import { guardedPut, leaseGrantRequest, putRequest, rangeRequest, singleRangeRequest } from './requests.mjs'
import { runKeepAlives, runWatchLoad } from './stream-load.mjs'

const PUT = '/etcdserverpb.KV/Put'
const TXN = '/etcdserverpb.KV/Txn'
const RANGE = '/etcdserverpb.KV/Range'
const RANGE_STREAM = '/etcdserverpb.KV/RangeStream'
const LEASE_GRANT = '/etcdserverpb.Lease/LeaseGrant'

const VALUE_BYTES = 256
const KEYS_READ = 10_000
const OBJECTS = 10_000
const OBJECT_BYTES = 7500
const LEASES = 10_000
const LEASE_SECONDS = 3600
const FILL_IN_FLIGHT = 32
/** Longer than what any compression looks back, so that values do not shrink. */
const noise = randomBytes(4 * 1024 * 1024)

const valueAt = (i, bytes = VALUE_BYTES) => {
  const at = (i * 257) % (noise.length - bytes)
  return noise.subarray(at, at + bytes)
}

const hex8 = (number) => Buffer.from((number >>> 0).toString(16).padStart(8, '0'), 'latin1')
/** 8 bytes, in an order that is none; all different. */
const scattered = (i) => hex8(Math.imul(i + 1, 2654435761))
/** 8 bytes, ascending, behind those of `scattered` that its first million makes. */
const ascending = (i) => Buffer.from(`s${i.toString(36).padStart(7, '0')}`, 'latin1')

const objectKey = (i) => Buffer.from(`/registry/pods/default/pod-${String(i).padStart(6, '0')}`)
const OBJECTS_FROM = Buffer.from('/registry/pods/')
const OBJECTS_TO = Buffer.from('/registry/pods0')
/** Every thousandth key of the prepared ones in order: the bounds of ranges of 1,000 keys. */
const THOUSANDS = Array.from({ length: KEYS_READ }, (_, i) => scattered(i))
  .sort(Buffer.compare)
  .filter((_, i) => i % 1000 === 0)

const putScattered = (i) => putRequest(scattered(i), valueAt(i))
const putAscending = (i) => putRequest(ascending(i), valueAt(i))
const putGuarded = (i) => guardedPut(scattered(i), valueAt(i))
const linearizable = (i) => singleRangeRequest(scattered(i % KEYS_READ), false)
const serializable = (i) => singleRangeRequest(scattered(i % KEYS_READ), true)
const thousandKeys = (i) => {
  const n = i % (THOUSANDS.length - 1)
  return rangeRequest(THOUSANDS[n], THOUSANDS[n + 1])
}
/** One write, then three reads. */
const mixedPath = (i) => (i % 4 === 0 ? PUT : RANGE)
const mixed = (i) => (i % 4 === 0 ? putRequest(scattered(i % KEYS_READ), valueAt(i)) : linearizable(i))
const listObjects = () => rangeRequest(OBJECTS_FROM, OBJECTS_TO)

/** A single client makes few calls in a second, and code is compiled by their number. */
const LEAD_SECONDS_ALONE = 4

const unary = (name, target, load) => ({
  name,
  target,
  ...(load.calls === 1 && { leadSeconds: LEAD_SECONDS_ALONE }),
  // A connection to each member at least.
  run: (context) => runLoad({ ...load, ...context, connections: Math.max(load.connections, context.targets.length) }),
})

const putRows = (suffix, targets) => [
  unary(`put, 1 client${suffix}`, targets[0], { path: PUT, payload: putScattered, connections: 1, calls: 1 }),
  unary(`put, 100 clients${suffix}`, targets[1], { path: PUT, payload: putScattered, connections: 100, calls: 100 }),
  unary(`put, 1000 clients${suffix}`, targets[2], { path: PUT, payload: putScattered, connections: 100, calls: 1000 }),
]

const watchRow = (watchers, outstanding) => ({
  name: `watch fan-out, ${watchers} watcher${watchers > 1 ? 's' : ''} (events)`,
  target: 1,
  run: ({ targets, ...context }) =>
    runWatchLoad({ ...context, target: targets[0], watchers, outstanding, value: valueAt(0) }),
})

/** Groups of one server. `tls`: { flags, ca }, or { missing }. */
export const singleGroups = (tls) => [
  {
    name: 'puts',
    warmedBy: 'put, 100 clients',
    rows: [
      ...putRows('', [1, 1.3, 1.5]),
      unary('put, 1000 clients, ascending keys', 1.5, {
        ...{ path: PUT, payload: putAscending, connections: 100, calls: 1000 },
      }),
      unary('txn-put, 1000 clients', 1.5, { path: TXN, payload: putGuarded, connections: 100, calls: 1000 }),
    ],
  },
  {
    name: 'reads',
    warmedBy: 'range, linearizable, 1000 clients',
    prepare: fillKeys,
    rows: [
      unary('range, linearizable, 1 client', 1, { path: RANGE, payload: linearizable, connections: 1, calls: 1 }),
      unary('range, linearizable, 1000 clients', 1.5, {
        ...{ path: RANGE, payload: linearizable, connections: 100, calls: 1000 },
      }),
      unary('range, serializable, 1 client', 1, { path: RANGE, payload: serializable, connections: 1, calls: 1 }),
      unary('range, serializable, 1000 clients', 1.5, {
        ...{ path: RANGE, payload: serializable, connections: 100, calls: 1000 },
      }),
      unary('range of 1000 keys, 10 clients', 1.2, { path: RANGE, payload: thousandKeys, connections: 10, calls: 10 }),
      unary('mixed, 3 reads a write, 1000 clients', 1.5, {
        ...{ path: mixedPath, payload: mixed, connections: 100, calls: 1000 },
      }),
    ],
  },
  {
    name: 'list',
    prepare: fillObjects,
    restart: true,
    rows: [
      unary('list of 75 MB, unary', 1, { path: RANGE, payload: listObjects, connections: 1, calls: 1 }),
      {
        ...unary('list of 75 MB, RangeStream', 0, {
          ...{ path: RANGE_STREAM, payload: listObjects, connections: 1, calls: 1 },
        }),
        only: 'quorate',
        note: 'etcd 3.5 has no RangeStream',
      },
    ],
  },
  { name: 'watch', rows: [watchRow(1, 100), watchRow(100, 20), watchRow(1000, 4)] },
  {
    name: 'lease',
    prepare: grantLeases,
    rows: [
      {
        name: 'lease keep-alive, 10000 leases',
        target: 1,
        run: ({ targets, ...context }) =>
          runKeepAlives({ ...context, target: targets[0], leases: LEASES, connections: 100, outstanding: 1000 }),
      },
    ],
  },
  { name: 'tls', warmedBy: 'put, 100 clients, TLS', tls, rows: putRows(', TLS', [1.2, 1.2, 1.2]) },
]

const PLACES = ['leader', 'all']

/** Groups of a cluster; each row runs against the leader, then against all members in turn. */
export const clusterGroups = () => [
  {
    name: 'cluster puts',
    warmedBy: 'put, 100 clients, to all members',
    rows: [
      ['put, 1 client', 1, 1],
      ['put, 100 clients', 100, 100],
      ['put, 1000 clients', 100, 1000],
    ].flatMap(([name, connections, calls]) =>
      PLACES.map((place) => ({
        ...unary(`${name}, to ${placeText(place)}`, calls === 1 ? 1 : 1.2, {
          path: PUT,
          payload: putScattered,
          connections,
          calls,
        }),
        place,
      })),
    ),
  },
  {
    name: 'cluster reads',
    warmedBy: 'range, linearizable, 1000 clients, to all members',
    prepare: fillKeys,
    rows: [
      ['linearizable', linearizable],
      ['serializable', serializable],
    ].flatMap(([kind, payload]) =>
      PLACES.flatMap((place) =>
        [1, 1000].map((calls) => ({
          ...unary(`range, ${kind}, ${calls} client${calls > 1 ? 's' : ''}, to ${placeText(place)}`, 1.2, {
            ...{ path: RANGE, payload, connections: Math.min(calls, 100), calls },
          }),
          place,
        })),
      ),
    ),
  },
]

function placeText(place) {
  return place === 'leader' ? 'the leader' : 'all members'
}

function fillKeys(target) {
  return fill(target, PUT, KEYS_READ, putScattered)
}

function fillObjects(target) {
  return fill(target, PUT, OBJECTS, (i) => putRequest(objectKey(i), valueAt(i, OBJECT_BYTES)))
}

function grantLeases(target) {
  return fill(target, LEASE_GRANT, LEASES, (i) => leaseGrantRequest(i + 1, LEASE_SECONDS))
}

/** Makes `count` calls, a few at a time. */
async function fill(target, path, count, request) {
  const method = new RawMethod(path)
  const client = await RawClient.open(target)
  let next = 0
  const lane = async () => {
    while (next < count) await client.call(method, request(next++), true)
  }
  await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, lane))
  client.close()
}
