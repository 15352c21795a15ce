// Who may call the plain HTTP side: host names against DNS rebinding, and origins for browsers.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../env/index.js'
import { type Respond, sendError } from './respond.js'

export interface AccessOptions {
  /** Allowed origins; `['*']` or empty: all. */
  readonly corsOrigins: readonly string[]
  /** Allowed host names on plain connections; `['*']` or empty: all. */
  readonly hostWhitelist: readonly string[]
  readonly logger: Logger
}

/** Checks and headers that go before every answer of the client port. */
export const withAccess = (options: AccessOptions, answer: Respond): Respond => {
  const { corsOrigins, hostWhitelist, logger } = options
  const anyOrigin = corsOrigins.length === 0 || corsOrigins.includes('*')
  const origins = new Set(corsOrigins)
  const anyHost = hostWhitelist.length === 0 || hostWhitelist.includes('*')
  const hosts = new Set(hostWhitelist)
  return (request, response) => {
    if (!anyHost && !isEncrypted(request)) {
      const host = hostOf(request)
      if (!hosts.has(host)) {
        logger.warn('rejecting HTTP request to prevent DNS rebinding attacks', { host })
        sendError(response, 421, rebindingText(host))
        return
      }
    }
    const { origin } = request.headers
    if (anyOrigin) allow(response, '*')
    else if (origin !== undefined && origins.has(origin)) allow(response, origin)
    if (request.method === 'OPTIONS') {
      response.writeHead(200, { 'Content-Length': 0 })
      response.end()
      return
    }
    answer(request, response)
  }
}

const allow = (response: ServerResponse, origin: string): void => {
  response.setHeader('Access-Control-Allow-Methods', 'POST, GET, OPTIONS, PUT, DELETE')
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Access-Control-Allow-Headers', 'accept, content-type, authorization')
}

const isEncrypted = (request: IncomingMessage): boolean =>
  'encrypted' in request.socket && request.socket.encrypted === true

/** The host that was asked for, without port. */
const hostOf = (request: IncomingMessage): string => {
  const authority = request.headers[':authority'] ?? request.headers.host ?? ''
  const host = Array.isArray(authority) ? (authority[0] ?? '') : authority
  const match = /^(?:\[([^\]]*)\]|([^:]*)):[^:]*$/.exec(host)
  return match?.[1] ?? match?.[2] ?? host
}

const rebindingText = (host: string): string => `
The server refused the request because its host name "${host}" is not allowed.
This protects against DNS rebinding (CVE-2018-5702): a web page in your browser could otherwise reach a server on your
machine under a name of its own. If you trust the name, start the server with it in --host-whitelist; "*" allows all
names. Connections with TLS are not checked.
`
