/** Prints a table for people, as `iptables -L` does. */
import type { Family } from '../abi/family'
import { verdictName } from '../abi/netfilter'
import { encodeText } from '../binary/text'
import type { Context, Listing } from '../extensions/context'
import type { Listed } from '../extensions/listing'
import { listParameters, listPayload } from '../extensions/payload'
import { findExtension } from '../extensions/registry'
import { isGoto, isStandard, partName, readVerdict, targetPart } from '../ruleset/entry'
import { type EntryExtension, entryExtensions } from '../ruleset/entry-extensions'
import { contextWithin } from '../ruleset/rule'
import { HEADS } from '../ruleset/rule-head'
import { type Chain, chainOf, countersOf, jumpOf, orderedChains, policyOf, type Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import { hostNames } from './hosts'
import { printPart } from './print'

export interface ListOptions {
  /** `-n`: print addresses, ports and other values as numbers. */
  readonly numeric?: boolean
  /** `-v`: print counters and interfaces too. */
  readonly verbose?: boolean
  /** `-x`: print exact counters. */
  readonly exact?: boolean
  readonly lineNumbers?: boolean
  /** Only this chain. */
  readonly chain?: string | undefined
  /** Only the rule of `chain` with this number, counted from 1, without a header. */
  readonly rule?: number | undefined
}

/**
 * Lines of text with line breaks; none for a rule that does not exist.
 * @throws NotFoundError for a chain that does not exist
 */
export function listTable(ruleset: Ruleset, context: Context, options: ListOptions = {}): string {
  const numeric = options.numeric ?? false
  if (numeric) return listChains(ruleset, { ...context, numeric, hostName: () => undefined }, options)
  // Host names are looked up all at once: a first pass only collects the addresses.
  const asked = new Set<string>()
  const note = (address: string): undefined => void asked.add(address)
  const numbers = listChains(ruleset, { ...context, numeric, hostName: note }, options)
  if (asked.size === 0) return numbers
  const names = hostNames([...asked])
  return listChains(ruleset, { ...context, numeric, hostName: (address) => names.get(address) }, options)
}

function listChains(ruleset: Ruleset, listing: Listing, options: ListOptions): string {
  const chains = options.chain === undefined ? orderedChains(ruleset) : [chainOf(ruleset, options.chain)]
  if (options.rule !== undefined && options.chain !== undefined) {
    const rule = chains[0]?.rules.at(options.rule - 1)
    return rule === undefined ? '' : listRule(rule, options.rule, listing, options)
  }
  const references = countReferences(ruleset)
  return chains
    .map((chain) => {
      const title = titleOf(chain, references.get(chain.name) ?? 0, listing.family, options)
      const rules = chain.rules.map((rule, i) => listRule(rule, i + 1, listing, options))
      return [`Chain ${chain.name} (${title})\n`, columnTitles(options), ...rules].join('')
    })
    .join('\n')
}

function countReferences({ chains }: Ruleset): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { rules } of chains.values())
    for (const ref of rules.refs) {
      const jump = jumpOf(rules, ref)
      if (jump !== undefined) counts.set(jump, (counts.get(jump) ?? 0) + 1)
    }
  return counts
}

function titleOf(chain: Chain, references: number, family: Family, { verbose, exact }: ListOptions): string {
  if (chain.hook === undefined || chain.tail === undefined) return `${references} references`
  const [packets, bytes] = countersOf(family, chain.tail).map((count) => amount(count, exact)) as [string, string]
  return `policy ${policyOf(family, chain)}${verbose ? ` ${packets} packets, ${bytes} bytes` : ''}`
}

const columnTitles = ({ lineNumbers, verbose, exact }: ListOptions): string =>
  [
    lineNumbers ? 'num  ' : '',
    verbose ? (exact ? '    pkts      bytes ' : ' pkts bytes ') : '',
    'target     prot opt ',
    verbose ? 'in     out     ' : '',
    'source               destination         \n',
  ].join('')

/** Pads as printf(3) does, which counts bytes. */
const left = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - encodeText(text).length))
const right = (text: string, width: number): string => text.padStart(width)

const UNITS = ['K', 'M', 'G', 'T']
const thousands = (count: bigint): bigint => (count + 500n) / 1000n

/** A count in about five characters, rounded at every unit. */
function amount(count: bigint, exact = false): string {
  if (exact || count <= 99_999n) return String(count)
  let rounded = thousands(count)
  let unit = 0
  for (; rounded > 9_999n && unit < UNITS.length - 1; unit++) rounded = thousands(rounded)
  return `${rounded}${UNITS[unit]}`
}

function listRule(entry: Entry, number: number, place: Listing, options: ListOptions): string {
  const { family } = place
  const listing = contextWithin(place, entry.bytes)
  const goesTo = isGoto(family, entry.bytes)
  return [
    options.lineNumbers ? `${left(String(number), 4)} ` : '',
    options.verbose ? countersColumns(entry, family, options) : '',
    `${left(targetName(entry, family), 9)} `,
    headColumns(entry, listing, options),
    goesTo ? '[goto] ' : '',
    ...entryExtensions(family, entry.bytes).map((part) => listPart(part, entry.bytes, listing)),
    '\n',
  ].join('')
}

function countersColumns(entry: Entry, family: Family, { exact }: ListOptions): string {
  return countersOf(family, entry)
    .map((count) => `${right(amount(count, exact), exact ? 8 : 5)} `)
    .join('')
}

function targetName({ bytes, jump }: Entry, family: Family): string {
  if (jump !== undefined) return jump
  const target = targetPart(family, bytes, 0)
  return isStandard(bytes, target) ? (verdictName(readVerdict(bytes, target)) ?? '') : partName(bytes, target)
}

/** The columns between the target's name and the extensions. */
function headColumns({ bytes }: Entry, listing: Listing, { verbose }: ListOptions): string {
  const { numeric, family } = listing
  const head: Partial<Record<string, Listed>> = listParameters(HEADS[family.name], bytes, 0, listing)
  const anyAddress = numeric ? (family.name === 'ipv4' ? '0.0.0.0/0' : '::/0') : 'anywhere'
  const anyInterface = numeric ? '*' : 'any'
  const [sign, protocol] = signed(head['protocol'], numeric ? '0' : 'all')
  const fragment = head['fragment'] === undefined ? '--' : head['fragment'].negated ? '!f' : '-f'
  return [
    `${sign || ' '}${left(protocol, 4)} ${fragment} `,
    verbose ? ` ${interfaceColumn(head['in-interface'], anyInterface)}` : '',
    verbose ? interfaceColumn(head['out-interface'], anyInterface) : '',
    addressColumn(head['src'], anyAddress),
    addressColumn(head['dst'], anyAddress),
  ].join('')
}

/** `!` or nothing, and the word of an option with one word. */
const signed = (option: Listed | undefined, absent: string): [sign: string, word: string] =>
  option === undefined ? ['', absent] : [option.negated ? '!' : '', option.words[0] ?? '']

const interfaceColumn = (option: Listed | undefined, any: string): string => `${left(signed(option, any).join(''), 6)} `

function addressColumn(option: Listed | undefined, any: string): string {
  const [sign, word] = signed(option, any)
  return `${sign || ' '}${left(word, 19)} `
}

/** Prints a match or target. If it is unknown, it is printed by revision or as bytes. */
function listPart(
  { kind, name, revision, at, size, known }: EntryExtension,
  bytes: Uint8Array,
  listing: Listing,
): string {
  if (known === undefined && findExtension(kind, name) !== undefined) return `${name} [unsupported revision] `
  const text =
    known === undefined
      ? printPart(kind, { name, revision, payload: bytes.slice(at, at + size) }, listing.family.name)
      : listPayload(known, bytes, at, listing)
  return text === '' ? '' : `${known?.variant.blank ?? ' '}${text}`
}
