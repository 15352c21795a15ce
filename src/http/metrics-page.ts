import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { METRICS_CONTENT_TYPE, type MetricsRegistry } from './metrics-registry.js'
import { type Respond, send, sendError } from './respond.js'

const CODES = ['200', '500', '503'] as const

/** /metrics: any method, packed when the client takes it. */
export const metricsPage = (registry: MetricsRegistry): Respond => {
  const requests = registry.counters('promhttp_metric_handler_requests_total', '', ['code'])
  const byCode = new Map(CODES.map((code) => [code, requests(code)]))
  let underWay = 0
  registry.gaugeFrom('promhttp_metric_handler_requests_in_flight', '', () => underWay)
  const page = async (packed: boolean): Promise<Uint8Array> => {
    const text = Buffer.from(registry.render())
    return packed ? promisify(gzip)(text) : text
  }
  return (request, response) => {
    const packed = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(String(request.headers['accept-encoding'] ?? ''))
    underWay++
    page(packed)
      .then((body) => {
        byCode.get('200')?.inc()
        const headers = { 'Content-Type': METRICS_CONTENT_TYPE, ...(packed ? { 'Content-Encoding': 'gzip' } : {}) }
        send(response, 200, headers, body)
      })
      .catch((error: unknown) => {
        byCode.get('500')?.inc()
        const text = error instanceof Error ? error.message : String(error)
        sendError(response, 500, `An error has occurred while serving metrics:\n\n${text}`)
      })
      .finally(() => underWay--)
  }
}
