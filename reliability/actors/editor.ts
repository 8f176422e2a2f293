/** Edits of which all or nothing may be seen, whenever they are ended. */
import { readdirSync, readlinkSync } from 'node:fs'
import { Chain, easy, IptcError, LinuxKernel, Rule, Table } from '../../src/index'
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

const RULE = '-s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j DROP'

/** One rule, in one of the ways in which a table is written. */
const WAYS: Readonly<Record<string, (table: Table) => void | Promise<void>>> = {
  edit: (table) => new Chain(table, 'INPUT').appendRule(Rule.parse(RULE)),
  async: (table) => table.transactionAsync(() => new Chain(table, 'INPUT').appendRule(Rule.parse(RULE))),
  easy: () =>
    easy.addRule('filter', 'INPUT', { src: '10.0.0.1', protocol: 'tcp', tcp: { dport: '22' }, target: 'DROP' }),
}

async function outcomeOf(edit: () => void | Promise<void> | undefined): Promise<string> {
  try {
    await edit()
    return 'done'
  } catch (error) {
    if (!(error instanceof IptcError)) throw error
    return `${error.name}: ${error.message}`
  }
}

const descriptors = (): string[] => readdirSync('/proc/self/fd')

/** Whether this process still holds the lock, which is held as long as its file is open. */
function holdsLock(): boolean {
  const file = process.env['XTABLES_LOCKFILE'] as string
  return descriptors().some((fd) => isSameFile(`/proc/self/fd/${fd}`, file))
}

function isSameFile(link: string, file: string): boolean {
  try {
    return readlinkSync(link) === file
  } catch {
    // The descriptor of the listing itself is closed by now.
    return false
  }
}

/** Prints `done`, or the error's class and message; and what is left open when the table is closed. */
export async function editOnce(way: string): Promise<void> {
  // What is opened once, and kept: the thread pool, the kernel's log.
  await outcomeOf(() => new LinuxKernel().log()?.close())
  const before = descriptors().length
  const table = new Table('filter', { lockTimeoutMs: 2000 })
  const end = await outcomeOf(() => WAYS[way]?.(table))
  table.close()
  process.stdout.write(JSON.stringify({ end, holdsLock: holdsLock(), leaked: descriptors().length - before }))
}
