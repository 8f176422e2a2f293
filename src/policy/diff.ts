/** A plan as people read it: what goes with `-`, what comes with `+`, what moves with `~`, each with its place in the chain. */
import type { Paint } from '../paint'
import type { ChainPlan, TablePlan } from './plan-data'

export const diffOf = (tables: readonly TablePlan[], paint: Paint): string =>
  tables
    .map(({ table, chains }) => `${paint('bold', `*${table}`)}\n${chains.map((one) => ofChain(one, paint)).join('')}`)
    .join('')

const SIGNS = { create: '+', delete: '-', edit: ' ' } as const
const STYLES = { '+': 'green', '-': 'red', ' ': 'bold' } as const

function ofChain(plan: ChainPlan, paint: Paint): string {
  const sign = SIGNS[plan.change]
  const policy = plan.policy === undefined ? '' : `: policy ${plan.policy.from} becomes ${plan.policy.to}`
  const head = paint(STYLES[sign], `${sign}:${plan.chain}${policy}`)
  return [head, ...linesOf(plan, paint)].map((line) => `${line}\n`).join('')
}

/** In the order of the chain as it comes to be; what goes stands where it was. */
function linesOf({ deleted, added, moved, replaced }: ChainPlan, paint: Paint): string[] {
  const gone = (at: number, rule: string): [number, string] => [at, paint('red', `-  ${at}: ${rule}`)]
  const come = (at: number, rule: string): [number, string] => [at, paint('green', `+  ${at}: ${rule}`)]
  const lines: [number, string][] = [
    ...deleted.map(({ position, rule }) => gone(position, rule)),
    ...replaced.flatMap((one) => [
      [one.added.position, gone(one.deleted.position, one.deleted.rule)[1]] as [number, string],
      come(one.added.position, one.added.rule),
    ]),
    ...added.map(({ position, rule }) => come(position, rule)),
    ...moved.map(({ from, to, rule }): [number, string] => [to, paint('yellow', `~  ${from} becomes ${to}: ${rule}`)]),
  ]
  return lines.sort(([a], [b]) => a - b).map(([, line]) => line)
}
