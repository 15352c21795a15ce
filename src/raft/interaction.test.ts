// Protocol traces: each testdata/*.txt holds commands and, after "----", everything the nodes did. Run with REWRITE=1 to
// write the output anew, and review the difference.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Interaction } from './testing/interaction.js'

const folder = join(import.meta.dirname, '../../src/raft/testdata')
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))

/** The script with each block's output replaced by what happens now. Blocks are separated by blank lines. */
const play = (script: string): string => {
  const interaction = new Interaction()
  const blocks = script.trimEnd().split(/\n\n+/)
  return `${blocks
    .map((block) => {
      const lines = block.split('\n')
      const end = lines.indexOf('----')
      const head = end < 0 ? lines : lines.slice(0, end)
      const commands = head.filter((line) => line !== '' && !line.startsWith('#'))
      if (commands.length === 0) return head.join('\n')
      const output = commands.flatMap((line) => interaction.run(line)).filter((line) => line !== 'ok')
      return [...head, '----', ...(output.length === 0 ? ['ok'] : output)].join('\n')
    })
    .join('\n\n')}\n`
}

for (const name of names) {
  t.test(name.replace('.txt', '').replaceAll('-', ' '), async (t) => {
    const path = join(folder, name)
    const script = readFileSync(path, 'utf8')
    const played = play(script)
    if (process.env['REWRITE'] !== undefined) writeFileSync(path, played)
    else t.equal(played, script)
    t.notMatch(played, 'unknown command')
    t.equal(play(script), played, 'the same script does the same twice')
  })
}

t.test('there are scripts', async (t) => {
  t.ok(names.length >= 80, `${names.length} scripts`)
})
