/** `dump --json` and `apply --json`: tables and sets as dictionaries. */
import { IptcError, XtablesError } from '../errors'
import { parseJson, toJson } from '../json'
import { APPLY_DUMP, DUMP } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import { type Io, type OpenKernel, placeIn, readFrom, readText } from './open-kernel'

type Output = Pick<Io, 'stdout' | 'stdin'>

/** The key of the sets in a dump, next to the tables. No table has this name. */
const SETS = 'sets'

/** `dump`: prints rules as dictionaries, with `--sets` also the ipsets that they may refer to. */
export function dump(args: string[], open: OpenKernel, { stdout }: Output): void {
  const { values, positionals } = readWords(DUMP, args)
  if (!values.json)
    throw new CommandLineError('dump requires --json, its only format; for text, use xtables iptables-save')
  const { dumpAll, dumpSets, dumpTable } = requireEasy()
  const { ipv6, kernel, backend } = placeIn(open, values.ipv6 ? 'ipv6' : 'ipv4')
  const place = { ipv6, kernel, backend }
  const [table] = positionals
  if (values.sets && table !== undefined) throw new CommandLineError('--sets goes with a dump of all tables')
  const sets = values.sets ? { [SETS]: dumpSets(place) } : {}
  stdout(`${toJson(table === undefined ? { ...sets, ...dumpAll(place) } : dumpTable(table, place))}\n`)
}

/**
 * `apply --json`: replaces the tables of a dump, each atomically. Policies stay. Sets in the dump are created first,
 * because rules refer to them.
 */
export function apply(args: string[], open: OpenKernel, { stdin }: Output): void {
  const { values, positionals } = readWords(APPLY_DUMP, args)
  const [file = '-'] = positionals
  const from = file === '-' ? 'standard input' : file
  const dumped = parseJson(file === '-' ? readFrom(from, stdin) : readText(file), from)
  applyDump(dumped, placeIn(open, values.ipv6 ? 'ipv6' : 'ipv4'))
}

type Place = NonNullable<Parameters<typeof import('../easy/easy')['dumpAll']>[0]>

/** Checks and builds all tables before the first set is filled or the first table is written. */
function applyDump(dumped: unknown, place: Place): void {
  const { batchBegin, batchEnd } = requireEasy()
  const all = entriesOf(dumped, 'a dump must be an object of tables')
  const [, sets] = all.find(([name]) => name === SETS) ?? []
  using batch = batchBegin(undefined, place)
  const makeUp = (): void => {
    // The key $schema tells an editor where to find the schema of the file.
    for (const [table, chains] of all.filter(([name]) => name !== SETS))
      if (table !== '$schema' || typeof chains !== 'string')
        applyTable(table, entriesOf(chains, `table ${table} must be an object of chains`), batch)
  }
  // Without sets in the dump, the kernel need not support them.
  if (sets === undefined) makeUp()
  else requireSets().applySetsAfter(makeUp, sets as Sets, place)
  batchEnd(batch)
}

type Sets = Parameters<typeof import('../easy/sets')['applySetsAfter']>[1]
type Batch = ReturnType<typeof import('../easy/easy')['batchBegin']>
type RuleToAdd = Parameters<typeof import('../easy/easy')['batchAddRules']>[1][number]

function applyTable(table: string, chains: readonly [string, unknown][], batch: Batch): void {
  const { batchAddChains, flushTable } = requireEasy()
  const lists = chains.map(([chain, list]) => [chain, listOf(list, chain)] as const)
  flushTable(table, { batch })
  batchAddChains(
    table,
    chains.map(([chain]) => chain),
    { batch },
  )
  addRules(table, lists, batch)
}

/** Adds table, chain and number of the rule to the message of an error. The first element of its path is the rule's index. */
function addRules(table: string, lists: readonly (readonly [string, readonly unknown[]])[], batch: Batch): void {
  const rules = lists.flatMap(([chain, list]) => list.map((rule, i) => [chain, rule, i + 1] as const))
  try {
    requireEasy().batchAddRules(table, rules.map(([chain, rule]) => [chain, rule]) as unknown as RuleToAdd[], { batch })
  } catch (error) {
    const [chain, , number] = (error instanceof XtablesError && rules[Number(error.path[0])]) || []
    if (chain === undefined) throw error
    throw new IptcError('XT_COMMAND', `table ${table} chain ${chain} rule ${number}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function entriesOf(value: unknown, what: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new IptcError('XT_COMMAND', what)
  return Object.entries(value)
}

function listOf(value: unknown, chain: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new IptcError('XT_COMMAND', `chain ${chain} must be a list of rules`)
  return value
}

/** Loaded on first use: the dictionary API contains schemas of all rules, and is slow to load. */
const requireEasy = (): typeof import('../easy/easy') => require('../easy/easy') as typeof import('../easy/easy')
const requireSets = (): typeof import('../easy/sets') => require('../easy/sets') as typeof import('../easy/sets')
