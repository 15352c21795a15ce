import { execFileSync } from 'node:child_process'
import t from 'tap'
import { growthFactor, growthPercent } from './v8-settings.js'

const MIB = 1024 * 1024

/** The largest young generation, MiB, of a process in which a few megabytes of objects always wait for something. */
function largestYoungGeneration(isBounded: boolean, nodeOptions = ''): number {
  const url = new URL('./v8-settings.js', import.meta.url).href
  const script = `
    import { getHeapSpaceStatistics } from 'node:v8'
    import { boundYoungGeneration } from ${JSON.stringify(url)}
    if (${isBounded}) boundYoungGeneration()
    const waiting = []
    let made = 0
    let largest = 0
    const turn = () => {
      for (let i = 0; i < 2000; i++, made++) waiting[made % 20000] = { made, request: [made], text: 'x' + made }
      largest = Math.max(largest, getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size)
      if (made < 4e6) setImmediate(turn)
      else process.stdout.write(String(largest / ${MIB}))
    }
    turn()`
  const env = { ...process.env, NODE_OPTIONS: nodeOptions }
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, encoding: 'utf8' }))
}

t.test('growth ends at the bound', async (t) => {
  t.equal(growthFactor(1 * MIB), 2)
  t.equal(growthFactor(8 * MIB), 2)
  t.equal(growthFactor(16 * MIB), 1)
  t.equal(growthFactor(32 * MIB), 1)
})

t.test('the young generation stops to grow, unless Node.js was told its size', async (t) => {
  t.ok(largestYoungGeneration(false) > 16, 'which it does by itself')
  t.equal(largestYoungGeneration(true), 16)
  t.ok(largestYoungGeneration(true, '--max-semi-space-size=16') > 16)
  t.ok(largestYoungGeneration(true, '--max_semi_space_size=16') > 16, 'in the other spelling')
})

/** Full collections of a process with 40 MiB of objects that are replaced ten times, and whose V8 wants to grow slowly. */
function fullCollections(isBounded: boolean, nodeFlags: readonly string[] = []): number {
  const url = new URL('./v8-settings.js', import.meta.url).href
  const script = `
    import { PerformanceObserver, constants } from 'node:perf_hooks'
    import { setFlagsFromString } from 'node:v8'
    import { boundFullCollections } from ${JSON.stringify(url)}
    // As V8 decides by itself after a quiet time; the text of this script is among the arguments that are looked at.
    if (${nodeFlags.length} === 0) setFlagsFromString('--heap-' + 'growing-percent=12')
    if (${isBounded}) boundFullCollections()
    const kept = Array.from({ length: 400_000 }, (_, i) => ({ i, key: [i] }))
    let count = 0
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) count++
    }).observe({ entryTypes: ['gc'] })
    let made = 0
    const turn = () => {
      for (let i = 0; i < 4000; i++, made++) kept[made % kept.length] = { i, key: [i] }
      if (made < 10 * kept.length) setImmediate(turn)
      else setTimeout(() => process.stdout.write(String(count)), 100)
    }
    // The first look was at an empty heap.
    setTimeout(turn, 1500)`
  const args = [...nodeFlags, '--input-type=module', '-e', script]
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}

t.test('full collections come when there is something to collect', async (t) => {
  t.equal(growthPercent(0), 300)
  t.equal(growthPercent(64 * MIB), 200)
  t.equal(growthPercent(1024 * MIB), 50)
  const before = fullCollections(false)
  const bounded = fullCollections(true)
  t.ok(bounded < before / 2, `${bounded} instead of ${before}`)
  const told = fullCollections(true, ['--heap-growing-percent=10'])
  t.ok(told > bounded, `${told} when Node.js was told`)
})
