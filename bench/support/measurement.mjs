// What one row measures: answers, their delays, and the generator's own CPU time, between the warm-up and the end.

const SAMPLES_MAX = 1_000_000

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const round = (value) => Math.round(value * 1000) / 1000

export class Measurement {
  /** Loads go on. */
  running = true
  done = 0
  errors = 0
  #measuring = false
  #samples = new Float64Array(SAMPLES_MAX)
  #sampleCount = 0
  /** Of so many samples one is kept; doubles when they become too many. */
  #stride = 1
  #strideLeft = 1

  /** `count` answers, or events, came `ms` after they were asked for. */
  note(ms, isError = false) {
    if (!this.#measuring) return
    this.done++
    if (isError) this.errors++
    if (--this.#strideLeft > 0) return
    this.#strideLeft = this.#stride
    this.#samples[this.#sampleCount++] = ms
    if (this.#sampleCount === SAMPLES_MAX) this.#thinOut()
  }

  /**
   * Lets the load that runs already go on for `warmupSeconds` unseen and `seconds` measured. `probe.begin()` and `probe.end()`
   * are called around the measured part. Result: { calls, errors, rate, p50Ms, p99Ms, maxMs, loadCpuUs } and what `probe.end`
   * returned.
   */
  async take(seconds, warmupSeconds, probe) {
    await pause(warmupSeconds * 1000)
    await probe?.begin()
    const cpu = process.cpuUsage()
    const startMs = performance.now()
    this.#measuring = true
    await pause(seconds * 1000)
    this.#measuring = false
    const elapsedMs = performance.now() - startMs
    const { user, system } = process.cpuUsage(cpu)
    const seen = await probe?.end()
    this.running = false
    const samples = this.#samples.subarray(0, this.#sampleCount).sort()
    const at = (share) => round(samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0)
    return {
      calls: this.done,
      errors: this.errors,
      rate: (this.done * 1000) / elapsedMs,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maxMs: at(1),
      loadCpuSeconds: (user + system) / 1e6,
      ...seen,
    }
  }

  #thinOut() {
    for (let i = 0; i < SAMPLES_MAX / 2; i++) this.#samples[i] = this.#samples[2 * i]
    this.#sampleCount = SAMPLES_MAX / 2
    this.#stride *= 2
  }
}
