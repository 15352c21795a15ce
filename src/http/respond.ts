// Answers in the form of Go's HTTP library, which clients of etcd know.

import type { IncomingMessage, ServerResponse } from 'node:http'

export type Respond = (request: IncomingMessage, response: ServerResponse) => void

export type Headers = Readonly<Record<string, string | number>>

const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8' }
const NO_SNIFF = { ...PLAIN, 'X-Content-Type-Options': 'nosniff' }

/** One whole answer. Nothing happens when the client has gone. */
export const send = (response: ServerResponse, status: number, headers: Headers, body: string | Uint8Array): void => {
  if (response.headersSent || response.destroyed) return
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  response.writeHead(status, { ...headers, 'Content-Length': bytes.length })
  response.end(bytes)
}

/** As Go's `http.Error`: the text gets a line break. */
export const sendError = (response: ServerResponse, status: number, text: string, headers: Headers = {}): void => {
  send(response, status, { ...NO_SNIFF, ...headers }, `${text}\n`)
}

/** Plain text with the header that keeps browsers from guessing. */
export const sendText = (response: ServerResponse, text: string): void => {
  send(response, 200, NO_SNIFF, text)
}

/** A body whose type Go guesses as plain text. */
export const sendGuessed = (response: ServerResponse, text: string): void => {
  send(response, 200, PLAIN, text)
}

export const sendJson = (response: ServerResponse, text: string, headers: Headers = {}): void => {
  send(response, 200, { 'Content-Type': 'application/json', ...headers }, text)
}

export const notFound: Respond = (_request, response) => {
  sendError(response, 404, '404 page not found')
}

/** Refuses every method but GET. */
export const onlyGet =
  (answer: Respond): Respond =>
  (request, response) => {
    if (request.method === 'GET') answer(request, response)
    else sendError(response, 405, 'Method Not Allowed', { Allow: 'GET' })
  }

/** JSON text as Go writes it: `< > &` as escapes, which also keeps it harmless inside HTML. */
export const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })

export interface Target {
  /** Decoded. */
  readonly path: string
  readonly query: URLSearchParams
}

/** Path and query of a request, whatever form its target has; undefined when it is malformed. */
export const targetOf = (request: IncomingMessage): Target | undefined => {
  let url = request.url ?? '/'
  if (!url.startsWith('/')) url = url.replace(/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/?#]*/, '') // absolute form
  const cut = url.indexOf('?')
  const raw = cut < 0 ? url : url.slice(0, cut)
  try {
    const path = raw.includes('%') ? decodeURIComponent(raw) : raw
    return { path: path === '' ? '/' : path, query: new URLSearchParams(cut < 0 ? '' : url.slice(cut + 1)) }
  } catch {
    return undefined
  }
}

/** Answers by exact path; a path in an untidy form is redirected to its tidy one, as Go's router does. */
export const route = (paths: ReadonlyMap<string, Respond>, otherwise: Respond): Respond => {
  return (request, response) => {
    const target = targetOf(request)
    if (target === undefined) {
      sendError(response, 400, '400 Bad Request')
      return
    }
    const tidy = tidyPath(target.path)
    if (tidy !== target.path) redirect(request, response, tidy)
    else (paths.get(tidy) ?? otherwise)(request, response)
  }
}

const redirect = (request: IncomingMessage, response: ServerResponse, path: string): void => {
  const query = /\?.*$/s.exec(request.url ?? '')?.[0] ?? ''
  const location = encodeURI(path) + query
  const shown = location.replaceAll('&', '&amp;').replaceAll('"', '&#34;').replaceAll('<', '&lt;')
  const body =
    request.method === 'GET' || request.method === 'HEAD' ? `<a href="${shown}">Moved Permanently</a>.\n\n` : ''
  send(response, 301, { 'Content-Type': 'text/html; charset=utf-8', Location: location }, body)
}

/** Without empty, `.` and `..` segments; a slash at the end stays. */
const tidyPath = (path: string): string => {
  if (!/\/(?:\/|\.\.?(?:\/|$))/.test(path) && path.startsWith('/')) return path
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  const tidy = `/${segments.join('/')}`
  return path.endsWith('/') && tidy !== '/' ? `${tidy}/` : tidy
}
