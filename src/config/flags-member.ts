// Flags of the member itself: storage, timing, listeners, limits.

import { WORKS, inert, later, limited, row } from './flag-row.js'

const NO_BBOLT = 'the store is not a bbolt database'
/** Where the runtime passes the option on to the system; elsewhere the start is refused. */
export const REUSE_PORT_NEEDS = 'needs Node.js 22.12, or 23.1 and later'
const CLUSTERS = later('clusters')

export const memberFlags = {
  name: row('string', 'default', WORKS, 'Name of this member, its key in --initial-cluster.'),
  'data-dir': row(
    'string',
    '',
    WORKS,
    "Folder of the member's data; <name>.etcd in the working directory when not set.",
  ),
  'wal-dir': row('string', '', WORKS, 'Folder of the write-ahead log, if not <data-dir>/member/wal.'),
  'snapshot-count': row(
    'uint64',
    '10000',
    WORKS,
    'Applied entries after which a snapshot of the raft state is written.',
  ),
  'snapshot-catchup-entries': row(
    'uint64',
    '5000',
    WORKS,
    'Log entries kept in memory for slow followers after a snapshot.',
  ),
  'heartbeat-interval': row(
    'uint',
    '100',
    WORKS,
    'Heartbeat of the leader and length of a raft tick, in milliseconds.',
  ),
  'election-timeout': row('uint', '1000', WORKS, 'Silence of the leader that starts an election, in milliseconds.'),
  'initial-election-tick-advance': row(
    'bool',
    'true',
    CLUSTERS,
    'Shorten the wait for the first election after a start; a member alone never waits.',
  ),
  'listen-peer-urls': row(
    'urls',
    'http://localhost:2380',
    limited('/version and /members; no members yet'),
    'URLs to listen on for other members.',
  ),
  'listen-client-urls': row(
    'urls',
    'http://localhost:2379',
    WORKS,
    'URLs to listen on for clients: gRPC, and HTTP unless --listen-client-http-urls is set.',
  ),
  'listen-client-http-urls': row(
    'urls',
    '',
    WORKS,
    'URLs to listen on for HTTP alone; --listen-client-urls then serve gRPC alone.',
  ),
  'max-snapshots': row('uint', '5', WORKS, 'Snapshot files to keep; 0 keeps all.'),
  'max-wals': row('uint', '5', WORKS, 'Write-ahead log files to keep; 0 keeps all.'),
  'quota-backend-bytes': row(
    'int64',
    '0',
    WORKS,
    'Size of the store in bytes beyond which writes are refused; 0 means 2 GiB, a negative number no limit.',
  ),
  'backend-bbolt-freelist-type': row(
    'string',
    'map',
    inert(NO_BBOLT),
    'Kind of free list of the bbolt database (map or array).',
  ),
  'backend-batch-interval': row(
    'duration',
    '0s',
    WORKS,
    'Longest time between two commits of the store; 0 means 2s (etcd: 100ms).',
  ),
  'backend-batch-limit': row('int', '0', WORKS, 'Operations that start a commit of the store at once; 0 means 10000.'),
  'max-txn-ops': row('uint', '128', WORKS, 'Most operations in a transaction.'),
  'max-request-bytes': row('uint', '1572864', WORKS, 'Largest request of a client, in bytes.'),
  'max-concurrent-streams': row(
    'uint32',
    '4294967295',
    WORKS,
    'Most streams that a client may have open at once on a connection.',
  ),
  'enable-grpc-gateway': row('bool', 'true', later('JSON gateway'), 'Serve the JSON form of the API under /v3/.'),
  'grpc-keepalive-min-time': row('duration', '5s', WORKS, 'Shortest allowed interval between two pings of a client.'),
  'grpc-keepalive-interval': row('duration', '2h', WORKS, 'Silence of a client after which the server pings it.'),
  'grpc-keepalive-timeout': row(
    'duration',
    '20s',
    WORKS,
    'Wait for the answer to a ping before the connection is closed.',
  ),
  'socket-reuse-port': row('bool', 'false', limited(REUSE_PORT_NEEDS), 'Set SO_REUSEPORT on listeners.', {
    fileKey: 'socket-options.reuse-port',
  }),
  'socket-reuse-address': row('bool', 'false', inert('SO_REUSEADDR is always set'), 'Set SO_REUSEADDR on listeners.', {
    fileKey: 'socket-options.reuse-address',
  }),
  'raft-read-timeout': row('duration', '5s', CLUSTERS, 'Limit of one read from a peer connection.', {
    fileKey: null,
  }),
  'raft-write-timeout': row('duration', '5s', CLUSTERS, 'Limit of one write to a peer connection.', {
    fileKey: null,
  }),
  'memory-mlock': row(
    'bool',
    'false',
    inert('Node.js cannot lock memory'),
    'Keep the pages of the database in memory.',
  ),
  'bootstrap-defrag-threshold-megabytes': row(
    'uint',
    '0',
    inert('the store needs no defragmentation'),
    'Defragment at start if at least this many megabytes would be freed; 0 is off.',
  ),
} as const
