// Results as one line per row: etcd's figure, ours, and their ratio, each the median of the rounds.

/** `results`: what each run gave, with `row` and `contender`. `rows` in their order. */
export function tableOf(rows, results) {
  return rows
    .filter(({ name }) => results.some((result) => result.row === name))
    .map((row) => {
      const of = (contender) => summary(results.filter((r) => r.row === row.name && r.contender === contender))
      const [etcd, quorate] = [of('etcd'), of('quorate')]
      const ratio = etcd && quorate ? Number((quorate.rate / etcd.rate).toFixed(2)) : undefined
      return { row: row.name, target: row.target, ratio, etcd, quorate, note: row.note }
    })
}

/**
 * The delay of our event loop over all rows and rounds together: { samples, p99Ms, p999Ms }. Of each run only quantiles are known;
 * what lies between two of them counts with the higher one, so the figures are rather too high.
 */
export function wholeLoopDelay(results) {
  const steps = results
    .flatMap(({ loopSpreads }) => loopSpreads ?? [])
    .flatMap(({ samples, quantiles }) =>
      quantiles.map(([share, ms], i) => ({ samples: samples * (share - (quantiles[i - 1]?.[0] ?? 0)), ms })),
    )
    .sort((a, b) => b.ms - a.ms)
  const samples = steps.reduce((sum, step) => sum + step.samples, 0)
  const quantileMs = (share) => {
    let above = samples * (1 - share)
    return steps.find((step) => (above -= step.samples) < 0)?.ms ?? 0
  }
  return { samples: Math.round(samples), p99Ms: quantileMs(0.99), p999Ms: quantileMs(0.999) }
}

const FIELDS = ['rate', 'p50Ms', 'p99Ms', 'cpuUsPerCall', 'peakMib', 'loopP999Ms', 'loopMaxMs', 'loadShare']

function summary(results) {
  if (results.length === 0) return undefined
  const medians = FIELDS.map((field) => [field, median(results.map((result) => result[field]))])
  const rates = results.map(({ rate }) => rate)
  const spread = (Math.max(...rates) - Math.min(...rates)) / median(rates)
  return { ...Object.fromEntries(medians), spread, rounds: results.length }
}

function median(numbers) {
  const sorted = numbers.filter((n) => n !== undefined).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

const COLUMNS = [
  ['row', ({ row }) => row],
  ['etcd/s', ({ etcd }) => count(etcd?.rate)],
  ['quorate/s', ({ quorate }) => count(quorate?.rate)],
  ['ratio', ({ ratio, target }) => (ratio === undefined ? '' : `${ratio.toFixed(2)}${ratio < target ? ' !' : ''}`)],
  ['goal', ({ target }) => (target > 0 ? target.toFixed(1) : '')],
  ['p50 ms', pair('p50Ms', 2)],
  ['p99 ms', ({ etcd, quorate }) => pair('p99Ms', 2)({ etcd, quorate }) + (quorate?.p99Ms > etcd?.p99Ms ? ' !' : '')],
  ['CPU us', pair('cpuUsPerCall', 0)],
  ['peak MiB', pair('peakMib', 0)],
  ['loop p99.9 / max ms', ({ quorate }) => `${fixed(quorate?.loopP999Ms, 1)} / ${fixed(quorate?.loopMaxMs, 1)}`],
  ['load %', pair('loadShare', 0, 100)],
  ['spread %', pair('spread', 0, 100)],
  ['', ({ note }) => note ?? ''],
]

/** Columns with two figures show etcd / quorate. */
export function printTable(table) {
  const lines = [COLUMNS.map(([name]) => name), ...table.map((line) => COLUMNS.map(([, text]) => text(line)))]
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i].length)))
  for (const line of lines) {
    console.log(
      line
        .map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
  }
}

function pair(field, digits, scale = 1) {
  return ({ etcd, quorate }) => [etcd, quorate].map((side) => fixed(side?.[field] * scale, digits)).join(' / ')
}

function count(rate) {
  if (rate === undefined) return '-'
  return rate < 100 ? rate.toFixed(1) : String(Math.round(rate))
}

function fixed(number, digits) {
  return number === undefined || Number.isNaN(number) ? '-' : number.toFixed(digits)
}
