/** Carries out messages that change tables, chains and rules as Linux does. */
import { ERRNO } from '../../../abi/errno'
import { FAMILIES, type Family } from '../../../abi/family'
import { HOOKS, type Hook } from '../../../abi/netfilter'
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL, NLM_F_NONREC, NLM_F_REPLACE } from '../../../abi/netlink'
import { NFT_TABLE_F_DORMANT, NFT_VERDICT, NFTA_CHAIN, NFTA_TABLE } from '../../../abi/nf-tables'
import { encodeText } from '../../../binary/text'
import type { SetNames } from '../../../extensions/context'
import type { Message } from '../../../netlink/message'
import { type Expression, expressionList } from '../../../nft/expressions'
import { type ChainValues, messages, type RuleValues, type TableValues } from '../../../nft/messages'
import {
  CHAIN_BASE,
  chainValues,
  eventFlags,
  ruleEventFlags,
  ruleValues,
  type Teller,
  tableValues,
  userdataIn,
} from './answers'
import { checkReached } from './check-jumps'
import { takeCompat } from './compat'
import { takeExpressions } from './expressions'
import { refuse } from './failure'
import {
  type BaseHook,
  type ChainCounters,
  Journal,
  type KeptExpression,
  type NftChain,
  type NftRule,
  type NftTable,
  type NftTables,
} from './ruleset'

/** The request for a change. */
export interface Asked {
  readonly message: Message
  /** nfgen_family, not checked yet. */
  readonly family: number
  readonly flags: number
}

/** AF_UNSPEC */
const ANY_FAMILY = 0

/** Maximum sizes in bytes. */
const MAX_NAME = 255
const MAX_USERDATA = 256

/** The hooks that each type of chain may have. */
const CHAIN_TYPES: Readonly<Record<string, readonly Hook[]>> = {
  filter: HOOKS,
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  route: ['OUTPUT'],
}
/** NF_IP_PRI_CONNTRACK: chains of the type nat must come after connection tracking. */
const BEFORE_CONNECTIONS = -200

export const familyOf = (number: number): Family | undefined =>
  Object.values(FAMILIES).find(({ domain }) => domain === number)

/** @throws NftFailure for a family that this kernel does not have */
const takenFamily = (number: number): Family =>
  familyOf(number) ?? refuse(ERRNO.EOPNOTSUPP, 'the in-process kernel has only IPv4 and IPv6 tables')

/** Checks that no attribute is too long. Linux does so before it looks at the message otherwise. @throws NftFailure */
export function checkLengths({ table, chain, name, userdata }: Lengthy): void {
  const isLong = (text: string | undefined): boolean => text !== undefined && encodeText(text).length > MAX_NAME
  if (isLong(table) || isLong(chain) || isLong(name) || (userdata?.length ?? 0) > MAX_USERDATA) refuse(ERRNO.ERANGE)
}

type Lengthy = Partial<Record<'table' | 'chain' | 'name', string | undefined>> & { userdata?: Uint8Array | undefined }

/** Completes one change when the batch is committed. Returns its notifications. */
type Event = (tell: (asked: Message) => Teller) => readonly Uint8Array[]

/** Identifies a table among all. */
export const tableKey = (table: NftTable): string => `${table.family.name} ${table.name}`

/** Changes that take effect together. They are made one after the other, and rolled back if any is refused. */
export class Changes {
  readonly #all: NftTables
  readonly #sets: SetNames
  readonly #journal = new Journal()
  readonly #events: Event[] = []
  /** Tables with new rules that jump, or that are allowed only at some hooks: these need {@link checkReached}. */
  readonly #doubtful: Set<string>
  readonly #isReplay: boolean

  /** @param doubtful tables that are checked after every rule, to find the one that is refused */
  constructor(all: NftTables, sets: SetNames, doubtful?: ReadonlySet<string>) {
    this.#all = all
    this.#sets = sets
    this.#doubtful = new Set(doubtful)
    this.#isReplay = doubtful !== undefined
  }

  get isEmpty(): boolean {
    return this.#events.length === 0
  }

  /** The tables to check after every rule in a second run, if a check of them fails now; undefined if none fails. */
  wrong(): ReadonlySet<string> | undefined {
    const isWrong = this.#all.tables.some((one) => this.#doubtful.has(tableKey(one)) && checkReached(one) !== undefined)
    return isWrong ? this.#doubtful : undefined
  }

  rollBack(): void {
    this.#journal.rollBack()
  }

  /** Completes the changes. @returns the notifications that were requested */
  finish(tell: (asked: Message) => Teller): Uint8Array[] {
    return this.#events.flatMap((event) => [...event(tell)])
  }

  newTable({ family, flags, message }: Asked, { name, flags: wanted, unknown }: TableValues): void {
    const taken = takenFamily(family)
    if (name === undefined) refuse(ERRNO.EINVAL)
    const known = this.#findTable(family, name)
    if (known !== undefined && (flags & NLM_F_EXCL) !== 0) refuse(ERRNO.EEXIST)
    if (known !== undefined && (flags & NLM_F_REPLACE) !== 0) refuse(ERRNO.EOPNOTSUPP)
    if (((wanted ?? 0) & ~NFT_TABLE_F_DORMANT) !== 0)
      refuse(ERRNO.EOPNOTSUPP, 'the in-process kernel supports no table flag except dormant')
    if (known !== undefined) {
      if (wanted === undefined) return
      if (known.isChanging) refuse(ERRNO.EINVAL)
      if (known.flags === wanted) return
    }
    const table = known ?? this.#makeTable(taken, name, userdataIn(NFTA_TABLE.USERDATA, unknown))
    this.#journal.set(table, 'flags', wanted ?? 0)
    this.#journal.set(table, 'isChanging', known !== undefined)
    this.#note(message, (teller) => {
      table.isChanging = false
      return [teller.tell(messages.newTable, family, tableValues(table), eventFlags(flags))]
    })
  }

  #makeTable(family: Family, name: string, userdata: Uint8Array | undefined): NftTable {
    const handle = ++this.#all.lastHandle
    const table: NftTable = { family, name, handle, flags: 0, isChanging: false, userdata, chains: [], lastHandle: 0n }
    this.#journal.insert(this.#all.tables, this.#all.tables.length, table)
    return table
  }

  deleteTable({ family, flags, message }: Asked, { name, handle }: TableValues): void {
    const wanted = (table: NftTable): boolean =>
      (family === ANY_FAMILY || table.family.domain === family) &&
      (handle === undefined ? (name ?? table.name) === table.name : table.handle === handle)
    const gone = this.#all.tables.filter(wanted)
    const isOne = family !== ANY_FAMILY && (name !== undefined || handle !== undefined)
    if (gone.length === 0 && isOne) refuse(ERRNO.ENOENT)
    for (const table of gone) {
      if (isOne && (flags & NLM_F_NONREC) !== 0 && table.chains.length > 0) refuse(ERRNO.EBUSY)
      for (const chain of table.chains) this.#deleteRules(chain, chain.rules, message)
      for (const chain of [...table.chains]) this.#removeChain(chain, message)
      this.#journal.remove(this.#all.tables, table)
      this.#note(message, (teller) => [teller.tell(messages.deleteTable, table.family.domain, deletedTable(table))])
    }
  }

  newChain({ family, flags, message }: Asked, values: ChainValues): void {
    const { name, handle, policy, flags: wanted } = values
    const table = this.#table(family, values.table)
    if (name === undefined && handle === undefined) refuse(ERRNO.EINVAL)
    const known = handle === undefined ? findChain(table, name) : (chainByHandle(table, handle) ?? refuse(ERRNO.ENOENT))
    if (policy !== undefined) {
      if ((known === undefined ? values.hook : known.hook) === undefined) refuse(ERRNO.EOPNOTSUPP)
      if (policy !== NFT_VERDICT.ACCEPT && policy !== NFT_VERDICT.DROP) refuse(ERRNO.EINVAL)
    }
    if (((wanted ?? 0) & ~CHAIN_BASE) !== 0)
      refuse(ERRNO.EOPNOTSUPP, 'the in-process kernel supports no chain flag except that of base chains')
    if (known === undefined) {
      const chain = this.#makeChain(table, values)
      this.#note(message, (teller) => [teller.tell(messages.newChain, family, chainValues(chain), eventFlags(flags))])
      return
    }
    if ((flags & NLM_F_EXCL) !== 0) refuse(ERRNO.EEXIST)
    if ((flags & NLM_F_REPLACE) !== 0) refuse(ERRNO.EOPNOTSUPP)
    this.#changeChain(known, values)
    this.#note(message, (teller) => {
      known.name = known.nextName ?? known.name
      known.nextName = undefined
      return [teller.tell(messages.newChain, family, chainValues(known), eventFlags(flags))]
    })
  }

  #makeChain(table: NftTable, { name, hook, type, policy, counters, flags, unknown }: ChainValues): NftChain {
    if (name === undefined) refuse(ERRNO.EINVAL)
    const base = hook === undefined ? undefined : takenHook(hook, type)
    if (base === undefined ? flags === CHAIN_BASE : table.isChanging) refuse(ERRNO.EINVAL)
    const counted = base === undefined ? undefined : takenCounters(counters)
    const chain: NftChain = {
      table,
      handle: ++table.lastHandle,
      name,
      nextName: undefined,
      hook: base,
      policy: policy ?? NFT_VERDICT.ACCEPT,
      counters: counted,
      userdata: userdataIn(NFTA_CHAIN.USERDATA, unknown),
      rules: [],
      use: 0,
    }
    this.#journal.insert(table.chains, table.chains.length, chain)
    return chain
  }

  #changeChain(chain: NftChain, { name, handle, hook, type, policy, counters, flags }: ChainValues): void {
    if (flags !== undefined && flags !== (chain.hook === undefined ? 0 : CHAIN_BASE)) refuse(ERRNO.EOPNOTSUPP)
    if (hook !== undefined) checkSameHook(chain, hook, type)
    const isRenamed = handle !== undefined && name !== undefined
    if (isRenamed && chain.table.chains.some((one) => one.name === name || one.nextName === name)) refuse(ERRNO.EEXIST)
    if (counters !== undefined && chain.hook === undefined) refuse(ERRNO.EOPNOTSUPP)
    if (counters !== undefined) this.#journal.set(chain, 'counters', takenCounters(counters))
    if (isRenamed) this.#journal.set(chain, 'nextName', name)
    if (policy !== undefined) this.#journal.set(chain, 'policy', policy)
  }

  deleteChain({ family, flags, message }: Asked, { table, name, handle }: ChainValues): void {
    const from = this.#table(family, table)
    if (name === undefined && handle === undefined) refuse(ERRNO.EINVAL)
    const chain = (handle === undefined ? findChain(from, name) : chainByHandle(from, handle)) ?? refuse(ERRNO.ENOENT)
    if ((flags & NLM_F_NONREC) !== 0 && chain.use > 0) refuse(ERRNO.EBUSY)
    // Jumps of its own rules to itself count too.
    const isUsed = chain.use > chain.rules.filter(({ isGone }) => !isGone).length
    this.#deleteRules(chain, chain.rules, message)
    if (isUsed) refuse(ERRNO.EBUSY)
    this.#removeChain(chain, message)
  }

  #removeChain(chain: NftChain, message: Message): void {
    const { table, name, handle } = chain
    this.#journal.remove(table.chains, chain)
    const values = { table: table.name, name, handle }
    this.#note(message, (teller) => [teller.tell(messages.deleteChain, table.family.domain, values)])
  }

  newRule({ family, flags, message }: Asked, values: RuleValues): void {
    const table = this.#table(family, values.table)
    const chain = this.#chain(table, values.chain)
    const replaced = values.handle === undefined ? undefined : this.#replaced(chain, values.handle, flags)
    if (replaced === undefined && ((flags & NLM_F_CREATE) === 0 || (flags & NLM_F_REPLACE) !== 0)) refuse(ERRNO.EINVAL)
    const handle = replaced?.handle ?? ++table.lastHandle
    const beside = replaced ?? (values.position === undefined ? undefined : placeOf(chain, values.position))
    const expressions = this.#expressions(chain, values)
    if (replaced?.isGone) refuse(ERRNO.ENOENT)
    const userdata = values.userdata?.length === 0 ? undefined : values.userdata
    const rule: NftRule = { handle, expressions, userdata, isGone: false }
    if (replaced !== undefined) this.#deleteRules(chain, [replaced], message, ruleEventFlags(flags))
    this.#insert(chain, rule, beside, replaced !== undefined || (flags & NLM_F_APPEND) !== 0)
    this.#note(message, (teller) => {
      const { rules } = chain
      const at = rules.indexOf(rule)
      const before = at === rules.length - 1 ? undefined : rules[at - 1]
      return [teller.tell(messages.newRule, family, ruleValues(chain, rule, before), ruleEventFlags(flags))]
    })
    if (this.#isReplay && this.#doubtful.has(tableKey(table))) {
      const errno = checkReached(table)
      if (errno !== undefined) refuse(errno)
    } else if (expressions.some(({ jump, check }) => jump !== undefined || check !== undefined))
      this.#doubtful.add(tableKey(table))
  }

  #replaced(chain: NftChain, handle: bigint, flags: number): NftRule {
    const rule = placeOf(chain, handle)
    if ((flags & NLM_F_EXCL) !== 0) refuse(ERRNO.EEXIST)
    return (flags & NLM_F_REPLACE) === 0 ? refuse(ERRNO.EOPNOTSUPP) : rule
  }

  #expressions(chain: NftChain, { expressions, compat }: RuleValues): KeptExpression[] {
    const list: Expression[] = []
    if (expressions !== undefined) expressionList.each(expressions, (one) => list.push(one))
    const { family } = chain.table
    return takeExpressions(list, {
      family,
      chain,
      chainToGoTo: (name) => {
        const to = findChain(chain.table, name) ?? refuse(ERRNO.ENOENT)
        return to.hook === undefined ? to : refuse(ERRNO.EOPNOTSUPP)
      },
      compat: (one) => takeCompat(one, { family, chain, said: compat, sets: this.#sets }),
    })
  }

  #insert(chain: NftChain, rule: NftRule, beside: NftRule | undefined, isBehind: boolean): void {
    const { rules } = chain
    const at = beside === undefined ? (isBehind ? rules.length : 0) : rules.indexOf(beside) + (isBehind ? 1 : 0)
    this.#journal.insert(rules, at, rule)
    this.#use(chain, 1)
    for (const { jump } of rule.expressions) if (jump !== undefined) this.#use(jump, 1)
  }

  #use(chain: NftChain, more: 1 | -1): void {
    this.#journal.set(chain, 'use', chain.use + more)
  }

  deleteRule({ family, message }: Asked, { table, chain, handle }: RuleValues): void {
    const from = this.#table(family, table)
    const chains = chain === undefined ? from.chains : [this.#chain(from, chain)]
    for (const one of chains)
      this.#deleteRules(one, chain === undefined || handle === undefined ? one.rules : [ruleOf(one, handle)], message)
  }

  /** Deleted rules stay in their chain, marked, until the batch is committed. */
  #deleteRules(chain: NftChain, rules: readonly NftRule[], message: Message, told = 0): void {
    for (const rule of rules) {
      if (rule.isGone) continue
      this.#journal.set(rule, 'isGone', true)
      this.#use(chain, -1)
      for (const { jump } of rule.expressions) if (jump !== undefined) this.#use(jump, -1)
      this.#note(message, (teller) => {
        const values = ruleValues(chain, rule, undefined)
        chain.rules.splice(chain.rules.indexOf(rule), 1)
        return [teller.tell(messages.deleteRule, chain.table.family.domain, values, told)]
      })
    }
  }

  /** @param event completes the change, and returns its notifications, which are sent only on request */
  #note(message: Message, event: (teller: Teller) => readonly Uint8Array[]): void {
    this.#events.push((tell) => {
      const told = event(tell(message))
      return (message.flags & NLM_F_ECHO) === 0 ? [] : told
    })
  }

  #findTable(family: number, name: string | undefined): NftTable | undefined {
    return this.#all.tables.find((table) => table.family.domain === family && table.name === name)
  }

  #table(family: number, name: string | undefined): NftTable {
    if (name === undefined) refuse(ERRNO.EINVAL)
    return this.#findTable(family, name) ?? refuse(ERRNO.ENOENT)
  }

  #chain(table: NftTable, name: string | undefined): NftChain {
    if (name === undefined) refuse(ERRNO.EINVAL)
    return findChain(table, name) ?? refuse(ERRNO.ENOENT)
  }
}

const findChain = ({ chains }: NftTable, name: string | undefined): NftChain | undefined =>
  chains.find((chain) => chain.name === name)

const chainByHandle = ({ chains }: NftTable, handle: bigint): NftChain | undefined =>
  chains.find((chain) => chain.handle === handle)

const ruleOf = ({ rules }: NftChain, handle: bigint): NftRule =>
  rules.find((rule) => rule.handle === handle && !rule.isGone) ?? refuse(ERRNO.ENOENT)

/** Also finds a rule that the same batch has deleted. */
const placeOf = ({ rules }: NftChain, handle: bigint): NftRule =>
  rules.find((rule) => rule.handle === handle) ?? refuse(ERRNO.ENOENT)

const deletedTable = ({ name, handle }: NftTable): TableValues => ({ name, use: 0, handle })

function takenHook({ number, priority }: NonNullable<ChainValues['hook']>, type = 'filter'): BaseHook {
  if (number === undefined || priority === undefined) refuse(ERRNO.ENOENT)
  const hooks = CHAIN_TYPES[type] ?? refuse(ERRNO.ENOENT)
  if (!hooks.some((hook) => HOOKS.indexOf(hook) === number)) refuse(ERRNO.EOPNOTSUPP)
  if (type === 'nat' && priority <= BEFORE_CONNECTIONS) refuse(ERRNO.EOPNOTSUPP)
  return { number, priority, type }
}

/** Checks that a chain has the hook and type that a request contains. @throws NftFailure */
function checkSameHook({ hook }: NftChain, said: NonNullable<ChainValues['hook']>, type: string | undefined): void {
  if (hook === undefined) refuse(ERRNO.EEXIST)
  const { number = hook.number, priority = hook.priority } = said
  if (number !== hook.number || priority !== hook.priority) refuse(ERRNO.EOPNOTSUPP)
  if (type !== undefined && !Object.hasOwn(CHAIN_TYPES, type)) refuse(ERRNO.ENOENT)
  const isWhole = said.number !== undefined && said.priority !== undefined
  if (!isWhole || (type ?? hook.type) !== hook.type) refuse(ERRNO.EEXIST)
}

function takenCounters(counters: ChainValues['counters']): ChainCounters | undefined {
  if (counters === undefined) return undefined
  const { packets, bytes } = counters
  return packets === undefined || bytes === undefined ? refuse(ERRNO.EINVAL) : { packets, bytes }
}
