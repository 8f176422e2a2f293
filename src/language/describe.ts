/** The output of commands: `-S`, `-L`, and what `-v` prints for others. */
import type { Family } from '../abi/family'
import { verdictName } from '../abi/netfilter'
import type { Context, Listing } from '../extensions/context'
import type { Listed } from '../extensions/listing'
import { listParameters, listPayload } from '../extensions/payload'
import { isGoto, isStandard, partName, readVerdict, targetPart } from '../ruleset/entry'
import { type EntryExtension, entryExtensions } from '../ruleset/entry-extensions'
import { describeRule, encodeRule } from '../ruleset/rule'
import { HEADS } from '../ruleset/rule-head'
import type { Rules } from '../ruleset/rules'
import { type Chain, chainOf, countersOf, orderedChains, policyOf, type Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import type { Command } from './command'
import { listTable } from './list'
import { printPart, printRule } from './print'
import { printName } from './quoting'

/**
 * What a command prints before it changes anything; empty for a silent one.
 * @throws NotFoundError for a chain that is to be listed and does not exist
 */
export function describeCommand(command: Command, ruleset: Ruleset, context: Context): string {
  if (command.kind === 'list' || command.kind === 'list-rules') return listed(command, ruleset, context)
  return command.verbose === 0 ? '' : announcement(command, ruleset, context)
}

type ListCommand = Extract<Command, { kind: 'list' | 'list-rules' }>

function listed(command: ListCommand, ruleset: Ruleset, context: Context): string {
  const text = command.kind === 'list' ? listText(command, ruleset, context) : rulesText(command, ruleset, context)
  const tells = command.zero && command.zeroNumber === undefined && command.verbose > 0
  return tells ? text + chainsText('Zeroing', command.chain, ruleset) : text
}

function listText(command: ListCommand, ruleset: Ruleset, context: Context): string {
  const { numeric, verbose, exact, lineNumbers, chain, number } = command
  return listTable(ruleset, context, { numeric, verbose: verbose > 0, exact, lineNumbers, chain, rule: number })
}

function rulesText({ chain: name, number, verbose }: ListCommand, ruleset: Ruleset, context: Context): string {
  const chains = name === undefined ? orderedChains(ruleset) : [chainOf(ruleset, name)]
  const counters = verbose > 0
  const rules = chains.flatMap((chain) =>
    selected(chain.rules, number).map((rule) => ruleLine(chain.name, rule, context, counters)),
  )
  const heads = number === undefined ? chains.map((chain) => chainLine(chain, context, counters)) : []
  return [...heads, ...rules].map((line) => `${line}\n`).join('')
}

/** All rules, or the one with this number, if there is one. */
const selected = (rules: Rules, number: number | undefined): Entry[] =>
  number === undefined ? [...rules] : [rules.at(number - 1) ?? []].flat()

function chainLine({ name, hook, tail, ...chain }: Chain, { family }: Context, counters: boolean): string {
  if (hook === undefined || tail === undefined) return `-N ${printName(name)}`
  const policy = `-P ${name} ${policyOf(family, { name, hook, tail, ...chain })}`
  return counters ? `${policy} -c ${countersOf(family, tail).join(' ')}` : policy
}

function ruleLine(chain: string, rule: Entry, context: Context, counters: boolean): string {
  const described = { ...describeRule(rule, context), counters: countersOf(context.family, rule) }
  return `-A ${printName(chain)} ${printRule(described, context.family.name, counters)}`.trimEnd()
}

/** The output of `-v`. */
function announcement(command: Command, ruleset: Ruleset, context: Context): string {
  if ('rules' in command)
    return command.rules.map((rule) => `${ruleText(encodeRule(rule, context), context)}\n`).join('')
  const verb = VERBS[command.kind]
  if (verb === undefined || ('number' in command && command.number !== undefined)) return ''
  return chainsText(verb, (command as { chain?: string }).chain, ruleset)
}

const VERBS: Partial<Record<Command['kind'], string>> = {
  flush: 'Flushing',
  zero: 'Zeroing',
  'delete-chain': 'Deleting',
}

/** Whether a chain is named in the output, if one is meant or all are. */
function isTold(verb: string, { chains, unusedChain }: Ruleset, one: string | undefined, name: string): boolean {
  const { hook, isUnused } = chains.get(name) ?? {}
  if (verb === VERBS.zero) return !isUnused || one !== undefined
  return verb !== VERBS['delete-chain'] || hook === undefined || (one !== undefined && unusedChain === undefined)
}

function chainsText(verb: string, chain: string | undefined, ruleset: Ruleset): string {
  const names = chain === undefined ? orderedChains(ruleset).map(({ name }) => name) : [chain]
  return names
    .filter((name) => isTold(verb, ruleset, chain, name))
    .map((name) => `${verb} chain \`${name}'\n`)
    .join('')
}

/** Protocols that iptables knows without a database. */
const NAMED: Readonly<Record<string, string>> = {
  0: 'all',
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  50: 'esp',
  51: 'ah',
  58: 'ipv6-icmp',
  132: 'sctp',
  135: 'mobility-header',
  136: 'udplite',
}

/** One rule on one line, all numeric: `ACCEPT  tcp opt -- in lo out *  0.0.0.0/0  -> 0.0.0.0/0   tcp dpt:22`. */
function ruleText(entry: Entry, context: Context): string {
  const { family } = context
  const listing = { ...context, numeric: true, hostName: () => undefined }
  const head: Partial<Record<string, Listed>> = listParameters(HEADS[family.name], entry.bytes, 0, listing)
  const any = family.name === 'ipv4' ? '0.0.0.0/0' : '::/0'
  const [word, sign] = [wordOf, signOf]
  const protocol = word(head['protocol'], '0')
  const fragment = head['fragment'] === undefined ? '--' : head['fragment'].negated ? '!f' : '-f'
  const face = (name: string): string => `${sign(head[name], '')}${word(head[name], '*')}`
  const goesTo = isGoto(family, entry.bytes)
  return [
    `${targetName(entry, family)} ${sign(head['protocol'])}${NAMED[protocol] ?? protocol} opt ${fragment}`,
    ` in ${face('in-interface')} out ${face('out-interface')}`,
    ` ${sign(head['src'])}${word(head['src'], any)} ${sign(head['dst'])}-> ${word(head['dst'], any)}  `,
    goesTo ? '[goto] ' : '',
    ...entryExtensions(family, entry.bytes).map((part) => partText(part, entry.bytes, listing)),
  ].join('')
}

const wordOf = (option: Listed | undefined, absent: string): string => option?.words[0] ?? absent
const signOf = (option: Listed | undefined, absent = ' '): string => (option?.negated ? '!' : absent)

function targetName({ bytes, jump }: Entry, family: Family): string {
  if (jump !== undefined) return jump
  const target = targetPart(family, bytes, 0)
  return isStandard(bytes, target) ? (verdictName(readVerdict(bytes, target)) ?? '') : partName(bytes, target)
}

function partText(
  { kind, name, revision, at, size, known }: EntryExtension,
  bytes: Uint8Array,
  listing: Listing,
): string {
  if (known === undefined)
    return ` ${printPart(kind, { name, revision, payload: bytes.slice(at, at + size) }, listing.family.name)}`
  const text = listPayload(known, bytes, at, listing)
  return text === '' ? '' : `${known.variant.blank}${text}`
}
