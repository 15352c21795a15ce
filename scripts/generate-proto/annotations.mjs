// What the .proto files cannot say: how each 64-bit integer is held, what is always written, what stays encoded.
// Keys are full proto names. The generator refuses a name that matches no field, so nothing here goes stale unseen.

/** Proto package -> file and namespace name in src/proto/. Order: a package comes after those that it imports. */
export const PACKAGES = {
  mvccpb: 'mvccpb',
  authpb: 'authpb',
  membershippb: 'membershippb',
  etcdserverpb: 'etcdserverpb',
  raftpb: 'raftpb',
  walpb: 'walpb',
  snappb: 'snappb',
  leasepb: 'leasepb',
  v3lockpb: 'v3lockpb',
  v3electionpb: 'v3electionpb',
  'grpc.health.v1': 'healthpb',
  quoratepeer: 'quoratepeer',
}

/**
 * Identifiers: 64 bits that are compared and passed on, never counted with. Held as bigint, under the brand of base/ids
 * where there is one. All other 64-bit fields are counters, held as number.
 */
export const IDENTIFIERS = {
  ClusterId: [
    'etcdserverpb.ResponseHeader.cluster_id',
    'etcdserverpb.Metadata.ClusterID',
    'quoratepeer.Hello.cluster_id',
    'quoratepeer.HelloAck.cluster_id',
  ],
  MemberId: [
    'etcdserverpb.ResponseHeader.member_id',
    'etcdserverpb.Metadata.NodeID',
    'etcdserverpb.RequestHeader.requester_member_id',
    'etcdserverpb.Member.ID',
    'etcdserverpb.MemberRemoveRequest.ID',
    'etcdserverpb.MemberUpdateRequest.ID',
    'etcdserverpb.MemberPromoteRequest.ID',
    'etcdserverpb.MoveLeaderRequest.targetID',
    'etcdserverpb.AlarmRequest.memberID',
    'etcdserverpb.AlarmMember.memberID',
    'etcdserverpb.StatusResponse.leader',
    'membershippb.Member.ID',
    'membershippb.ClusterMemberAttrSetRequest.member_ID',
    'raftpb.Message.to',
    'raftpb.Message.from',
    'raftpb.Message.vote',
    'raftpb.HardState.vote',
    'raftpb.ConfState.voters',
    'raftpb.ConfState.learners',
    'raftpb.ConfState.voters_outgoing',
    'raftpb.ConfState.learners_next',
    'raftpb.ConfChange.node_id',
    'raftpb.ConfChangeSingle.node_id',
    'quoratepeer.PromoteMemberRequest.id',
    'quoratepeer.Hello.from_id',
    'quoratepeer.Hello.to_id',
    'quoratepeer.HelloAck.member_id',
  ],
  LeaseId: [
    'mvccpb.KeyValue.lease',
    'etcdserverpb.PutRequest.lease',
    'etcdserverpb.Compare.lease',
    'etcdserverpb.LeaseGrantRequest.ID',
    'etcdserverpb.LeaseGrantResponse.ID',
    'etcdserverpb.LeaseRevokeRequest.ID',
    'etcdserverpb.LeaseCheckpoint.ID',
    'etcdserverpb.LeaseKeepAliveRequest.ID',
    'etcdserverpb.LeaseKeepAliveResponse.ID',
    'etcdserverpb.LeaseTimeToLiveRequest.ID',
    'etcdserverpb.LeaseTimeToLiveResponse.ID',
    'etcdserverpb.LeaseStatus.ID',
    'leasepb.Lease.ID',
    'v3lockpb.LockRequest.lease',
    'v3electionpb.CampaignRequest.lease',
    'v3electionpb.LeaderKey.lease',
    'quoratepeer.LeaseRenewRequest.id',
    'quoratepeer.LeaseTimeToLiveRequest.id',
  ],
  bigint: [
    'etcdserverpb.WatchCreateRequest.watch_id',
    'etcdserverpb.WatchCancelRequest.watch_id',
    'etcdserverpb.WatchResponse.watch_id',
    'etcdserverpb.RequestHeader.ID',
    'etcdserverpb.InternalRaftRequest.ID',
    'etcdserverpb.Request.ID',
    // Unix nanoseconds: past 2^53.
    'etcdserverpb.Request.Expiration',
    'etcdserverpb.Request.Time',
    'raftpb.ConfChange.id',
    'quoratepeer.Hello.incarnation_id',
    'quoratepeer.Ping.nonce',
    'quoratepeer.Pong.nonce',
    'quoratepeer.SnapshotBegin.transfer_id',
    'quoratepeer.SnapshotAccept.transfer_id',
  ],
}

/** Counters with a brand of base/ids. */
export const BRANDED_COUNTERS = {
  Term: [
    'raftpb.Entry.Term',
    'raftpb.SnapshotMetadata.term',
    'raftpb.Message.term',
    'raftpb.Message.logTerm',
    'raftpb.HardState.term',
    'walpb.Snapshot.term',
  ],
  Index: [
    'raftpb.Entry.Index',
    'raftpb.SnapshotMetadata.index',
    'raftpb.Message.index',
    'raftpb.Message.commit',
    'raftpb.Message.rejectHint',
    'raftpb.HardState.commit',
    'walpb.Snapshot.index',
  ],
}

/**
 * Packages and messages that come from a disk or a member: a counter beyond 2^53-1 is corruption and makes the message
 * malformed. In all others it comes from a client, can only mean "past everything", and saturates.
 */
export const STRICT = [
  'raftpb',
  'walpb',
  'snappb',
  'leasepb',
  'quoratepeer',
  'mvccpb.KeyValue',
  'etcdserverpb.Metadata',
]

/**
 * proto2 fields that etcd up to 3.6 writes even when they are zero or empty (its own generator marks them as "not
 * nullable"). All members of a log and all tools read both forms; equal bytes make comparisons simple.
 */
export const ALWAYS_WRITTEN = [
  'raftpb.Entry.Type',
  'raftpb.Entry.Term',
  'raftpb.Entry.Index',
  'raftpb.SnapshotMetadata.conf_state',
  'raftpb.SnapshotMetadata.index',
  'raftpb.SnapshotMetadata.term',
  'raftpb.Snapshot.metadata',
  'raftpb.Message.type',
  'raftpb.Message.to',
  'raftpb.Message.from',
  'raftpb.Message.term',
  'raftpb.Message.logTerm',
  'raftpb.Message.index',
  'raftpb.Message.commit',
  'raftpb.Message.reject',
  'raftpb.Message.rejectHint',
  'raftpb.Message.vote',
  'raftpb.HardState.term',
  'raftpb.HardState.vote',
  'raftpb.HardState.commit',
  'raftpb.ConfState.auto_leave',
  'raftpb.ConfChange.id',
  'raftpb.ConfChange.type',
  'raftpb.ConfChange.node_id',
  'raftpb.ConfChangeSingle.type',
  'raftpb.ConfChangeSingle.node_id',
  'raftpb.ConfChangeV2.transition',
  'walpb.Record.type',
  'walpb.Record.crc',
  'walpb.Snapshot.index',
  'walpb.Snapshot.term',
  'snappb.snapshot.crc',
  'etcdserverpb.Metadata.NodeID',
  'etcdserverpb.Metadata.ClusterID',
  'etcdserverpb.Request.ID',
  'etcdserverpb.Request.Method',
  'etcdserverpb.Request.Path',
  'etcdserverpb.Request.Val',
  'etcdserverpb.Request.Dir',
  'etcdserverpb.Request.PrevValue',
  'etcdserverpb.Request.PrevIndex',
  'etcdserverpb.Request.Expiration',
  'etcdserverpb.Request.Wait',
  'etcdserverpb.Request.Since',
  'etcdserverpb.Request.Recursive',
  'etcdserverpb.Request.Sorted',
  'etcdserverpb.Request.Quorum',
  'etcdserverpb.Request.Time',
  'etcdserverpb.Request.Stream',
]

/** proto2 scalars whose absence means something: `undefined` in the record. */
export const MAYBE_ABSENT = ['etcdserverpb.Request.PrevExist', 'etcdserverpb.Request.Refresh']

/** Nested messages that stay encoded in the record, so that stored bytes travel by copy. */
export const RAW = [
  'mvccpb.Event.kv',
  'mvccpb.Event.prev_kv',
  'etcdserverpb.RangeResponse.kvs',
  'etcdserverpb.PutResponse.prev_kv',
  'etcdserverpb.DeleteRangeResponse.prev_kvs',
  'etcdserverpb.WatchResponse.events',
  'v3electionpb.LeaderResponse.kv',
]

/**
 * Records that wrap what a client sent: they may nest a little deeper, or a request that was accepted could not be read
 * back from the log.
 */
export const DEEPER = ['etcdserverpb.InternalRaftRequest', 'raftpb.Message']

/** Names of nested types that would not do alone. */
export const TYPE_NAMES = { 'authpb.Permission.Type': 'PermissionType', 'snappb.snapshot': 'Snapshot' }
