// The section of docs/compatibility.md that tells what becomes of every flag.

import type { Effect, Row } from './flag-row.js'
import { GATE_SPECS } from './feature-gates.js'
import { FLAG_GROUPS } from './flag-table.js'

export const FLAGS_MARKER = '<!-- flags -->'

/** Markdown between the two markers, ending with a line break. `built` are the parts that are wired. */
export const flagDocs = (built: ReadonlySet<string>): string => {
  let text =
    'Every flag of etcd 3.7, and old ones that deployment tools still pass. *Works*: the server acts on it. *No effect*:\n'
  text +=
    'accepted and checked. *Not yet*: belongs to a part that is not built; the server says so when the flag is used.\n'
  for (const { title, flags } of FLAG_GROUPS) {
    text += `\n### ${title}\n\n| Flag | Default | State | Meaning |\n| --- | --- | --- | --- |\n`
    for (const [name, row] of Object.entries(flags)) {
      text += `| \`--${name}\` | ${initialOf(row)} | ${stateOf(row.effect, built)} | ${cell(row.help)} |\n`
    }
  }
  text += '\n### Feature gates\n\n| Gate | Default | State |\n| --- | --- | --- |\n'
  for (const [name, { initial, effect }] of Object.entries(GATE_SPECS)) {
    text += `| \`${name}\` | \`${initial}\` | ${stateOf(effect, built)} |\n`
  }
  return text
}

const initialOf = (row: Row): string => (row.initial === '' ? '' : `\`${row.initial}\``)

const stateOf = (effect: Effect, built: ReadonlySet<string>): string => {
  switch (effect.state) {
    case 'works':
      return effect.limit === '' ? 'works' : `works: ${cell(effect.limit)}`
    case 'inert':
      return `no effect: ${cell(effect.reason)}`
    case 'later':
      return built.has(effect.part) ? 'works' : `not yet: ${effect.part}`
  }
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
