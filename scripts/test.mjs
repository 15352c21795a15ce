// The test command: builds, lints, then runs every test file in a process of its own and adds up the results.
//
//   node scripts/test.mjs                    everything that CI runs
//   node scripts/test.mjs --suite unit,sim   only these suites, without lint
//   node scripts/test.mjs mvcc/key-index     only files whose path holds one of the words, without lint
//
// Suites: `unit` is every src/**/*.test.ts, each folder of test/ is a suite of that name. A suite that needs a tool which
// is not here is named as skipped. The last line is "N passed, N failed".
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { missingTool } from './tools.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** Tools that whole suites need. */
const SUITE_NEEDS = {
  conformance: ['etcd', 'etcdctl'],
  cluster: ['etcd', 'etcdctl'],
  differential: ['etcd'],
  http2: ['h2spec'],
}
/** Suites that load the machine or watch the clock run with nothing beside them. */
const ALONE = new Set(['crash', 'chaos', 'conformance', 'floods', 'load', 'cluster'])
const FILE_TIMEOUT_MS = 15 * 60_000
/** Of the output of a failed file so much is shown. */
const FAILURE_LINES = 400
/** Of one test in a file, unless it says otherwise. */
const TEST_TIMEOUT_S = 180

const { values, positionals } = parseArgs({ allowPositionals: true, options: { suite: { type: 'string' } } })
const wantedSuites = values.suite?.split(',')
const everything = wantedSuites === undefined && positionals.length === 0

run('build', [join(root, 'scripts/build.mjs')])
if (everything) {
  run('eslint', [join(root, 'node_modules/eslint/bin/eslint.js'), '.'])
  run('prettier', [join(root, 'node_modules/prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'])
}

const files = [...testFiles(join(root, 'dist')), ...testFiles(join(root, 'dist-test/test'))]
  .map((path) => ({ path, suite: suiteOf(path) }))
  .filter(({ suite }) => wantedSuites === undefined || wantedSuites.includes(suite))
  .filter(({ path }) => positionals.length === 0 || positionals.some((word) => relative(root, path).includes(word)))

const skipped = new Map()
const runnable = []
for (const file of files) {
  const missing = (SUITE_NEEDS[file.suite] ?? []).map(missingTool).find((reason) => reason !== undefined)
  if (missing === undefined) runnable.push(file)
  else skipped.set(file.suite, missing)
}

const totals = { passed: 0, failed: 0 }
const together = runnable.filter(({ suite }) => !ALONE.has(suite))
const alone = runnable.filter(({ suite }) => ALONE.has(suite))
await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, () => drain(together)))
await drain(alone)

for (const [suite, reason] of skipped) console.log(`skipped suite ${suite}: ${reason}`)
console.log(`${totals.passed} passed, ${totals.failed} failed`)
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1)

function run(name, args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status === 0) return
  console.error(`${name} failed`)
  console.log('0 passed, 1 failed')
  process.exit(1)
}

function testFiles(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.js'))
    .sort()
    .map((name) => join(folder, name))
}

function suiteOf(path) {
  const parts = relative(root, path).split(sep)
  return parts[0] === 'dist' ? 'unit' : (parts[2] ?? 'unit')
}

async function drain(queue) {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runFile(file)
}

function runFile({ path }) {
  return new Promise((resolve) => {
    const started = Date.now()
    const child = spawn(process.execPath, ['--enable-source-maps', path], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // tap's own limit of 30 s is for a quiet machine.
      env: { TAP_TIMEOUT: String(TEST_TIMEOUT_S), ...process.env },
    })
    let output = ''
    child.stdout.on('data', (data) => (output += data))
    child.stderr.on('data', (data) => (output += data))
    const timer = setTimeout(() => {
      output += `\nnot ok - ${path} did not end within ${FILE_TIMEOUT_MS / 1000} s\n`
      child.kill('SIGKILL')
    }, FILE_TIMEOUT_MS)
    child.on('exit', (code) => {
      clearTimeout(timer)
      // Top-level TAP points: each is one named rule; its assertions are indented below it.
      const passed = (output.match(/^ok \d+/gm) ?? []).length
      let failed = (output.match(/^not ok\b/gm) ?? []).length
      if (code !== 0 && failed === 0) failed = 1
      if (passed + failed === 0) failed = 1 // a file that tests nothing is a mistake
      totals.passed += passed
      totals.failed += failed
      const seconds = ((Date.now() - started) / 1000).toFixed(1)
      console.log(
        `${failed === 0 ? 'ok    ' : 'FAILED'} ${relative(root, path)} (${passed} passed, ${failed} failed, ${seconds} s)`,
      )
      // Notes of a test (seeds, figures) are TAP comments starting with "# note:".
      for (const note of output.match(/^\s*# note:.*$/gm) ?? []) console.log(`       ${note.trim()}`)
      if (failed > 0) console.log(failureOf(output))
      resolve()
    })
  })
}

/** What a failed test printed: from a little before its first failure on, or the end when there is none in it. */
function failureOf(output) {
  const lines = output.split('\n')
  const first = lines.findIndex((line) => /^\s*not ok/.test(line))
  if (first < 0 || first > lines.length - FAILURE_LINES) return lines.slice(-FAILURE_LINES).join('\n')
  const start = Math.max(0, first - 10)
  return [...lines.slice(start, start + FAILURE_LINES / 2), '...', ...lines.slice(-FAILURE_LINES / 2)].join('\n')
}
