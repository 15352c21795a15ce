// etcd's metrics of the network between members.

import { type MemberId, NO_MEMBER, hexId } from '../../base/index.js'
import { type Counter, type Gauge, type Histogram, type LabelledMetrics, exponentialBuckets } from '../../env/index.js'
import { PEER_LIMITS } from './limits.js'

/** Of one other member. */
export interface PeerInstruments {
  readonly sentBytes: Counter
  readonly sentFailures: Counter
  readonly receivedBytes: Counter
  readonly receivedFailures: Counter
  readonly roundTrip: Histogram
  readonly active: Gauge
  readonly disconnected: Counter
  readonly snapshotSent: Counter
  readonly snapshotSendFailures: Counter
  readonly snapshotsSending: Gauge
  readonly snapshotSendSeconds: Histogram
  readonly snapshotReceived: Counter
  readonly snapshotReceiveFailures: Counter
  readonly snapshotsReceiving: Gauge
  readonly snapshotReceiveSeconds: Histogram
}

export class PeerMetrics {
  readonly #of: (id: MemberId) => PeerInstruments
  readonly #known = new Map<MemberId, PeerInstruments>()

  constructor(metrics: LabelledMetrics, self: MemberId) {
    const counter = (name: string, help: string, ...labels: string[]) =>
      metrics.counters(`etcd_network_${name}`, help, labels)
    const histogram = (name: string, help: string, buckets: readonly number[], label: string) =>
      metrics.histograms(`etcd_network_${name}`, help, buckets, [label])
    const gauge = (name: string, help: string, ...labels: string[]) =>
      metrics.gauges(`etcd_network_${name}`, help, labels)
    const seconds = exponentialBuckets(0.1, 2, 10)

    const sentBytes = counter('peer_sent_bytes_total', 'Bytes sent to peers.', 'To')
    const sentFailures = counter('peer_sent_failures_total', 'Failures of sending to peers.', 'To')
    const receivedBytes = counter('peer_received_bytes_total', 'Bytes received from peers.', 'From')
    const receivedFailures = counter('peer_received_failures_total', 'Failures of receiving from peers.', 'From')
    const roundTrip = histogram(
      'peer_round_trip_time_seconds',
      'Round trip to peers.',
      exponentialBuckets(0.0001, 2, 16),
      'To',
    )
    const active = gauge('active_peers', '1 for connected peers.', 'Local', 'Remote')
    const disconnected = counter('disconnected_peers_total', 'Lost connections to peers.', 'Local', 'Remote')
    const snapshotSent = counter('snapshot_send_success', 'Snapshots sent.', 'To')
    const snapshotSendFailures = counter('snapshot_send_failures', 'Snapshots that could not be sent.', 'To')
    const snapshotsSending = gauge('snapshot_send_inflights_total', 'Snapshots being sent.', 'To')
    const sendSeconds = histogram('snapshot_send_total_duration_seconds', 'Time to send a snapshot.', seconds, 'To')
    const snapshotReceived = counter('snapshot_receive_success', 'Snapshots received.', 'From')
    const receiveFailures = counter('snapshot_receive_failures', 'Snapshots that could not be received.', 'From')
    const snapshotsReceiving = gauge('snapshot_receive_inflights_total', 'Snapshots being received.', 'From')
    const receiveSeconds = histogram(
      'snapshot_receive_total_duration_seconds',
      'Time to receive a snapshot.',
      seconds,
      'From',
    )
    const local = hexId(self)
    this.#of = (id) => {
      const remote = hexId(id)
      return {
        sentBytes: sentBytes(remote),
        sentFailures: sentFailures(remote),
        receivedBytes: receivedBytes(remote),
        receivedFailures: receivedFailures(remote),
        roundTrip: roundTrip(remote),
        active: active(local, remote),
        disconnected: disconnected(local, remote),
        snapshotSent: snapshotSent(remote),
        snapshotSendFailures: snapshotSendFailures(remote),
        snapshotsSending: snapshotsSending(remote),
        snapshotSendSeconds: sendSeconds(remote),
        snapshotReceived: snapshotReceived(remote),
        snapshotReceiveFailures: receiveFailures(remote),
        snapshotsReceiving: snapshotsReceiving(remote),
        snapshotReceiveSeconds: receiveSeconds(remote),
      }
    }
  }

  /** For members that passed the handshake, or that we were told of. Beyond the limit new ones share one: 0. */
  of(id: MemberId): PeerInstruments {
    let known = this.#known.get(id)
    if (known === undefined) {
      if (this.#known.size >= PEER_LIMITS.measuredMembers && id !== NO_MEMBER) return this.of(NO_MEMBER)
      known = this.#of(id)
      this.#known.set(id, known)
    }
    return known
  }
}
