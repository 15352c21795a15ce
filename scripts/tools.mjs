// Finds the tools that tests compare with: scripts/reference-etcd.sh puts etcd, etcdctl and etcdutl into .reference/<version>/,
// scripts/h2spec.sh puts h2spec into .reference/h2spec/.
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const referenceRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '.reference')

/** Folder of .reference/ and script of the tools that do not come with etcd. */
const OTHERS = { h2spec: { version: 'h2spec', script: 'scripts/h2spec.sh' } }

/** Path of a tool, looked for in .reference/<version>/ and, for the default version, on PATH; undefined when absent. */
export function findTool(name, version = OTHERS[name]?.version ?? '3.5') {
  const own = join(referenceRoot, version, name)
  if (existsSync(own)) return own
  if (version !== '3.5' && version !== name) return undefined
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))
}

/** Why a suite cannot run, or undefined when the tool is here. */
export function missingTool(name) {
  const script = OTHERS[name]?.script ?? 'scripts/reference-etcd.sh'
  return findTool(name) === undefined ? `${name} is missing (${script} gets it)` : undefined
}
