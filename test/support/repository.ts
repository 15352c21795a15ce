// Where things are: the repository's root (compiled tests live in dist-test/test/<suite>/) and the reference tools.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export const repositoryRoot = join(import.meta.dirname, '../../..')

interface Tools {
  findTool(name: string, version?: string): string | undefined
}

/** Path of etcd, etcdctl or etcdutl of a version; undefined when this machine has none (scripts/reference-etcd.sh gets them). */
export const { findTool } = (await import(
  pathToFileURL(join(repositoryRoot, 'scripts/tools.mjs')).href
)) as unknown as Tools

/** @throws when the tool is missing: for suites whose needs the test command has already checked. */
export const mustFindTool = (name: string, version = '3.5'): string => {
  const path = findTool(name, version)
  if (path === undefined) throw new Error(`${name} ${version} is missing: run scripts/reference-etcd.sh`)
  return path
}
