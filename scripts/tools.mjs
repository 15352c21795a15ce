// Finds the reference tools (real etcd, etcdctl, etcdutl): scripts/reference-etcd.sh puts them into .reference/<version>/.
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const referenceRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '.reference')

/** Path of a tool, looked for in .reference/<version>/ and, for the default version, on PATH; undefined when absent. */
export function findTool(name, version = '3.5') {
  const own = join(referenceRoot, version, name)
  if (existsSync(own)) return own
  if (version !== '3.5') return undefined
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))
}

/** Why a suite cannot run, or undefined when the tool is here. */
export function missingTool(name) {
  return findTool(name) === undefined ? `${name} is missing (scripts/reference-etcd.sh gets it)` : undefined
}
