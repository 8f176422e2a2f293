/** Small applets that iptables has no equivalent of: captures, dumps, help. */
import { FAMILIES, type FamilyName } from '../abi/family'
import type { BackendName } from '../backend/store'
import { IptcError, XtablesError } from '../errors'
import { extensionNames, findExtension } from '../extensions/registry'
import { similarNames } from '../extensions/similar-names'
import { parseJson, toJson } from '../json'
import { captureTable, captureToJson } from '../kernel/capture'
import type { Kernel, NetlinkPort } from '../kernel/kernel'
import { MemoryKernel } from '../kernel/memory/memory-kernel'
import { captureNftTable, isNftCapture, nftCaptureToJson } from '../kernel/nft-capture'
import { extensionHelp } from '../language/help'
import { tableText } from '../language/save'
import { appletNames } from './applets/described'
import { APPLY_DUMP, CAPTURE, DUMP, SHOW } from './applets/own'
import { CommandLineError, readWords } from './command-line'
import { type Io, type OpenKernel, readCaptures, readFrom, readText, tablesIn } from './open-kernel'

export type Output = Pick<Io, 'stdout' | 'stdin'>

/** `capture`: a table's bytes as JSON; of nf_tables, what the kernel tells of it. */
export function capture(args: string[], { kernel, writing }: OpenKernel, { stdout }: Output): void {
  const { values, positionals } = readWords(CAPTURE, args)
  const table = positionals[0] as string
  const family = familyOf(values)
  const json =
    writing.backend === 'nft'
      ? nftCaptureToJson(captureNftTable(kernel as Kernel & NetlinkPort, family, table))
      : captureToJson(captureTable(kernel, family, table))
  stdout(`${JSON.stringify(json, undefined, 1)}\n`)
}

/** `show`: the tables of a file with captures, as iptables-save -c prints them. */
export function show(args: string[], { stdout }: Output): void {
  const captures = readCaptures(readWords(SHOW, args).positionals[0] as string)
  for (const one of captures) {
    const { family, table } = one
    const place = { kernel: new MemoryKernel({ captures }), writing: { backend: backendOf(one) } }
    using handle = tablesIn(place, family).openTable(table)
    stdout(`# ${family}\n${tableText(handle.ruleset, handle.context, { counters: true })}`)
  }
}

const backendOf = (capture: object): BackendName => (isNftCapture(capture) ? 'nft' : 'legacy')

/** Where sets stand in a dump, beside tables. No table has this name. */
const SETS = 'sets'

/** `dump`: rules as dictionaries, with the ipsets that they may refer to. */
export function dump(args: string[], { kernel, writing: { backend } }: OpenKernel, { stdout }: Output): void {
  const { values, positionals } = readWords(DUMP, args)
  if (!values.json) throw new CommandLineError('dump requires --json, its only format; use save for text')
  const { dumpAll, dumpSets, dumpTable } = requireEasy()
  const place = { ipv6: values.ipv6 ?? false, kernel, backend }
  const [table] = positionals
  if (values.sets && table !== undefined) throw new CommandLineError('--sets goes with a dump of all tables')
  const sets = values.sets ? { [SETS]: dumpSets(place) } : {}
  stdout(`${toJson(table === undefined ? { ...sets, ...dumpAll(place) } : dumpTable(table, place))}\n`)
}

/**
 * `apply --json`: makes tables what a dump says, each in one exchange. Policies stay. Sets that are in the dump
 * come first, as rules refer to them.
 */
export function apply(args: string[], { kernel, writing }: OpenKernel, { stdin }: Output): void {
  const { values, positionals } = readWords(APPLY_DUMP, args)
  const [file = '-'] = positionals
  const from = file === '-' ? 'standard input' : file
  const dumped = parseJson(file === '-' ? readFrom(from, stdin) : readText(file), from)
  applyDump(dumped, { ipv6: values.ipv6 ?? false, kernel, ...writing })
}

type Place = NonNullable<Parameters<typeof import('../easy/easy')['dumpAll']>[0]>

/** All tables are made up, by rules that may refer to sets, before the first set is filled or table written. */
function applyDump(dumped: unknown, place: Place): void {
  const { batchBegin, batchEnd } = requireEasy()
  const all = entriesOf(dumped, 'a dump is an object of tables')
  const [, sets] = all.find(([name]) => name === SETS) ?? []
  using batch = batchBegin(undefined, place)
  const makeUp = (): void => {
    // Where an editor finds the schema of the file.
    for (const [table, chains] of all.filter(([name]) => name !== SETS))
      if (table !== '$schema' || typeof chains !== 'string')
        applyTable(table, entriesOf(chains, `table ${table} is an object of chains`), batch)
  }
  // A kernel without sets has tables all the same.
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

/** Rules say themselves what is wrong with them; of many, the path of the error says with which. */
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

/** The dictionary API checks everything that it gets, and is therefore slow to load. */
const requireEasy = (): typeof import('../easy/easy') => require('../easy/easy') as typeof import('../easy/easy')
const requireSets = (): typeof import('../easy/sets') => require('../easy/sets') as typeof import('../easy/sets')

const familyOf = ({ ipv6 }: { ipv6?: boolean | undefined }): FamilyName => (ipv6 ? 'ipv6' : 'ipv4')

const KINDS = ['match', 'target'] as const

function unknownName(name: string): IptcError {
  const families = Object.keys(FAMILIES) as FamilyName[]
  const known = families.flatMap((family) => KINDS.flatMap((kind) => extensionNames(kind, family)))
  const names = [...new Set([...appletNames(), ...known])]
  const near = similarNames(name, names)
  return new CommandLineError(`there is no applet, match or target ${name}${near === undefined ? '' : `; ${near}`}`)
}

/** `help NAME`: the options of a match or a target. @throws IptcError where there is neither */
export function help(name: string, { stdout }: Output): void {
  const known = KINDS.map((kind) => findExtension(kind, name)).filter((one) => one !== undefined)
  if (known.length === 0) throw unknownName(name)
  for (const extension of known) {
    const { families } = extension
    const texts = new Set(families.map((family) => extensionHelp(extension, FAMILIES[family])))
    const isOne = texts.size === 1
    for (const [i, text] of [...texts].entries())
      stdout(isOne && families.length === 2 ? text : `${families[i]} ${isOne ? 'only: ' : ''}${text}`)
  }
}
