/** docs/kernels.md: prose, and between markers a row for each kernel that was tried. */
import { readFileSync, writeFileSync } from 'node:fs'
import { CHECKS, type CheckName, type Results } from './results'

export interface Row {
  readonly version: string
  readonly package: string
  readonly results?: Results
  /** How the machine ended, where it did not do as it should. */
  readonly fault?: string
}

const BEGIN = '<!-- rows -->'
const END = '<!-- end of rows -->'

const COLUMNS = Object.keys(CHECKS) as CheckName[]

function cell(results: Results | undefined, name: CheckName): string {
  const check = results?.checks.find((one) => one.name === name)
  if (check === undefined) return '–'
  const { passed, failed, skipped } = check
  return [
    `${passed}`,
    ...(failed > 0 ? [`**${failed} failed**`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ].join(', ')
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

function rowText(row: Row): string {
  const { results, fault } = row
  return line([`\`${row.package}\``, results?.node ?? '–', ...COLUMNS.map((name) => cell(results, name)), fault ?? ''])
}

const HEAD = [
  line(['kernel', 'Node', ...COLUMNS.map((name) => CHECKS[name]), '']),
  line(['kernel', 'Node', ...COLUMNS, ''].map(() => '---')),
]

const byName = new Intl.Collator('en', { numeric: true }).compare

/** Puts a row in, in the place of the one of the same package. */
export function updatePage(file: string, row: Row): void {
  const text = readFileSync(file, 'utf8')
  const [before, rest] = text.split(BEGIN) as [string, string]
  const [table, after] = rest.split(END) as [string, string]
  const others = table.split('\n').filter((one) => one.startsWith('| `') && !one.startsWith(`| \`${row.package}\``))
  const rows = [...others, rowText(row)].sort(byName)
  writeFileSync(file, [before, BEGIN, '\n\n', [...HEAD, ...rows].join('\n'), '\n\n', END, after].join(''))
}
