import { type GateName, SERVER_VERSION, type ServerConfig } from '../config/index.js'
import type { MemberOptions } from '../member/index.js'

/** Proposals stop being taken while this many bytes of applied changes wait for the backend. */
const UNFLUSHED_BYTES_MAX = 64 * 1024 * 1024
/** So many start a batch: what waits in memory is bounded by them as well as by time. */
const BATCH_BYTES = UNFLUSHED_BYTES_MAX / 8
/** Log bytes that a restart reads at most, about. */
const SNAPSHOT_BYTES = 128 * 1024 * 1024

export function memberOptions(config: ServerConfig): MemberOptions {
  return {
    name: config.name,
    clientUrls: config.advertiseClientUrls.map((url) => url.text),
    heartbeatMs: config.heartbeatMs,
    electionTicks: config.electionTicks,
    preVote: config.preVote,
    initialTickAdvance: config.initialElectionTickAdvance,
    requestTimeoutMs: config.requestTimeoutMs,
    maxRequestBytes: config.maxRequestBytes,
    quotaBytes: config.quotaBytes ?? Infinity,
    quotaConfiguredBytes: config.quotaConfiguredBytes,
    commit: {
      intervalMs: config.backendBatchIntervalMs,
      operationsMax: config.backendBatchLimit,
      bytesMax: BATCH_BYTES,
      unflushedBytesMax: UNFLUSHED_BYTES_MAX,
    },
    snapshot: {
      everyEntries: config.snapshotCount,
      everyBytes: SNAPSHOT_BYTES,
      catchUpEntries: config.snapshotCatchUpEntries,
    },
    segmentsMax: config.maxWals,
    snapshotsMax: config.maxSnapshots,
    autoCompaction: autoCompaction(config),
    serverVersion: SERVER_VERSION,
    strictReconfigCheck: config.strictReconfigCheck,
    corruption: {
      initialCheck: isOn(config, 'InitialCorruptCheck'),
      periodMs: config.corruptCheckMs,
      compactHashMs: isOn(config, 'CompactHashCheck') ? config.compactHashCheckMs : 0,
    },
  }
}

const isOn = ({ gates }: ServerConfig, name: GateName): boolean =>
  gates.some((gate) => gate.name === name && gate.enabled)

function autoCompaction({ compaction }: ServerConfig): MemberOptions['autoCompaction'] {
  switch (compaction.mode) {
    case 'off':
      return undefined
    case 'periodic':
      return { mode: 'periodic', retention: compaction.periodMs }
    case 'revision':
      return { mode: 'revision', retention: compaction.revisions }
  }
}
