// Fetches one page from another member's peer port: what a member asks before it knows anybody (reference: flags 5.4).

import { get as httpGet, type IncomingMessage } from 'node:http'
import { get as httpsGet, type RequestOptions } from 'node:https'

export interface Page {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

/** A longer page is not one of a member. */
const BODY_BYTES_MAX = 8 * 1024 * 1024

/**
 * `tls`: options for https URLs. Redirects are not followed.
 * @throws Error when there is no answer within `timeoutMs`, or one that is too long.
 */
export function fetchPage(url: string, timeoutMs: number, tls: RequestOptions = {}): Promise<Page> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const onResponse = (response: IncomingMessage): void => {
      collect(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      )
    }
    const request = url.startsWith('https:')
      ? httpsGet(url, { ...tls, agent: false, signal }, onResponse)
      : httpGet(url, { agent: false, signal }, onResponse)
    request.on('error', (error) => reject(signal.aborted ? new Error('i/o timeout', { cause: error }) : error))
  })
}

async function collect(response: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response) {
    parts.push(part as Uint8Array)
    bytes += (part as Uint8Array).length
    if (bytes > BODY_BYTES_MAX) {
      response.destroy()
      throw new Error('the page is too long')
    }
  }
  return Buffer.concat(parts).toString()
}
