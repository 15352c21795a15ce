// Type-checks and compiles src/ to dist/ and test/ + bench/ to dist-test/. `--product` compiles src/ alone.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const projects = process.argv.includes('--product') ? ['tsconfig.json'] : ['tsconfig.json', 'test/tsconfig.json']
const { status } = spawnSync(process.execPath, [tsc, '-b', ...projects], { cwd: root, stdio: 'inherit' })
removeStale(join(root, 'dist'), join(root, 'src'))
removeStale(join(root, 'dist-test/test'), join(root, 'test'))
removeStale(join(root, 'dist-test/bench'), join(root, 'bench'))
const main = join(root, 'dist/main.js')
if (status === 0 && existsSync(main)) chmodSync(main, 0o755)
process.exit(status ?? 1)

/** tsc leaves the output of deleted sources behind, and the test runner would run it. */
function removeStale(output, source) {
  if (!existsSync(output)) return
  for (const name of readdirSync(output, { recursive: true })) {
    const stem = /^(.*)\.(js|js\.map|d\.ts)$/.exec(name)?.[1]
    if (stem !== undefined && !existsSync(join(source, `${stem}.ts`))) rmSync(join(output, name))
  }
}
