/** From a table as it was read to what it is to become: the messages that make the difference, and nothing else. */
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
import { compatOf, writeRule } from '../../nft/rule'
import { readVerdict, targetPart } from '../../ruleset/entry'
import { type Chain, countersOf, type Entry, orderedChains, type Ruleset } from '../../ruleset/ruleset'
import type { KernelChain, TableReading } from './reading'
import { type HandleOf, type RuleEdits, ruleEdits } from './rule-edits'

/** A message, and what it is about. */
export interface ChangeRequest {
  readonly request: Request
  /** The rule, else the chain, else the table. */
  readonly place: RulePlace
  /** The rule that it adds. */
  readonly added: Entry | undefined
}

export interface Changes {
  readonly requests: readonly ChangeRequest[]
  /** As {@link RuleEdits.kept}, of all chains. */
  readonly kept: readonly (readonly [Entry, number])[]
}

/** Of more rules than these, it costs less to read the table again than to be told the handle of each. */
const MAX_ECHOED = 64

/**
 * @param isOurs whether the table has nothing in it but what was read
 * @throws RuleError for a rule that cannot be said in nf_tables
 */
export function changesOf(from: TableReading, to: Ruleset, handleOf: HandleOf, isOurs: () => boolean): Changes {
  const writer = new Writer(from, to)
  const plans = planOf(from, to, handleOf)
  writer.write(plans)
  if (to.isCleared && from.handle !== undefined && !plans.some(isUsed) && isOurs()) writer.removeTable()
  return { requests: writer.requests, kept: plans.flatMap(({ edits }) => edits.kept) }
}

/** A chain of the ruleset that is to be, and what it was. */
interface ChainPlan {
  readonly to: Chain
  readonly from: Chain | undefined
  /** Undefined where the kernel has none yet. */
  readonly kernel: KernelChain | undefined
  /** What a built-in chain is before somebody uses it. */
  readonly unused: Chain | undefined
  readonly edits: RuleEdits
}

function planOf({ ruleset, chains }: TableReading, to: Ruleset, handleOf: HandleOf): ChainPlan[] {
  const wanted = orderedChains(to)
  const sources = sourcesOf(ruleset, wanted)
  const names = new Set(wanted.map(({ name }) => name))
  // A name is free when the chain that had it is gone; where that has another, only when the batch is over.
  const isRemade = (i: number): boolean => sources[i] !== wanted[i]?.name && names.has(sources[i] ?? '')
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

/** What chains are called as they were read; undefined for those that are new. */
function sourcesOf({ chains }: Ruleset, wanted: readonly Chain[]): (string | undefined)[] {
  const read = new Map([...chains.values()].map(({ identity, name }) => [identity, name]))
  // A built-in chain is what it is by its name.
  const known = wanted.map(({ hook, identity, name }) => (hook === undefined ? read.get(identity) : name))
  const taken = new Set(known)
  return wanted.map(({ name }, i) => known[i] ?? (taken.has(name) ? undefined : name))
}

/** Whether two chains have the same policy, which has counted the same. */
const sameEnd = ({ tail }: Chain, from: Chain | undefined): boolean =>
  tail === from?.tail || (tail?.jump === from?.tail?.jump && same(tail?.bytes, from?.tail?.bytes))

/** Whether a chain has to be there: a built-in one that nobody uses has not. */
const isUsed = ({ to, unused }: ChainPlan): boolean =>
  unused === undefined || !to.isUnused || to.rules.length > 0 || !sameEnd(to, unused)

/** A chain that nobody has used so far is made when somebody does. */
const isNeeded = (plan: ChainPlan): boolean => plan.kernel === undefined && isUsed(plan)

type Compat = ReturnType<typeof compatOf>
type ChainPlace = Omit<RulePlace, 'table'>

class Writer {
  readonly requests: ChangeRequest[] = []
  readonly #from: TableReading
  readonly #family: Family
  readonly #table: TableName
  readonly #templates = new Map<string, RequestTemplate>()
  /** What chains are called until the batch is over, of those that get another name. */
  readonly #oldNames = new Map<string, string>()

  constructor(from: TableReading, to: Ruleset) {
    this.#from = from
    this.#family = to.family
    this.#table = to.table as TableName
  }

  write(plans: readonly ChainPlan[]): void {
    const count = plans.reduce((sum, { edits }) => sum + edits.added.length, 0)
    const isTableNeeded = this.#from.handle === undefined && plans.some(isNeeded)
    if (isTableNeeded) this.#say(messages.newTable, { name: this.#table }, NLM_F_CREATE, {})
    // What names something goes before it, and comes after it.
    for (const plan of plans) this.#removeRules(plan)
    this.#removeChains(plans)
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

  #removeChains(plans: readonly ChainPlan[]): void {
    const staying = new Set(plans.map(({ from }) => from?.name))
    const gone = [...this.#from.ruleset.chains.values()].filter(({ name }) => !staying.has(name))
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

  /** By which name the kernel knows a chain as long as the batch lasts. */
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

  /** What a policy has counted stays, unless it is to begin with something else. */
  #setPolicy({ name, tail }: Chain, from: Chain | undefined, { counts }: KernelChain): void {
    const [now, before] = [tail as Entry, from?.tail as Entry]
    const isCounted = countersOf(this.#family, before).some((count) => count > 0n)
    const begins = now.continues === undefined || (now.isZeroed && isCounted) || !counts
    if (!begins && this.#policyOf(now) === this.#policyOf(before)) return
    const values = { table: this.#table, name, policy: this.#policyOf(now), ...(begins && this.#counters(now)) }
    this.#say(messages.newChain, values, 0, { chain: name })
  }

  #addRules({ to: { name: chain }, edits }: ChainPlan, echo: number): void {
    for (const { entry, position, before } of edits.added) {
      const place = { chain, position }
      const expressions = this.#encode(entry, place)
      const flags = NLM_F_CREATE | echo | (before === undefined ? NLM_F_APPEND : 0)
      const template = this.#template(this.#nameNow(chain), flags, compatOf(this.#family, entry), before)
      this.#add(template.completed(expressions), place, entry)
    }
  }

  /** What most rules that are added to a chain have in common: they differ in their expressions alone. */
  #template(chain: string, flags: number, compat: Compat, before: number | undefined): RequestTemplate {
    const { proto, flags: inverted } = compat
    const key = `${flags} ${proto} ${inverted} ${chain}`
    const known = before === undefined ? this.#templates.get(key) : undefined
    if (known !== undefined) return known
    const template = requestTemplate(messages.newRule, flags, nfHead(this.#family.domain), {
      table: this.#table,
      chain,
      compat,
      ...(before !== undefined && { position: BigInt(before) }),
      expressions: { bytes: new Uint8Array(), at: 0, end: 0 },
    })
    if (before === undefined) this.#templates.set(key, template)
    return template
  }

  /** @throws RuleError for a rule that cannot be said */
  #encode(entry: Entry, place: ChainPlace): Uint8Array {
    try {
      const { jump } = entry
      const said = jump === undefined || jump === '' ? entry : { ...entry, jump: this.#nameNow(jump) }
      return writeRule(this.#family, said, countersOf(this.#family, entry))
    } catch (error) {
      if (!(error instanceof XtablesError)) throw error
      const { extension, parameter, message } = error
      throw new RuleError({ table: this.#table, ...place, extension, parameter }, message, { cause: error })
    }
  }
}
