// Flags about the other members: bootstrap, discovery, compaction policy.

import { WORKS, inert, later, limited, row } from './flag-row.js'

const CLUSTERS = later('clusters')
const DISCOVERY = later('discovery')

export const V2_STAGES = ['write-only', 'write-only-skip-check', 'write-only-drop-data', 'gone'] as const

export const clusteringFlags = {
  'initial-advertise-peer-urls': row(
    'urls',
    'http://localhost:2380',
    WORKS,
    'Peer URLs of this member to tell the others.',
  ),
  'initial-cluster': row(
    'string',
    'default=http://localhost:2380',
    limited('one member; more are refused'),
    'Members of a new cluster: name=peer-url,...',
  ),
  'initial-cluster-state': row(
    'choice',
    'new',
    limited('a first start with existing is refused'),
    'Whether the cluster is new or this member joins an existing one.',
    {
      choices: ['new', 'existing'],
    },
  ),
  'initial-cluster-token': row(
    'string',
    'etcd-cluster',
    WORKS,
    'Text that makes the ids of clusters with equal URLs differ.',
  ),
  'advertise-client-urls': row('urls', 'http://localhost:2379', WORKS, 'Client URLs of this member to tell clients.'),
  'discovery-endpoints': row('set', '', DISCOVERY, 'Endpoints of the cluster that serves as registry.', {
    fileKey: 'discovery-config.client.endpoints',
  }),
  'discovery-token': row('string', '', DISCOVERY, 'Token of the new cluster in the registry.', {
    fileKey: 'discovery-config.token',
  }),
  'discovery-dial-timeout': row('duration', '2s', DISCOVERY, 'Limit for connecting to the registry.', {
    fileKey: 'discovery-config.client.dial-timeout',
  }),
  'discovery-request-timeout': row('duration', '5s', DISCOVERY, 'Limit of a request to the registry.', {
    fileKey: 'discovery-config.client.request-timeout',
  }),
  'discovery-keepalive-time': row('duration', '2s', DISCOVERY, 'Interval of pings to the registry.', {
    fileKey: 'discovery-config.client.keepalive-time',
  }),
  'discovery-keepalive-timeout': row('duration', '6s', DISCOVERY, 'Wait for the answer to such a ping.', {
    fileKey: 'discovery-config.client.keepalive-timeout',
  }),
  'discovery-insecure-transport': row('bool', 'true', DISCOVERY, 'Do not use TLS to the registry.', {
    fileKey: 'discovery-config.secure.insecure-transport',
  }),
  'discovery-insecure-skip-tls-verify': row('bool', 'false', DISCOVERY, "Accept any certificate of the registry's.", {
    fileKey: 'discovery-config.secure.insecure-skip-tls-verify',
  }),
  'discovery-cert': row('string', '', DISCOVERY, 'Client certificate for the registry.', {
    fileKey: 'discovery-config.secure.cert',
  }),
  'discovery-key': row('string', '', DISCOVERY, 'Key of that certificate.', { fileKey: 'discovery-config.secure.key' }),
  'discovery-cacert': row('string', '', DISCOVERY, 'Authorities that the registry is verified with.', {
    fileKey: 'discovery-config.secure.cacert',
  }),
  'discovery-user': row('string', '', DISCOVERY, 'User[:password] for the registry.', {
    fileKey: 'discovery-config.auth.username',
  }),
  'discovery-password': row('string', '', DISCOVERY, 'Password for the registry.', {
    fileKey: 'discovery-config.auth.password',
  }),
  'discovery-srv': row('string', '', DISCOVERY, 'DNS domain whose SRV records name the members.'),
  'discovery-srv-name': row('string', '', DISCOVERY, 'Suffix of the SRV service name.'),
  'discovery-fallback': row('choice', 'exit', inert('only "exit" exists'), 'What to do when discovery fails.', {
    fileKey: null,
    choices: ['exit', 'proxy'],
  }),
  'strict-reconfig-check': row('bool', 'true', CLUSTERS, 'Refuse member changes that would lose the quorum.'),
  'pre-vote': row(
    'bool',
    'true',
    CLUSTERS,
    'Ask for votes before starting an election, so that a returning member disturbs nobody.',
  ),
  'auto-compaction-retention': row('string', '0', WORKS, 'How much history automatic compaction keeps; 0 is off.'),
  'auto-compaction-mode': row(
    'string',
    'periodic',
    WORKS,
    'Whether that is a time (periodic, hours without unit) or a number of revisions (revision).',
  ),
  'v2-deprecation': row(
    'choices',
    'write-only',
    inert('the default is enforced'),
    'Phase of the removal of the v2 store; any value means write-only.',
    {
      choices: V2_STAGES,
    },
  ),
  'max-learners': row('int', '1', CLUSTERS, 'Most learners in the cluster.'),
} as const
