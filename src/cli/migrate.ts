/** `xtables migrate FROM TO`: moves tables between ip_tables and nf_tables. */
import type { FamilyName } from '../abi/family'
import type { BackendName } from '../backend/store'
import { MigrationError, type MigrationPlan, migrate, type TableMove } from '../iptc/migrate'
import { toJson } from '../json'
import { MIGRATE } from './applets/own-applets'
import { readWords, wrong } from './command-line'
import type { Io, OpenKernel } from './open-kernel'

/** Prints the plan and its result, with `--json` as data. @returns the exit status */
export function runMigrate(
  args: string[],
  { kernel }: OpenKernel,
  { stdout, stderr }: Pick<Io, 'stdout' | 'stderr'>,
): number {
  const { values, positionals } = readWords(MIGRATE, args)
  const [from, to] = positionals
  if (from === to) throw wrong(MIGRATE, `${from} to ${to}: the two backends must differ`)
  const { table: tables, replace, clear, 'dry-run': dryRun, ipv4 = false, ipv6 = false } = values
  const family: FamilyName | undefined = ipv4 === ipv6 ? undefined : ipv4 ? 'ipv4' : 'ipv6'
  const sides = { from: from as BackendName, to: to as BackendName }
  const print = (plan: MigrationPlan): void => stdout(values.json ? `${toJson(plan)}\n` : planText(plan, dryRun))
  try {
    const plan = migrate({ ...sides, family, tables, replace, clear, dryRun, kernel })
    print(plan)
    return plan.tables.some(({ obstacles }) => obstacles.length > 0) ? 1 : 0
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error
    print(error.plan)
    stderr(`xtables: ${error.message}\n`)
    return 1
  }
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
const size = ({ rules, chains }: TableMove['replaces']): string =>
  `${counted(rules, 'rule')}, ${counted(chains, 'chain')}`

function stateOf({ isWritten, isCleared, obstacles }: TableMove, dryRun: boolean): string {
  if (obstacles.length > 0) return 'cannot be moved'
  if (isCleared) return 'moved, and cleared'
  return isWritten ? 'written' : dryRun ? 'can be moved' : 'not written'
}

/** One line per table, and one for each obstacle. */
function planText({ from, to, tables }: MigrationPlan, dryRun = false): string {
  if (tables.length === 0) return `${from} holds nothing to move\n`
  const lines = tables.flatMap((move) => {
    const { family, table, replaces, obstacles } = move
    const instead = replaces.rules + replaces.chains === 0 ? '' : `, in place of ${size(replaces)}`
    return [
      `${family} ${table}: ${size(move)}${instead}: ${stateOf(move, dryRun)}`,
      ...obstacles.map((obstacle) => `  ${obstacle}`),
    ]
  })
  return `${from} to ${to}\n${lines.join('\n')}\n`
}
