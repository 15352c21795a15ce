// The metrics of gRPC calls that dashboards and alerts divide by: all methods with all codes exist from the start.

import { Code, type CallObserver, type MethodInfo } from '../env/index.js'
import type { Counter, Histogram } from '../env/index.js'
import type { MetricsRegistry } from './metrics-registry.js'

export interface GrpcMethods {
  /** Full name of the service. */
  readonly name: string
  readonly methods: readonly Pick<MethodInfo, 'method' | 'kind'>[]
}

/** Go's names of the codes, by number. */
const CODE_NAMES: readonly string[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
]

/** Defaults of Go's client library. */
const HANDLING_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The instruments of one method, looked up once. */
interface MethodCells {
  readonly started: Counter
  readonly received: Counter
  readonly sent: Counter
  readonly handled: readonly Counter[]
  /** Only with extensive metrics. */
  readonly seconds: Histogram | undefined
}

const LABELS = ['grpc_type', 'grpc_service', 'grpc_method'] as const

export class GrpcMetrics implements CallObserver {
  readonly #registry: MetricsRegistry
  readonly #extensive: boolean
  readonly #services = new Map<string, Map<string, MethodCells>>()
  /** The same by the records of the methods, which the server makes once. */
  readonly #known = new Map<MethodInfo, MethodCells>()
  readonly #receivedBytes: Counter
  readonly #sentBytes: Counter

  /** `methods` exist from the start; others appear with their first call. */
  constructor(registry: MetricsRegistry, methods: readonly GrpcMethods[], extensive: boolean) {
    this.#registry = registry
    this.#extensive = extensive
    this.#receivedBytes = registry.counter('etcd_network_client_grpc_received_bytes_total', '')
    this.#sentBytes = registry.counter('etcd_network_client_grpc_sent_bytes_total', '')
    for (const service of methods) {
      for (const { method, kind } of service.methods) this.#create({ service: service.name, method, kind })
    }
  }

  started(method: MethodInfo): void {
    this.#cells(method).started.inc()
  }

  received(method: MethodInfo, sizeBytes: number): void {
    this.#cells(method).received.inc()
    this.#receivedBytes.inc(sizeBytes)
  }

  sent(method: MethodInfo, sizeBytes: number): void {
    this.#cells(method).sent.inc()
    this.#sentBytes.inc(sizeBytes)
  }

  handled(method: MethodInfo, code: Code, seconds: number): void {
    const cells = this.#cells(method)
    ;(cells.handled[code] ?? cells.handled[Code.unknown])?.inc()
    cells.seconds?.observe(seconds)
  }

  #cells(info: MethodInfo): MethodCells {
    return this.#known.get(info) ?? this.#meet(info)
  }

  #meet(info: MethodInfo): MethodCells {
    const cells = this.#services.get(info.service)?.get(info.method) ?? this.#create(info)
    this.#known.set(info, cells)
    return cells
  }

  #create({ service, method, kind }: MethodInfo): MethodCells {
    const registry = this.#registry
    const labels = [kind, service, method]
    const handled = registry.counters('grpc_server_handled_total', 'Calls ended, by code.', [...LABELS, 'grpc_code'])
    const seconds = 'Time to handle a call.'
    const cells: MethodCells = {
      started: registry.counters('grpc_server_started_total', 'Calls started.', LABELS)(...labels),
      received: registry.counters('grpc_server_msg_received_total', 'Messages received.', LABELS)(...labels),
      sent: registry.counters('grpc_server_msg_sent_total', 'Messages sent.', LABELS)(...labels),
      handled: CODE_NAMES.map((code) => handled(...labels, code)),
      seconds: this.#extensive
        ? registry.histograms('grpc_server_handling_seconds', seconds, HANDLING_BUCKETS, LABELS)(...labels)
        : undefined,
    }
    let methods = this.#services.get(service)
    if (methods === undefined) this.#services.set(service, (methods = new Map<string, MethodCells>()))
    methods.set(method, cells)
    return cells
  }
}

const unary = (...methods: string[]): GrpcMethods['methods'] => methods.map((method) => ({ method, kind: 'unary' }))

/** The services whose methods exist from the start in etcd. */
export const STANDARD_METHODS: readonly GrpcMethods[] = [
  {
    name: 'etcdserverpb.KV',
    methods: [
      ...unary('Range', 'Put', 'DeleteRange', 'Txn', 'Compact'),
      { method: 'RangeStream', kind: 'server_stream' },
    ],
  },
  { name: 'etcdserverpb.Watch', methods: [{ method: 'Watch', kind: 'bidi_stream' }] },
  {
    name: 'etcdserverpb.Lease',
    methods: [
      ...unary('LeaseGrant', 'LeaseRevoke', 'LeaseTimeToLive', 'LeaseLeases'),
      { method: 'LeaseKeepAlive', kind: 'bidi_stream' },
    ],
  },
  {
    name: 'etcdserverpb.Cluster',
    methods: unary('MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberList', 'MemberPromote'),
  },
  {
    name: 'etcdserverpb.Maintenance',
    methods: [
      ...unary('Alarm', 'Status', 'Defragment', 'Hash', 'HashKV', 'MoveLeader', 'Downgrade'),
      { method: 'Snapshot', kind: 'server_stream' },
    ],
  },
  {
    name: 'etcdserverpb.Auth',
    methods: unary(
      ...['AuthEnable', 'AuthDisable', 'AuthStatus', 'Authenticate'],
      ...['UserAdd', 'UserGet', 'UserList', 'UserDelete', 'UserChangePassword', 'UserGrantRole', 'UserRevokeRole'],
      ...['RoleAdd', 'RoleGet', 'RoleList', 'RoleDelete', 'RoleGrantPermission', 'RoleRevokePermission'],
    ),
  },
  {
    name: 'grpc.health.v1.Health',
    methods: [...unary('Check', 'List'), { method: 'Watch', kind: 'server_stream' }],
  },
]
