/** Prints the measurements as a Markdown table, with the goals. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { FamilyName } from '../src/abi/family'
import type { Goal } from './goal'

export interface Judged {
  readonly text: string
  readonly isMet: boolean
}

interface Measured {
  readonly name: string
  readonly family: FamilyName
  readonly count: number
}

export interface Row extends Measured {
  /** Milliseconds, or what else a text says. */
  readonly figures: Readonly<Record<string, number | string>>
  readonly goals: readonly Judged[]
}

const two = (value: number): string => value.toFixed(2)
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

const atMost = (what: string, value: number, most: number, unit = ''): Judged => ({
  text: `${what} ${two(value)}${unit} (≤ ${most}${unit})`,
  isMet: value <= most,
})

function* judged({ ratio, faster, extraMs, rate }: Goal, times: Readonly<Record<string, number>>, count: number) {
  const ours = times['ours'] as number
  if (ratio !== undefined && times[ratio[0]] !== undefined)
    yield atMost(`/ ${ratio[0]}`, ours / (times[ratio[0]] as number), ratio[1])
  if (faster !== undefined && times[faster[0]] !== undefined) {
    const value = (times[faster[0]] as number) / ours
    yield { text: `${faster[0]} / ours ${two(value)} (≥ ${faster[1]})`, isMet: value >= faster[1] }
  }
  if (extraMs !== undefined) {
    const [other, most] = extraMs
    const beside = other === undefined ? 0 : (times[other] as number)
    yield atMost(other === undefined ? 'in all' : `more than ${other}`, ours - beside, most, ' ms')
  }
  if (rate !== undefined) {
    const value = count / (ours / 1000)
    yield { text: `${compact.format(value)} rules/s (≥ ${compact.format(rate)})`, isMet: value >= rate }
  }
}

export function judge(
  { times, ...measured }: Measured & { times: Readonly<Record<string, number>> },
  goals: readonly Goal[],
): Row {
  const due = goals.filter(({ from }) => measured.count >= from)
  return { ...measured, figures: times, goals: due.flatMap((goal) => [...judged(goal, times, measured.count)]) }
}

const MB = 1e6
/** Peak memory beyond that of an idle process, in blobs. */
const MOST_BLOBS = 3

export function judgeMemory(measured: Measured, peak: number, idle: number, blob: number): Row {
  const figures = {
    ours: `${(peak / MB).toFixed(0)} MB`,
    idle: `${(idle / MB).toFixed(0)} MB`,
    blob: `${(blob / MB).toFixed(1)} MB`,
  }
  // A small table is lost in what a process takes to do anything.
  const goals = blob < 4 * MB ? [] : [atMost('(peak - idle) / blob', (peak - idle) / blob, MOST_BLOBS)]
  return { ...measured, figures, goals }
}

const [SMALL, LARGE, MOST_GROWTH] = [1_000, 100_000, 1.3]

/** What a rule costs in a large table, by what it costs in a small one. */
export function judgeGrowth(rows: readonly Row[]): Row[] {
  return rows.flatMap((large) => {
    const small = rows.find(
      ({ name, family, count }) => name === large.name && family === large.family && count === SMALL,
    )
    const [a, b] = [small?.figures['ours'], large.figures['ours']]
    if (large.count !== LARGE || typeof a !== 'number' || typeof b !== 'number') return []
    const growth = b / LARGE / (a / SMALL)
    return [
      {
        ...large,
        name: `${large.name}: growth`,
        figures: {},
        goals: [atMost('a rule, 100,000 / 1,000', growth, MOST_GROWTH)],
      },
    ]
  })
}

const FEW = 100

/** What an edit of nf_tables costs in a large table, by what it costs in a small one: only its own messages cross. */
export function judgeEdits(rows: readonly Row[]): Row[] {
  const large = rows.filter(({ name, count }) => name.startsWith('append, nobody else') && count === LARGE)
  return large.flatMap((row) => {
    const small = rows.find(({ name, family, count }) => name === row.name && family === row.family && count === FEW)
    if (small === undefined) return []
    const growth = (row.figures['ours'] as number) / (small.figures['ours'] as number)
    return [{ ...row, name: `${row.name}: growth`, figures: {}, goals: [atMost('100,000 / 100', growth, MOST_GROWTH)] }]
  })
}

const figure = ([name, value]: [string, number | string]): string =>
  `${name} ${typeof value === 'number' ? `${two(value)} ms` : value}`

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

export const printed = (rows: readonly Row[]): string =>
  rows
    .map(({ name, family, count, figures, goals }) => {
      const told = goals.map(({ text, isMet }) => (isMet ? text : `**${text}**`)).join(', ')
      return line([name, family, count.toLocaleString('en'), Object.entries(figures).map(figure).join(', '), told])
    })
    .join('\n')

/** What stands around the run of a backend. */
const marks = (backend: string): readonly [string, string] =>
  backend === 'legacy'
    ? ['<!-- run -->', '<!-- end of run -->']
    : [`<!-- run of ${backend} -->`, `<!-- end of run of ${backend} -->`]

/** Puts a run into the page, in the place of the last. */
export function writePage(file: string, rows: readonly Row[], backend: string): void {
  const [begin, end] = marks(backend)
  const [before, rest] = readFileSync(file, 'utf8').split(begin) as [string, string]
  const after = rest.split(end)[1] as string
  const head = [line(['operation', 'family', 'rules', 'medians', 'goals']), line(['---', '---', '---:', '---', '---'])]
  writeFileSync(file, `${before}${begin}\n\n${head.join('\n')}\n${printed(rows)}\n\n${end}${after}`)
}
