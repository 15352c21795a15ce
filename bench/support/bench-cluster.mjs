// The servers of one contender: one alone, or a cluster on this machine. What is measured is the sum over the members.
import { BenchServer } from './bench-server.mjs'
import { RawClient, RawMethod } from './raw-client.mjs'

const STATUS = new RawMethod('/etcdserverpb.Maintenance/Status')
const LEADER_TIMEOUT_MS = 20_000
/** Rendering the page of metrics, and reading it, is work of a kind that neither side has done before: it is over by then. */
const SETTLE_MS = 1000

export class BenchCluster {
  #kind
  #servers

  constructor(kind, { members = 1, flags = [], nodeFlags = [], ca } = {}) {
    this.#kind = kind
    const names = members === 1 ? ['default'] : Array.from({ length: members }, (_, i) => `m${i + 1}`)
    this.#servers = names.map((name) => new BenchServer(kind, { name, flags, nodeFlags, ca }))
  }

  async start() {
    const members = await Promise.all(this.#servers.map((server) => server.member()))
    await Promise.all(this.#servers.map((server) => server.start(members.join())))
  }

  async stop() {
    await Promise.all(this.#servers.map((server) => server.stop()))
  }

  async close() {
    await Promise.all(this.#servers.map((server) => server.close()))
  }

  /** Where the load goes: `leader`, or `all` members. */
  async targets(place = 'leader') {
    if (place === 'all') return this.#servers.map(({ target }) => target)
    if (this.#servers.length === 1) return [this.#servers[0].target]
    for (const endMs = performance.now() + LEADER_TIMEOUT_MS; performance.now() < endMs;) {
      for (const { target } of this.#servers) if (await isLeader(target)) return [target]
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`the members of ${this.#kind} found no leader`)
  }

  /** Reads CPU time around what is measured; peak memory and, of ours, the delay of the event loop from a second before on. */
  probe() {
    let cpuSeconds = 0
    const cpu = () => this.#servers.reduce((sum, server) => sum + server.cpuSeconds(), 0)
    return {
      begin: async () => {
        if (this.#kind === 'quorate') await this.#loopDelays()
        for (const server of this.#servers) server.resetPeak()
        await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
        cpuSeconds = cpu()
      },
      end: async () => {
        const serverCpuSeconds = cpu() - cpuSeconds
        const peakMib = this.#servers.reduce((sum, server) => sum + server.memory().peakMib, 0)
        return { serverCpuSeconds, peakMib, ...(this.#kind === 'quorate' ? await this.#loopDelays() : {}) }
      },
    }
  }

  /** Since the last call: the worst of the members, and how the delays of all of them are spread (report.mjs). */
  async #loopDelays() {
    const pages = await Promise.all(this.#servers.map((server) => server.metrics()))
    const spreads = pages.map((page) => ({
      samples: Number(/^nodejs_eventloop_lag_samples (.*)$/m.exec(page)?.[1] ?? 0),
      quantiles: [...page.matchAll(QUANTILES)].map(([, share, seconds]) => [Number(share), Number(seconds) * 1000]),
    }))
    const worst = (share) => Math.max(...spreads.map(({ quantiles }) => new Map(quantiles).get(share) ?? Number.NaN))
    return { loopP999Ms: worst(0.999), loopMaxMs: worst(1), loopSpreads: spreads }
  }
}

const QUANTILES = /^quorate_event_loop_delay_seconds\{quantile="([^"]*)"\} (.*)$/gm

/** StatusResponse: 0a header (10 member_id), 20 leader. */
async function isLeader(target) {
  const client = await RawClient.open(target)
  try {
    const bytes = await client.call(STATUS, Buffer.alloc(0))
    const fields = varints(bytes, 0, bytes.length)
    const header = varints(bytes, fields.get(1).start, fields.get(1).end)
    return fields.get(4)?.value !== undefined && fields.get(4).value === header.get(2)?.value
  } finally {
    client.close()
  }
}

/** Fields by number: varints as bigint, others as bounds. */
function varints(bytes, pos, end) {
  const fields = new Map()
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[pos++]
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 128) return value
    }
  }
  while (pos < end) {
    const tag = Number(varint())
    const value = varint()
    if ((tag & 7) === 0) fields.set(tag >> 3, { value })
    else {
      fields.set(tag >> 3, { start: pos, end: pos + Number(value) })
      pos += Number(value)
    }
  }
  return fields
}
