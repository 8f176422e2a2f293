/** Prints a plan as a diff: `-` for removed rules, `+` for added, `~` for moved, each with its position. */
import type { Paint, Style } from '../terminal-style'
import type { ChainPlan, TablePlan } from './plan-data'

/** What a line is about: a table or chain that stays, or a rule that goes, comes or moves. */
export type DiffKind = 'stays' | 'goes' | 'comes' | 'moves'

export interface DiffLine {
  readonly kind: DiffKind
  readonly text: string
}

const STYLES: Readonly<Record<DiffKind, Style>> = { stays: 'bold', goes: 'red', comes: 'green', moves: 'yellow' }

export const diffOf = (tables: readonly TablePlan[], paint: Paint): string =>
  diffLines(tables)
    .map(({ kind, text }) => `${paint(STYLES[kind], text)}\n`)
    .join('')

export const diffLines = (tables: readonly TablePlan[]): DiffLine[] =>
  tables.flatMap(({ table, chains }) => [{ kind: 'stays', text: `*${table}` }, ...chains.flatMap(ofChain)])

const HEADS = {
  create: { sign: '+', kind: 'comes' },
  delete: { sign: '-', kind: 'goes' },
  edit: { sign: ' ', kind: 'stays' },
} as const

function ofChain(plan: ChainPlan): DiffLine[] {
  const { sign, kind } = HEADS[plan.change]
  const policy = plan.policy === undefined ? '' : `: policy ${plan.policy.from} becomes ${plan.policy.to}`
  return [{ kind, text: `${sign}:${plan.chain}${policy}` }, ...linesOf(plan)]
}

/** In the order of the resulting chain; removed rules at their old position. */
function linesOf({ deleted, added, moved, replaced }: ChainPlan): DiffLine[] {
  const gone = (at: number, rule: string): DiffLine => ({ kind: 'goes', text: `-  ${at}: ${rule}` })
  const come = (at: number, rule: string): DiffLine => ({ kind: 'comes', text: `+  ${at}: ${rule}` })
  const lines: [number, DiffLine][] = [
    ...deleted.map(({ position, rule }): [number, DiffLine] => [position, gone(position, rule)]),
    ...replaced.flatMap((one): [number, DiffLine][] => [
      [one.added.position, gone(one.deleted.position, one.deleted.rule)],
      [one.added.position, come(one.added.position, one.added.rule)],
    ]),
    ...added.map(({ position, rule }): [number, DiffLine] => [position, come(position, rule)]),
    ...moved.map(({ from, to, rule }): [number, DiffLine] => [
      to,
      { kind: 'moves', text: `~  ${from} becomes ${to}: ${rule}` },
    ]),
  ]
  return lines.sort(([a], [b]) => a - b).map(([, line]) => line)
}
