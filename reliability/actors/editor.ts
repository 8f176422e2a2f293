/** Edits of which all or nothing may be seen, whenever they are ended. */
import { Chain, easy, IptcError, Rule, Table } from '../../src'
import { GENERATION, GENERATION_RULES } from '../chains'

function writeGeneration(table: Table, generation: number): void {
  const chain = new Chain(table, GENERATION)
  chain.flush()
  for (let n = 0; n < GENERATION_RULES; n++)
    chain.appendRule(Rule.parse(`-s 10.0.0.${n} -m comment --comment ${generation} -j RETURN`))
}

/** Puts one generation of rules in the place of another, until it is killed; says when the first one stands. */
export function editForEver(): void {
  const table = new Table('filter')
  const next = (): void => table.transaction(() => writeGeneration(table, Date.now()))
  next()
  process.stdout.write('begun\n')
  for (;;) next()
}

const RULE = '-s 10.0.0.1/32 -j DROP'

/** One rule, in one of the ways in which a table is written. */
const WAYS: Readonly<Record<string, (table: Table) => void | Promise<void>>> = {
  edit: (table) => new Chain(table, 'INPUT').appendRule(Rule.parse(RULE)),
  async: (table) => table.transactionAsync(() => new Chain(table, 'INPUT').appendRule(Rule.parse(RULE))),
  easy: () => easy.addRule('filter', 'INPUT', { src: '10.0.0.1', target: 'DROP' }),
}

/** Prints `done`, or the error's class and message. */
export async function editOnce(way: string): Promise<void> {
  const table = new Table('filter', { lockTimeoutMs: 2000 })
  try {
    await WAYS[way]?.(table)
    process.stdout.write(JSON.stringify('done'))
  } catch (error) {
    if (!(error instanceof IptcError)) throw error
    process.stdout.write(JSON.stringify(`${error.name}: ${error.message}`))
  }
}
