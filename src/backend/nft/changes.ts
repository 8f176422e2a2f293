/** Computes the messages that turn a table as it was read into the one to be written. What is equal is not touched. */
import type { Family } from '../../abi/family'
import { HOOKS, type Hook, type TableName, VERDICTS } from '../../abi/netfilter'
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_ECHO, NLM_F_EXCL } from '../../abi/netlink'
import { baseChain, NFT_VERDICT } from '../../abi/nf-tables'
import { RuleError, type RulePlace, XtablesError } from '../../errors'
import { same } from '../../extensions/values/value'
import {
  type MessageType,
  type NfHead,
  nfHead,
  type Request,
  type RequestTemplate,
  request,
  requestTemplate,
} from '../../netlink/message'
import { messages } from '../../nft/messages'
import { compatOf } from '../../nft/rule'
import type { RuleWriter } from '../../nft/rule-template'
import { readVerdict, targetPart } from '../../ruleset/entry'
import { LayeredMap } from '../../ruleset/layered-map'
import { type Chain, countersOf, inOrder, type Ruleset } from '../../ruleset/ruleset'
import type { Entry } from '../../ruleset/table-entry'
import type { KernelChain, TableReading } from './read-table'
import { type HandleOf, type RuleEdits, ruleEdits } from './rule-edits'

/** A message, and what it changes. */
export interface ChangeRequest {
  readonly request: Request
  /** The place of the rule, or else of the chain or the table. */
  readonly place: RulePlace
  /** The rule that it adds. */
  readonly added: Entry | undefined
}

export interface Changes {
  readonly requests: readonly ChangeRequest[]
  /** As {@link RuleEdits.kept}, of all chains. */
  readonly kept: readonly (readonly [Entry, number])[]
}

/** With more new rules than this, reading the table again is cheaper than having the kernel echo the handle of each. */
const MAX_ECHOED = 64

/**
 * @param isOurs whether the table contains only the chains that were read
 * @throws RuleError for a rule that nf_tables cannot express
 */
export function changesOf(
  from: TableReading,
  to: Ruleset,
  rules: RuleWriter,
  handleOf: HandleOf,
  isOurs: () => boolean,
): Changes {
  const writer = new Writer(from, to, rules)
  const names = changedNames(from, to)
  const plans = planOf(from, to, names, handleOf)
  writer.write(plans, chainsOf(from.ruleset, names))
  if (to.isCleared && from.handle !== undefined && !plans.some(isUsed) && isOurs()) writer.removeTable()
  return { requests: writer.requests, kept: plans.flatMap(({ edits }) => edits.kept) }
}

/** A chain to be written, and what it was before. */
interface ChainPlan {
  readonly to: Chain
  readonly from: Chain | undefined
  /** Undefined if the kernel does not have the chain yet. */
  readonly kernel: KernelChain | undefined
  /** A built-in chain as it is before it is used; undefined for a user-defined chain. */
  readonly unused: Chain | undefined
  readonly edits: RuleEdits
}

/** The names of chains that are changed, new or gone; all names if a chain is renamed, or the table is cleared. */
function changedNames({ ruleset }: TableReading, to: Ruleset): readonly string[] {
  const names = LayeredMap.differences(to.chains, ruleset.chains)
  const chains = chainsOf(to, names)
  // The old name of a renamed chain is among the differences too.
  const isRenamed = sourcesOf(chainsOf(ruleset, names), chains).some((source, i) => source !== chains[i]?.name)
  return isRenamed || to.isCleared ? [...new Set([...to.chains.keys(), ...ruleset.chains.keys()])] : names
}

const chainsOf = ({ chains }: Ruleset, names: readonly string[]): Chain[] =>
  names.flatMap((name) => chains.get(name) ?? [])

function planOf(from: TableReading, to: Ruleset, names: readonly string[], handleOf: HandleOf): ChainPlan[] {
  const { ruleset, chains } = from
  const wanted = inOrder(chainsOf(to, names), to.isSorted)
  const sources = sourcesOf(chainsOf(ruleset, names), wanted)
  const taken = new Set(wanted.map(({ name }) => name))
  // Deleting a chain frees its name at once; renaming it frees the old name only when the batch is committed.
  const isRemade = (i: number): boolean => sources[i] !== wanted[i]?.name && taken.has(sources[i] ?? '')
  const remade = new Set(wanted.filter((_, i) => isRemade(i)).map(({ name }) => name))
  return wanted.map((chain, i) => {
    const origin = isRemade(i) ? undefined : sources[i]
    const from = origin === undefined ? undefined : ruleset.chains.get(origin)
    const kernel = origin === undefined ? undefined : chains.get(origin)
    const unused = chain.hook && ruleset.unusedChain?.(chain.hook)
    const edits = ruleEdits(to.family, from?.rules, chain.rules, handleOf, remade)
    return { to: chain, from, kernel, unused, edits }
  })
}

/** The names that the chains had when they were read; undefined for new ones. */
function sourcesOf(before: readonly Chain[], wanted: readonly Chain[]): (string | undefined)[] {
  const read = new Map(before.map(({ identity, name }) => [identity, name]))
  // A built-in chain is identified by its name.
  const known = wanted.map(({ hook, identity, name }) => (hook === undefined ? read.get(identity) : name))
  const taken = new Set(known)
  return wanted.map(({ name }, i) => known[i] ?? (taken.has(name) ? undefined : name))
}

/** Whether two chains have the same policy with the same counters. */
const sameEnd = ({ tail }: Chain, from: Chain | undefined): boolean =>
  tail === from?.tail || (tail?.jump === from?.tail?.jump && same(tail?.bytes, from?.tail?.bytes))

/** Whether the kernel must have the chain. It need not have a built-in chain that is not used. */
const isUsed = ({ to, unused }: ChainPlan): boolean =>
  unused === undefined || !to.isUnused || to.rules.length > 0 || !sameEnd(to, unused)

/** Whether the kernel lacks a chain that it must have: a new one, or a built-in one that was not used before. */
const isNeeded = (plan: ChainPlan): boolean => plan.kernel === undefined && isUsed(plan)

type Compat = ReturnType<typeof compatOf>
type ChainPlace = Omit<RulePlace, 'table'>

class Writer {
  readonly requests: ChangeRequest[] = []
  readonly #from: TableReading
  readonly #family: Family
  readonly #table: TableName
  readonly #rules: RuleWriter
  /** The old names of renamed chains, by their new names. The old ones are valid until the batch is committed. */
  readonly #oldNames = new Map<string, string>()

  constructor(from: TableReading, to: Ruleset, rules: RuleWriter) {
    this.#from = from
    this.#rules = rules
    this.#family = to.family
    this.#table = to.table as TableName
  }

  /** @param old the changed chains as they were read */
  write(plans: readonly ChainPlan[], old: readonly Chain[]): void {
    const count = plans.reduce((sum, { edits }) => sum + edits.added.length, 0)
    const isTableNeeded = this.#from.handle === undefined && plans.some(isNeeded)
    if (isTableNeeded) this.#say(messages.newTable, { name: this.#table }, NLM_F_CREATE, {})
    // Jumps are deleted before the chains that they name, and added after them.
    for (const plan of plans) this.#removeRules(plan)
    this.#removeChains(plans, old)
    this.#renameChains(plans)
    for (const plan of plans) this.#makeChain(plan)
    for (const plan of plans) this.#addRules(plan, count <= MAX_ECHOED ? NLM_F_ECHO : 0)
  }

  removeTable(): void {
    this.#say(messages.deleteTable, { name: this.#table }, 0, {})
  }

  #say<V>(kind: MessageType<NfHead, V>, values: V, flags: number, place: ChainPlace): void {
    this.#add(request(kind, flags, nfHead(this.#family.domain), values), place)
  }

  #add(request: Request, { chain, position }: ChainPlace, added: Entry | undefined = undefined): void {
    this.requests.push({ request, place: { table: this.#table, chain, position }, added })
  }

  #removeRules({ from, edits: { removed } }: ChainPlan): void {
    if (from === undefined || removed.length === 0) return
    const { name: chain, rules } = from
    if (removed.length === rules.length) this.#say(messages.deleteRule, { table: this.#table, chain }, 0, { chain })
    else
      for (const handle of removed)
        this.#say(messages.deleteRule, { table: this.#table, chain, handle: BigInt(handle) }, 0, { chain })
  }

  #removeChains(plans: readonly ChainPlan[], old: readonly Chain[]): void {
    const staying = new Set(plans.map(({ from }) => from?.name))
    const gone = old.filter(({ name }) => !staying.has(name))
    for (const { name: chain, rules } of gone)
      if (rules.length > 0) this.#say(messages.deleteRule, { table: this.#table, chain }, 0, { chain })
    const left = plans.filter((plan) => plan.kernel !== undefined && !isUsed(plan)).map(({ to }) => to)
    for (const { name: chain } of [...gone, ...left])
      this.#say(messages.deleteChain, { table: this.#table, name: chain }, 0, { chain })
  }

  #renameChains(plans: readonly ChainPlan[]): void {
    for (const { to, from, kernel } of plans) {
      if (kernel === undefined || from === undefined || from.name === to.name) continue
      this.#say(messages.newChain, { table: this.#table, name: to.name, handle: kernel.handle }, 0, { chain: to.name })
      this.#oldNames.set(to.name, from.name)
    }
  }

  /** The name by which the kernel knows a chain during the batch. */
  #nameNow(chain: string): string {
    return this.#oldNames.get(chain) ?? chain
  }

  #makeChain(plan: ChainPlan): void {
    const { to, from, kernel } = plan
    const values = { table: this.#table, name: to.name }
    const place = { chain: to.name }
    if (to.hook === undefined) {
      if (kernel === undefined) this.#say(messages.newChain, values, NLM_F_CREATE | NLM_F_EXCL, place)
    } else if (kernel !== undefined) {
      if (!isUsed(plan)) return
      if (to.tail !== from?.tail) this.#setPolicy(to, from, kernel)
    } else if (isNeeded(plan))
      this.#say(messages.newChain, { ...values, ...this.#hooked(to, to.hook) }, NLM_F_CREATE, place)
  }

  #hooked({ tail }: Chain, hook: Hook) {
    const { type, priority } = baseChain(this.#table, hook)
    const policy = { policy: this.#policyOf(tail as Entry) }
    const isPlain = tail === this.#from.ruleset.chains.get(hook)?.tail
    return {
      hook: { number: HOOKS.indexOf(hook), priority },
      ...policy,
      type,
      ...(!isPlain && this.#counters(tail as Entry)),
    }
  }

  #policyOf({ bytes }: Entry): number {
    const verdict = readVerdict(bytes, targetPart(this.#family, bytes, 0))
    return verdict === VERDICTS.DROP ? NFT_VERDICT.DROP : NFT_VERDICT.ACCEPT
  }

  #counters(entry: Entry) {
    const [packets, bytes] = countersOf(this.#family, entry)
    return { counters: { bytes, packets } }
  }

  /** The policy keeps its counters, unless it must start with others. */
  #setPolicy({ name, tail }: Chain, from: Chain | undefined, { counts }: KernelChain): void {
    const [now, before] = [tail as Entry, from?.tail as Entry]
    const isCounted = countersOf(this.#family, before).some((count) => count > 0n)
    const begins = now.continues === undefined || (now.isZeroed && isCounted) || !counts
    if (!begins && this.#policyOf(now) === this.#policyOf(before)) return
    const values = { table: this.#table, name, policy: this.#policyOf(now), ...(begins && this.#counters(now)) }
    this.#say(messages.newChain, values, 0, { chain: name })
  }

  #addRules({ to: { name }, edits }: ChainPlan, echo: number): void {
    const [chain, flags] = [this.#nameNow(name), NLM_F_CREATE | echo]
    const appending = this.#appending(chain, flags)
    for (const { entry, position, before } of edits.added) {
      const place = { chain: name, position }
      const expressions = this.#encode(entry, place)
      const compat = compatOf(this.#family, entry)
      const template = before === undefined ? appending(compat) : this.#newRule(chain, flags, compat, before)
      this.#add(template.completed(expressions), place, entry)
    }
  }

  /** Templates for appended rules: apart from their expressions, most rules of a chain have the same message. */
  #appending(chain: string, flags: number): (compat: Compat) => RequestTemplate {
    const templates = new Map<number, RequestTemplate>()
    return (compat) => {
      const key = (compat.proto << 8) | compat.flags
      const known = templates.get(key)
      if (known !== undefined) return known
      const template = this.#newRule(chain, flags | NLM_F_APPEND, compat)
      templates.set(key, template)
      return template
    }
  }

  #newRule(chain: string, flags: number, compat: Compat, before?: number): RequestTemplate {
    return requestTemplate(messages.newRule, flags, nfHead(this.#family.domain), {
      table: this.#table,
      chain,
      compat,
      ...(before !== undefined && { position: BigInt(before) }),
      expressions: { bytes: new Uint8Array(), at: 0, end: 0 },
    })
  }

  /** @throws RuleError for a rule that nf_tables cannot express */
  #encode(entry: Entry, place: ChainPlace): Uint8Array {
    try {
      const { jump } = entry
      const said = jump === undefined || jump === '' ? entry : { ...entry, jump: this.#nameNow(jump) }
      return this.#rules.write(said, countersOf(this.#family, entry))
    } catch (error) {
      if (!(error instanceof XtablesError)) throw error
      const { extension, parameter, message } = error
      throw new RuleError('XT_NO_NFT_FORM', { table: this.#table, ...place, extension, parameter }, message, {
        cause: error,
      })
    }
  }
}
