// Flags about TLS, HTTP origins, users and tokens.

import { WORKS, inert, later, limited, row } from './flag-row.js'

const AUTH = later('authentication')

const client = (key: string) => ({ fileKey: `client-transport-security.${key}` })
const peer = (key: string) => ({ fileKey: `peer-transport-security.${key}` })

export const securityFlags = {
  'cert-file': row('string', '', WORKS, 'Certificate of the client port.', client('cert-file')),
  'key-file': row('string', '', WORKS, 'Key of that certificate.', client('key-file')),
  'client-cert-file': row(
    'string',
    '',
    inert('the gateway runs inside the server and dials nothing'),
    'Certificate for dialling the own client port.',
    client('client-cert-file'),
  ),
  'client-key-file': row(
    'string',
    '',
    inert('the gateway runs inside the server and dials nothing'),
    'Key of that certificate.',
    client('client-key-file'),
  ),
  'client-cert-auth': row(
    'bool',
    'false',
    limited('the common name becomes the user with authentication'),
    'Require certificates from clients; the common name is the user.',
    client('client-cert-auth'),
  ),
  'client-crl-file': row('string', '', WORKS, 'Revocation list (DER) for client certificates.', { fileKey: null }),
  'client-cert-allowed-hostname': row(
    'list',
    '',
    WORKS,
    'Names of which a client certificate must hold one.',
    client('allowed-hostname'),
  ),
  'trusted-ca-file': row(
    'string',
    '',
    WORKS,
    'Authorities for client certificates; given, certificates are required.',
    client('trusted-ca-file'),
  ),
  'auto-tls': row('bool', 'false', WORKS, 'Make a self-signed certificate for the client port.', client('auto-tls')),
  'peer-cert-file': row(
    'string',
    '',
    WORKS,
    'Certificate of the peer port, and for dialling peers.',
    peer('cert-file'),
  ),
  'peer-key-file': row('string', '', WORKS, 'Key of that certificate.', peer('key-file')),
  'peer-client-cert-auth': row('bool', 'false', WORKS, 'Require certificates from peers.', peer('client-cert-auth')),
  'peer-trusted-ca-file': row('string', '', WORKS, 'Authorities for peer certificates.', peer('trusted-ca-file')),
  'peer-cert-allowed-cn': row(
    'list',
    '',
    WORKS,
    'Common names of which a peer certificate must hold one.',
    peer('allowed-cn'),
  ),
  'peer-cert-allowed-hostname': row(
    'list',
    '',
    WORKS,
    'Names of which a peer certificate must hold one.',
    peer('allowed-hostname'),
  ),
  'peer-auto-tls': row('bool', 'false', WORKS, 'Make a self-signed certificate for the peer port.', peer('auto-tls')),
  'peer-client-cert-file': row(
    'string',
    '',
    WORKS,
    'Certificate for dialling peers, if another.',
    peer('client-cert-file'),
  ),
  'peer-client-key-file': row('string', '', WORKS, 'Key of that certificate.', peer('client-key-file')),
  'peer-crl-file': row('string', '', WORKS, 'Revocation list (DER) for peer certificates.', { fileKey: null }),
  'peer-skip-client-san-verification': row(
    'bool',
    'false',
    WORKS,
    'Do not compare the names in a peer certificate with its address.',
    peer('skip-client-san-verification'),
  ),
  'self-signed-cert-validity': row('uint', '1', WORKS, 'Years that self-made certificates are valid.'),
  'cipher-suites': row('list', '', WORKS, 'TLS 1.2 cipher suites by their Go names; all good ones when empty.'),
  'tls-min-version': row('string', 'TLS1.2', WORKS, 'Lowest TLS version: TLS1.2 or TLS1.3.'),
  'tls-max-version': row('string', '', WORKS, 'Highest TLS version: TLS1.2 or TLS1.3; the newest when empty.'),
  cors: row('origins', '*', WORKS, 'Origins that browsers may call from; * allows all.'),
  'host-whitelist': row('set', '*', WORKS, 'Host names that plain HTTP requests may use; * allows all.'),
} as const

export const authFlags = {
  'auth-token': row(
    'string',
    'simple',
    AUTH,
    'Kind of tokens: simple, or jwt with its options (jwt,sign-method=...,pub-key=...).',
  ),
  'bcrypt-cost': row('uint', '10', AUTH, 'Cost of hashing passwords, 4 to 31.'),
  'auth-token-ttl': row('uint', '300', AUTH, 'Seconds that a simple token lives after its last use.'),
} as const
