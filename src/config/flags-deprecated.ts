// Flags of etcd 3.4 to 3.6 that 3.7 no longer has, still accepted because deployment tools pass them.
// Differs: etcd 3.7 refuses them on the command line.

import { type GateName, gateEffect } from './feature-gates.js'
import { type Kind, type Row, row } from './flag-row.js'
import { clusteringFlags } from './flags-clustering.js'
import { memberFlags } from './flags-member.js'
import { featureFlags, tracingFlags } from './flags-operation.js'
import { securityFlags } from './flags-security.js'

/** The old name of a flag: same grammar, default and effect. */
const renamed = <K extends Kind>(name: string, now: Row<K>, fileKey?: string): Row<K> =>
  row(now.kind, now.initial, now.effect, `Old name of --${name}.`, {
    successor: { flag: name },
    ...(fileKey === undefined ? {} : { fileKey }),
  })

const gated = (gate: GateName, initial = 'false'): Row<'bool'> =>
  row('bool', initial, gateEffect(gate), `Old form of --feature-gates=${gate}=true.`, { successor: { gate } })

export const deprecatedFlags = {
  'experimental-corrupt-check-time': renamed('corrupt-check-time', featureFlags['corrupt-check-time']),
  'experimental-compaction-batch-limit': renamed('compaction-batch-limit', featureFlags['compaction-batch-limit']),
  'experimental-watch-progress-notify-interval': renamed(
    'watch-progress-notify-interval',
    featureFlags['watch-progress-notify-interval'],
  ),
  'experimental-warning-apply-duration': renamed('warning-apply-duration', featureFlags['warning-apply-duration']),
  'experimental-peer-skip-client-san-verification': renamed(
    'peer-skip-client-san-verification',
    securityFlags['peer-skip-client-san-verification'],
    'experimental-peer-skip-client-san-verification',
  ),
  'experimental-compact-hash-check-time': renamed('compact-hash-check-time', featureFlags['compact-hash-check-time']),
  'experimental-compaction-sleep-interval': renamed(
    'compaction-sleep-interval',
    featureFlags['compaction-sleep-interval'],
  ),
  'experimental-downgrade-check-time': renamed('downgrade-check-time', featureFlags['downgrade-check-time']),
  'experimental-memory-mlock': renamed('memory-mlock', memberFlags['memory-mlock']),
  'experimental-bootstrap-defrag-threshold-megabytes': renamed(
    'bootstrap-defrag-threshold-megabytes',
    memberFlags['bootstrap-defrag-threshold-megabytes'],
  ),
  'experimental-enable-distributed-tracing': renamed(
    'enable-distributed-tracing',
    tracingFlags['enable-distributed-tracing'],
  ),
  'experimental-distributed-tracing-address': renamed(
    'distributed-tracing-address',
    tracingFlags['distributed-tracing-address'],
  ),
  'experimental-distributed-tracing-service-name': renamed(
    'distributed-tracing-service-name',
    tracingFlags['distributed-tracing-service-name'],
  ),
  'experimental-distributed-tracing-instance-id': renamed(
    'distributed-tracing-instance-id',
    tracingFlags['distributed-tracing-instance-id'],
  ),
  'experimental-distributed-tracing-sampling-rate': renamed(
    'distributed-tracing-sampling-rate',
    tracingFlags['distributed-tracing-sampling-rate'],
  ),
  'experimental-snapshot-catchup-entries': renamed(
    'snapshot-catchup-entries',
    memberFlags['snapshot-catchup-entries'],
    'experimental-snapshot-catch-up-entries',
  ),
  'experimental-warning-unary-request-duration': renamed(
    'warning-unary-request-duration',
    featureFlags['warning-unary-request-duration'],
  ),
  'experimental-backend-bbolt-freelist-type': renamed(
    'backend-bbolt-freelist-type',
    memberFlags['backend-bbolt-freelist-type'],
  ),
  'experimental-max-learners': renamed('max-learners', clusteringFlags['max-learners']),
  'experimental-initial-corrupt-check': gated('InitialCorruptCheck'),
  'experimental-enable-lease-checkpoint': gated('LeaseCheckpoint'),
  'experimental-enable-lease-checkpoint-persist': gated('LeaseCheckpointPersist'),
  'experimental-compact-hash-check-enabled': gated('CompactHashCheck'),
  'experimental-txn-mode-write-with-shared-buffer': gated('TxnModeWriteWithSharedBuffer', 'true'),
  'experimental-stop-grpc-service-on-defrag': gated('StopGRPCServiceOnDefrag'),
} as const

/** These two families write versions without `v` in their warning. */
const WITHOUT_V = /^experimental-(?:compact-hash|enable-distributed|distributed-tracing)/

/** The warning of 3.6 for the use of an old flag. */
export const deprecationText = (
  name: string,
  successor: { readonly flag: string } | { readonly gate: string },
): string => {
  const v = WITHOUT_V.test(name) ? '' : 'v'
  const now = 'flag' in successor ? `--${successor.flag}` : `--feature-gates=${successor.gate}=true`
  return `--${name} is deprecated in ${v}3.6 and will be decommissioned in ${v}3.7. Use '${now}' instead.`
}
