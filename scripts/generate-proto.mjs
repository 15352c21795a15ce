// Writes src/proto/generated/ from proto/ (`npm run generate`); with --check only says whether it is up to date.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { emitPackage } from './generate-proto/emit.mjs'
import { loadModel } from './generate-proto/model.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = join(root, 'src/proto/generated')

const files = new Map(loadModel(join(root, 'proto')).map((model) => [`${model.file}.ts`, emitPackage(model)]))
const present = existsSync(target) ? readdirSync(target).filter((name) => name.endsWith('.ts')) : []

if (process.argv.includes('--check')) {
  const stale = [...files].filter(
    ([name, text]) => !present.includes(name) || readFileSync(join(target, name), 'utf8') !== text,
  )
  const wrong = [...stale.map(([name]) => name), ...present.filter((name) => !files.has(name))]
  if (wrong.length > 0) {
    console.error(`not what "npm run generate" makes: ${wrong.join(', ')}`)
    process.exit(1)
  }
} else {
  mkdirSync(target, { recursive: true })
  for (const name of present) if (!files.has(name)) rmSync(join(target, name))
  for (const [name, text] of files) writeFileSync(join(target, name), text)
}
