/** Prints changes in nf_tables as xtables-monitor(8) does: those of iptables' tables in iptables syntax. */
import { FAMILIES } from '../abi/family'
import { HOOKS } from '../abi/netfilter'
import { NFT_VERDICT } from '../abi/nf-tables'
import type { Context } from '../extensions/context'
import { printEntry } from '../language/print-entry'
import { printName } from '../language/quoting'
import type { Encoded } from '../netlink/attribute'
import { type Message, readMessage } from '../netlink/message'
import { expressionList, isKnown } from '../nft/expressions'
import { type ChainValues, messages, type RuleValues, type TableValues } from '../nft/messages'
import { isHeld, readRule } from '../nft/rule'

/** Names of families in nft. linux/netfilter.h */
const FAMILY_WORDS: Readonly<Record<number, string>> = {
  1: 'inet',
  2: 'ip',
  3: 'arp',
  5: 'netdev',
  7: 'bridge',
  10: 'ip6',
}

/** Names of the ARP hooks, by number. linux/netfilter_arp.h */
const NFPROTO_ARP = 3
const ARP_HOOKS = ['input', 'output', 'forward']

function hookWord(family: number, number = 0): string {
  const name = family === NFPROTO_ARP ? ARP_HOOKS[number] : HOOKS[number]?.toLowerCase()
  return name ?? String(number)
}

const familyWord = (family: number): string => FAMILY_WORDS[family] ?? `family ${family}`

/** Our name of a family: `ipv4` or `ipv6`, or nft's name for families that iptables does not support. */
export const familyName = (number: number): string =>
  Object.values(FAMILIES).find(({ domain }) => domain === number)?.name ?? familyWord(number)

/** The context for rules of a family; undefined for families that iptables does not support. */
export type ContextOf = (family: number) => Context | undefined

const optionOf = ({ family }: Context): string => (family.name === 'ipv4' ? '-4' : '-6')

/** `-4 -t TABLE FLAG CHAIN` */
const words = (context: Context, table = '', flag: string, chain = ''): string =>
  `${optionOf(context)} -t ${table} ${flag} ${printName(chain)}`

const tableText = (verb: string, family: number, { name, flags = 0, use = 0, handle }: TableValues): string =>
  `nft: ${verb} table: table ${name} ${familyWord(family)} flags ${flags} use ${use} handle ${handle}`

/** A base chain has no command in iptables, so it is printed as a comment. */
function chainText(flag: '-N' | '-X', family: number, values: ChainValues, context: Context | undefined): string {
  const { table, name, use = 0, type, hook, policy, counters, flags = 0 } = values
  if (hook === undefined && context !== undefined) return words(context, table, flag, name)
  const head = `# nft: ${familyWord(family)} ${table} ${name} use ${use}`
  if (hook === undefined) return head
  const verdict = policy === NFT_VERDICT.DROP ? 'drop' : 'accept'
  const counted = `packets ${counters?.packets ?? 0} bytes ${counters?.bytes ?? 0}`
  return `${head} type ${type} hook ${hookWord(family, hook.number)} prio ${hook.priority} policy ${verdict} ${counted} flags ${flags}`
}

/** The names of the expressions of a rule that cannot be expressed in iptables syntax. */
function expressionNames(encoded: Encoded | undefined): string {
  const names: string[] = []
  if (encoded !== undefined)
    expressionList.each(encoded, (one) => names.push(isKnown(one) ? one.name : (one.name ?? 'unknown')))
  return names.join(' ')
}

/** A rule as a command with -A or -D; undefined if it cannot be expressed in iptables syntax. */
export function ruleWords(values: RuleValues, context: Context, flag: '-A' | '-D' = '-A'): string | undefined {
  const { table, chain, expressions } = values
  const entry = readRule(context.family, expressions)
  if (isHeld(context.family, entry.bytes)) return undefined
  return `${words(context, table, flag, chain)} ${printEntry(entry, context)}`.trimEnd()
}

/** A comment for a rule that cannot be expressed in iptables syntax: it must not be left out. */
export const heldRuleWords = (family: number, { table, chain, handle, expressions }: RuleValues): string =>
  `# nft: ${familyWord(family)} ${table} ${chain} rule with handle ${handle}: ${expressionNames(expressions)}`

function ruleText(flag: '-A' | '-D', family: number, values: RuleValues, context: Context | undefined): string {
  const text = context && ruleWords(values, context, flag)
  return text ?? `${heldRuleWords(family, values)}${flag === '-A' ? '' : ' (deleted)'}`
}

export interface Notice {
  readonly family: number
  readonly table: string | undefined
  readonly text: string
  /** The same as data for `--json`, without family and table. */
  readonly data: {
    readonly kind: `${'table' | 'chain' | 'rule'}-${'added' | 'deleted'}`
    readonly chain?: string | undefined
    readonly handle?: number | undefined
  }
}

const numberOf = (handle: bigint | undefined): number | undefined => (handle === undefined ? undefined : Number(handle))

/** Undefined for messages about anything but a table, chain or rule. */
export function noticeOf(message: Message, contextOf: ContextOf): Notice | undefined {
  const said = <V>(kind: Parameters<typeof readMessage<{ nfgenFamily: number }, V>>[0]) => {
    const { head, values } = readMessage(kind, message)
    return { family: head.nfgenFamily, values, context: contextOf(head.nfgenFamily) }
  }
  const { type } = message
  if (type === messages.newTable.type || type === messages.deleteTable.type) {
    const isNew = type === messages.newTable.type
    const { family, values } = said(isNew ? messages.newTable : messages.deleteTable)
    const data = { kind: isNew ? 'table-added' : 'table-deleted', handle: numberOf(values.handle) } as const
    return { family, table: values.name, text: tableText(isNew ? 'NEW' : 'DEL', family, values), data }
  }
  if (type === messages.newChain.type || type === messages.deleteChain.type) {
    const isNew = type === messages.newChain.type
    const { family, values, context } = said(isNew ? messages.newChain : messages.deleteChain)
    const kind = isNew ? 'chain-added' : 'chain-deleted'
    const data = { kind, chain: values.name, handle: numberOf(values.handle) } as const
    return { family, table: values.table, text: chainText(isNew ? '-N' : '-X', family, values, context), data }
  }
  if (type === messages.newRule.type || type === messages.deleteRule.type) {
    const isNew = type === messages.newRule.type
    const { family, values, context } = said(isNew ? messages.newRule : messages.deleteRule)
    const kind = isNew ? 'rule-added' : 'rule-deleted'
    const data = { kind, chain: values.chain, handle: numberOf(values.handle) } as const
    return { family, table: values.table, text: ruleText(isNew ? '-A' : '-D', family, values, context), data }
  }
  return undefined
}
