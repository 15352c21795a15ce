// The configuration file: YAML (so also JSON). With one, flags and variables do not count.

import { parseAllDocuments } from 'yaml'
import { type FileEntry, readDocument } from './file-schema.js'
import { parseGates } from './feature-gates.js'
import { type FlagName, rowOf } from './flag-table.js'
import { sortedUnique } from './go-text.js'
import { type ExitOutcome, exit } from './outcome.js'
import type { Settings } from './settings.js'
import { parseUrlList, urlTexts } from './urls.js'

/** Content of a file. May throw what `node:fs` throws. */
export type ReadFile = (path: string) => string

/** Aliases resolved per document; a bound against files that blow up when expanded. */
const ALIASES_MAX = 100

/** Order in which the reference turns texts into URLs, with the name that it gives them in errors. */
const URL_KEYS: readonly (readonly [FlagName, string])[] = [
  ['listen-peer-urls', 'listen-peer-urls'],
  ['listen-client-urls', 'listen-client-urls'],
  ['listen-client-http-urls', 'listen-client-http-urls'],
  ['initial-advertise-peer-urls', 'initial-advertise-peer-urls'],
  ['advertise-client-urls', 'advertise-peer-urls'],
  ['listen-metrics-urls', 'listen-metrics-urls'],
]

/** Sets what the file at `path` says. Returns an error for `failed to verify flags`, or how the process ends. */
export const applyConfigFile = (
  path: string,
  readFile: ReadFile,
  settings: Settings,
): string | ExitOutcome | undefined => {
  const text = readText(path, readFile)
  if ('error' in text) return text.error
  const document = parseYaml(text.content)
  if ('error' in document) return document.error
  const { entries, error } = readDocument(document.content)
  if (error !== undefined) return `error unmarshaling JSON: while decoding JSON: ${error}`
  const texts = new Map<FlagName, string>()
  for (const entry of entries) store(entry, settings, texts)
  const gates = texts.get('feature-gates')
  if (gates !== undefined && gates !== '') {
    const parsedGates = parseGates(gates)
    if (!parsedGates.ok) return parsedGates.error
    settings.put('feature-gates', parsedGates.value)
  }
  for (const [flag, shownAs] of URL_KEYS) {
    const value = texts.get(flag)
    if (value === undefined || value === '') continue
    const urls = parseUrlList(value, false)
    if (!urls.ok) return exit(1, { stderr: `unexpected error setting up ${shownAs}: ${urls.error}\n` })
    settings.putChecked(flag, urls.value)
  }
  const origins = texts.get('cors')
  if (origins !== undefined && origins !== '' && origins !== '*') {
    const urls = parseUrlList(origins, true)
    if (!urls.ok) return exit(2, { stderr: `panic: new UniqueURLs should never fail: ${urls.error}\n` })
    settings.put('cors', urlTexts(urls.value))
  }
  return undefined
}

/** Puts one value in place; texts that need parsing in a fixed order go to `texts`. */
const store = ({ flag, value }: FileEntry, settings: Settings, texts: Map<FlagName, string>): void => {
  const row = rowOf(flag)
  if (typeof value === 'string') {
    switch (row.kind) {
      case 'urls':
      case 'origins':
      case 'gates':
        texts.set(flag, value)
        settings.markSet(flag)
        return
      case 'set':
        if (value !== '') settings.putChecked(flag, sortedUnique(value.split(',')))
        return
      case 'choice':
        // The reference checks this one with the other rules, and takes empty for the default.
        if (value === '') return
        break
      case 'choices':
        settings.markSet(flag) // whatever it says, the default is enforced
        return
      default:
    }
  }
  if (flag === 'self-signed-cert-validity' && value === 0) return
  settings.putChecked(flag, value)
}

const readText = (path: string, readFile: ReadFile): { readonly content: string } | { readonly error: string } => {
  try {
    return { content: readFile(path) }
  } catch (error) {
    return { error: fileError(path, error) }
  }
}

/** The reference's words for a file that cannot be read. */
export const fileError = (path: string, error: unknown): string => {
  switch ((error as { readonly code?: unknown } | undefined)?.code) {
    case 'ENOENT':
      return `open ${path}: no such file or directory`
    case 'EACCES':
      return `open ${path}: permission denied`
    case 'EISDIR':
      return `read ${path}: is a directory`
    case 'ENOTDIR':
      return `open ${path}: not a directory`
    default:
      return `open ${path}: ${error instanceof Error ? error.message : String(error)}`
  }
}

const parseYaml = (text: string): { readonly content: unknown } | { readonly error: string } => {
  const failure = (why: string) => ({ error: `error converting YAML to JSON: yaml: ${why}` })
  try {
    // The reference reads YAML 1.1 (`yes` is a boolean), but no dates and no base-60 numbers, and only one document.
    const documents = parseAllDocuments(text, {
      version: '1.1',
      intAsBigInt: true,
      uniqueKeys: false,
      logLevel: 'silent',
      customTags: (tags) =>
        tags.filter(
          (tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && tag.format !== 'TIME'),
        ),
    })
    const document = Array.isArray(documents) ? documents[0] : undefined
    if (document === undefined) return { content: null }
    const [problem] = document.errors
    if (problem !== undefined) {
      const at = problem.linePos?.[0].line
      const why =
        problem.code === 'TAB_AS_INDENT'
          ? 'found a tab character that violates indentation'
          : (problem.message.split(/ at line \d+|\n/)[0] ?? problem.code)
      return failure(at === undefined ? why : `line ${at}: ${why}`)
    }
    return { content: document.toJS({ mapAsMap: true, maxAliasCount: ALIASES_MAX }) as unknown }
  } catch (error) {
    return failure(error instanceof Error ? error.message : String(error))
  }
}
