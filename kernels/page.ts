/** docs/kernels.md: prose, and between markers a row for each kernel that was tried. */
import { readFileSync, writeFileSync } from 'node:fs'
import { CHECKS, type Check, type CheckName, type Results, type Wanted } from './results'

/** What a run of some checks on one kernel came to. */
export interface Trial {
  readonly name: string
  readonly wanted: Wanted
  readonly results?: Results
  /** How the machine ended, where it did not do as it should. */
  readonly fault?: string
}

const BEGIN = '<!-- rows -->'
const END = '<!-- end of rows -->'

const COLUMNS = Object.keys(CHECKS) as CheckName[]

/** Checks of which a part may have been run. */
const SCOPED: readonly CheckName[] = ['live', 'conformance']

function counts({ name, passed, failed, skipped, parts, done }: Check, { scope }: Wanted): string {
  const sampled = scope === 'sample' && SCOPED.includes(name) ? ' of the sample' : ''
  return [
    `${passed}${sampled}`,
    ...(failed > 0 ? [`**${failed} failed**`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(done < parts ? [`${parts - done} of ${parts} parts not reached`] : []),
  ].join(', ')
}

/** Undefined for a check that this run says nothing of. */
function cell({ wanted, results, fault }: Trial, name: CheckName): string | undefined {
  if (!wanted.checks.includes(name)) return undefined
  const check = results?.checks.find((one) => one.name === name)
  return check === undefined ? `**not run**: ${fault}` : counts(check, wanted)
}

const cellsOf = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((one) => one.trim())

const FIRST = ['kernel', 'Node']
const HEAD = [...FIRST, ...COLUMNS.map((name) => CHECKS[name])]
const NONE = '–'

/** A table as the formatter leaves it: its columns stand below each other. */
function tableText(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((heading, i) =>
    Math.max(...[heading, ...rows.map((row) => row[i] as string)].map(({ length }) => length)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, i) => text.padEnd(widths[i] as number)).join(' | ')} |`
  return [HEAD, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n')
}

/** A row as it stands on the page: what is said under which heading. */
type Cells = ReadonlyMap<string, string>

/** The rows of a table, whose columns may be others than those of today. */
function readRows(table: string): Cells[] {
  const [head = [], , ...rows] = table.split('\n').flatMap((one) => (one.startsWith('|') ? [cellsOf(one)] : []))
  return rows.map((cells) => new Map(cells.map((text, i) => [head[i] as string, text])))
}

/** The row of a kernel with what a trial found in it; what other trials found of other checks stays. */
function merged(trial: Trial, before: Cells = new Map()): Cells {
  const found = COLUMNS.flatMap((name) => {
    const text = cell(trial, name)
    return text === undefined ? [] : [[CHECKS[name], text] as const]
  })
  const node = trial.results?.node
  return new Map([
    ...before,
    ['kernel', nameCell(trial)],
    ...(node === undefined ? [] : [['Node', node] as const]),
    ...found,
  ])
}

const nameCell = ({ name }: Trial): string => `\`${name}\``

const byName = new Intl.Collator('en', { numeric: true }).compare

/** @returns the page with what a trial found in the row of its kernel, which is made where there is none. */
export function withTrial(page: string, trial: Trial): string {
  const [before, rest] = page.split(BEGIN) as [string, string]
  const [table, after] = rest.split(END) as [string, string]
  const rows = readRows(table)
  const isSame = (row: Cells): boolean => row.get('kernel') === nameCell(trial)
  const all = [...rows.filter((row) => !isSame(row)), merged(trial, rows.find(isSame))]
  const sorted = all
    .map((row) => HEAD.map((heading) => row.get(heading) || NONE))
    .sort(([a = ''], [b = '']) => byName(a, b))
  return [before, BEGIN, '\n\n', tableText(sorted), '\n\n', END, after].join('')
}

export const updatePage = (file: string, trial: Trial): void =>
  writeFileSync(file, withTrial(readFileSync(file, 'utf8'), trial))
