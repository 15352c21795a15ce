import { execFileSync } from 'node:child_process'
import t from 'tap'
import { growthFactor } from './v8-settings.js'

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
