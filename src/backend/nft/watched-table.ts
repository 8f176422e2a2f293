/**
 * A model of a watched table: the names and policies of its chains, and the order of their rules. The kernel's notifications
 * contain neither the old name of a renamed chain nor the position of a rule.
 */
import type { Family } from '../../abi/family'
import { HOOKS, type Hook } from '../../abi/netfilter'
import { NLM_F_APPEND } from '../../abi/netlink'
import { NFT_TABLE_F_DORMANT, NFT_VERDICT } from '../../abi/nf-tables'
import { ConflictError, MessageError } from '../../errors'
import type { Encoded } from '../../netlink/attribute'
import { type Message, readMessage } from '../../netlink/message'
import { type ChainValues, messages, type RuleValues } from '../../nft/messages'
import { type Author, isAfter, type NoticeBatch } from '../../nft/notices'
import type { Sliced } from '../../time-slices'
import type { NftClient, TableDump } from './client'
import { PATIENCE_MS, standBack } from './read-table'
import { OrderChanges, RuleOrder } from './rule-order'

/**
 * When a change took effect, and who made it.
 * @since 0.1.0
 */
interface Made {
  /** The generation of nf_tables. Changes with the same number took effect together. */
  readonly generation: number
  /** Who made it. */
  readonly by: Author
}

interface RuleAt {
  /** The chain that the rule is in. */
  readonly chain: string
  /** The rule's handle in nf_tables, which is unique in its table. */
  readonly handle: number
  /**
   * Its position in the chain, from 0: after all changes of the generation or, for a deleted rule, before them. Undefined if
   * it is not known: because the table is still being read, or because the notifications of the kernel are ambiguous.
   */
  readonly position: number | undefined
}

/**
 * A change of one rule.
 * @since 0.1.0
 */
export interface RuleChange<R> extends Made, RuleAt {
  /** The rule, as an object that belongs to no table. */
  readonly rule: R
}

/**
 * A change of one chain.
 * @since 0.1.0
 */
export interface ChainChange extends Made {
  /** The name of the chain. */
  readonly chain: string
  /** The hook of the chain; undefined for a chain that packets reach only through rules. */
  readonly hook: Hook | undefined
  /** The policy of a hooked chain; undefined for any other. */
  readonly policy: 'ACCEPT' | 'DROP' | undefined
}

/**
 * A change of an nf_tables table. Counting packets or setting counters is not a change; deleting a rule and adding it again
 * with other counters is one.
 * @typeParam R - {@link Rule} or {@link Rule6}
 * @since 0.1.0
 */
export type TableChange<R> =
  | ({
      /** A rule was added. */
      readonly kind: 'rule-added'
    } & RuleChange<R>)
  | ({
      /** A rule was deleted. */
      readonly kind: 'rule-deleted'
    } & RuleChange<R>)
  | ({
      /** A rule was replaced by another. */
      readonly kind: 'rule-replaced'
      /** The old rule. */
      readonly replaced: R
    } & RuleChange<R>)
  | ({
      /** A chain was created. */
      readonly kind: 'chain-added'
    } & ChainChange)
  | ({
      /** A chain was deleted. */
      readonly kind: 'chain-deleted'
    } & ChainChange)
  | ({
      /** A chain was renamed. Rules that jump to it follow, without a change of their own. */
      readonly kind: 'chain-renamed'
      /** The old name. */
      readonly from: string
    } & ChainChange)
  | ({
      /** The policy of a built-in chain was changed. */
      readonly kind: 'policy-changed'
    } & ChainChange)
  | ({
      /** The table was created, or deleted with all its contents. */
      readonly kind: 'table-added' | 'table-deleted'
    } & Made)
  | ({
      /** `nft` made the table dormant, or active again. No packet reaches a dormant table. */
      readonly kind: 'table-changed'
      /** Whether the table is dormant. */
      readonly isDormant: boolean
    } & Made)

type TableNotice =
  | { readonly kind: 'table-added' | 'table-deleted' }
  | { readonly kind: 'table-changed'; readonly isDormant: boolean }

interface MirrorChain {
  readonly name: string
  readonly handle: bigint
  readonly hook: Hook | undefined
  readonly policy: ChainChange['policy']
  /** Undefined while the order of the rules is not known. */
  rules: RuleOrder | undefined
}

const mirrorChain = ({ name = '', handle = 0n, hook, policy }: ChainValues, rules?: RuleOrder): MirrorChain => ({
  name,
  handle,
  hook: hook && HOOKS[hook.number ?? -1],
  policy: policy === undefined ? undefined : policy === NFT_VERDICT.DROP ? 'DROP' : 'ACCEPT',
  rules,
})

const told = ({ name, hook, policy }: MirrorChain) => ({ chain: name, hook, policy })

export class WatchedTable<R> {
  readonly #client: NftClient
  readonly #family: Family
  readonly #table: string
  readonly #ruleOf: (expressions: Encoded) => R
  readonly #chains = new Map<string, MirrorChain>()
  /** The names of the same chains, by handle. */
  readonly #names = new Map<bigint, string>()
  /** The generation at which the chains were read. */
  #generation: number
  /** The generation of the last batch that was processed. */
  #told: number
  /** The table's handle; undefined if there is no table. */
  #handle: bigint | undefined
  /** The rules as read at a later generation, until the batches up to it have been processed. */
  #read: { readonly generation: number; readonly orders: ReadonlyMap<string, RuleOrder> } | undefined

  /** Reads only the chains, because there may be many rules. @throws UnsupportedError, PermissionError, ConflictError */
  constructor(client: NftClient, family: Family, table: string, ruleOf: (expressions: Encoded) => R) {
    this.#client = client
    this.#family = family
    this.#table = table
    this.#ruleOf = ruleOf
    const { generation, table: there, chains } = this.#readChains()
    this.#generation = generation
    this.#told = generation
    this.#handle = there?.handle
    for (const chain of chains) this.#note(mirrorChain(chain))
  }

  #note(chain: MirrorChain): void {
    this.#chains.set(chain.name, chain)
    this.#names.set(chain.handle, chain.name)
  }

  #forget({ name, handle }: MirrorChain): void {
    this.#chains.delete(name)
    this.#names.delete(handle)
  }

  #readChains(): Omit<TableDump, 'rules'> {
    const end = performance.now() + PATIENCE_MS
    for (;;)
      try {
        return this.#client.dumpChains(this.#table)
      } catch (error) {
        if (!(error instanceof ConflictError) || performance.now() > end) throw error
        standBack()
      }
  }

  /** The generation at which the chains were read. Older batches are ignored. */
  get generation(): number {
    return this.#generation
  }

  /** Whether the order of all rules is known, or will be after the batches up to the reading have been processed. */
  get isOrderKnown(): boolean {
    return this.#read !== undefined || [...this.#chains.values()].every(({ rules }) => rules !== undefined)
  }

  /** Reads the order of all rules. @throws ConflictError if anything changes meanwhile */
  *readRules(): Sliced<void> {
    const { generation, chains, rules: parts } = this.#client.dumpTable(this.#table)
    const orders = new Map(chains.map(({ name = '' }) => [name, new RuleOrder()]))
    for (const rules of parts) {
      for (const { chain = '', handle = 0n } of rules) orders.get(chain)?.append(Number(handle))
      yield
    }
    if (isAfter(this.#told, generation))
      throw new ConflictError(
        'XT_CHANGED_WHILE_READ',
        `table ${this.#table} was changed by another program while its rules were read`,
      )
    this.#read = { generation, orders }
  }

  /**
   * The changes of a batch, in order. Yields undefined in between, where the caller may pause.
   * @throws MessageError
   */
  *changes({ messages: notices, generation, by }: NoticeBatch): Generator<TableChange<R> | undefined, void, void> {
    if (!isAfter(generation, this.#generation)) return
    this.#useRead(generation)
    this.#told = generation
    const made = { generation, by }
    let edits = new RuleEdits(this.#ruleOf, made)
    for (const message of notices) {
      yield
      const change = this.#tableChange(message)
      if (change === undefined) {
        this.#takeChain(message, edits, made)
        this.#takeRule(message, edits)
        continue
      }
      yield* edits.changes()
      yield { ...change, ...made }
      edits = new RuleEdits(this.#ruleOf, made)
      // What follows is about a new table, whose handles start again from 1.
      if (change.kind !== 'table-changed') for (const chain of this.#chains.values()) this.#forget(chain)
    }
    yield* this.#settle()
    yield* edits.changes()
    for (const chain of this.#chains.values()) if (chain.rules?.isInDoubt) chain.rules = undefined
  }

  /** Reads the order of the rules in the chains for which it is in doubt. */
  *#settle(): Generator<undefined, void, void> {
    for (const { handle, rules } of this.#chains.values()) {
      if (!rules?.isInDoubt) continue
      try {
        rules.settle(yield* this.#handlesOf(handle))
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error
      }
    }
  }

  /** The handles of the rules that a chain has now, in order. @throws ConflictError if anything changes meanwhile */
  *#handlesOf(handle: bigint): Generator<undefined, number[], void> {
    const { generation, table, chains } = this.#client.dumpChains(this.#table)
    const chain = chains.find((one) => one.handle === handle)
    const handles: number[] = []
    // The handles of another table of the same name start again from 1.
    if (table?.handle !== this.#handle || chain === undefined) return handles
    for (const rules of this.#client.rulesOf({ table: this.#table, chain: chain.name }, generation)) {
      for (const rule of rules) handles.push(Number(rule.handle))
      yield
    }
    return handles
  }

  /** Uses the rules that were read, if the batch is newer than the reading. */
  #useRead(generation: number): void {
    const read = this.#read
    if (read === undefined || !isAfter(generation, read.generation)) return
    for (const [name, order] of read.orders) {
      const chain = this.#chains.get(name)
      if (chain !== undefined) chain.rules = order
    }
    this.#read = undefined
  }

  /** Undefined if the message is of another kind or family. */
  #valuesOf<V>(
    kind: { type: number } & Parameters<typeof readMessage<unknown, V>>[0],
    message: Message,
  ): V | undefined {
    if (message.type !== kind.type) return undefined
    const { head, values } = readMessage(kind, message)
    return (head as { nfgenFamily: number }).nfgenFamily === this.#family.domain ? values : undefined
  }

  #tableChange(message: Message): TableNotice | undefined {
    if (this.#valuesOf(messages.deleteTable, message)?.name === this.#table) {
      this.#handle = undefined
      return { kind: 'table-deleted' }
    }
    const values = this.#valuesOf(messages.newTable, message)
    if (values?.name !== this.#table) return undefined
    // The kernel sends the same message for a changed table as for a new one.
    if (values.handle === this.#handle)
      return { kind: 'table-changed', isDormant: ((values.flags ?? 0) & NFT_TABLE_F_DORMANT) !== 0 }
    this.#handle = values.handle
    return { kind: 'table-added' }
  }

  #takeChain(message: Message, edits: RuleEdits<R>, made: Made): void {
    const gone = this.#valuesOf(messages.deleteChain, message)
    if (gone?.table === this.#table) {
      const chain = this.#chains.get(gone.name ?? '') ?? mirrorChain(gone)
      this.#forget(chain)
      edits.push({ kind: 'chain-deleted', ...told(chain), ...made })
    }
    const values = this.#valuesOf(messages.newChain, message)
    if (values?.table === this.#table) this.#takeNewChain(values, edits, made)
  }

  /** The kernel sends the same message for a changed chain as for a new one. */
  #takeNewChain(values: ChainValues, edits: RuleEdits<R>, made: Made): void {
    const known = this.#chains.get(this.#names.get(values.handle ?? 0n) ?? '')
    // A new chain is empty: all its rules will be reported.
    const chain = mirrorChain(values, known === undefined ? new RuleOrder() : known.rules)
    if (known !== undefined) this.#forget(known)
    this.#note(chain)
    if (known === undefined) edits.push({ kind: 'chain-added', ...told(chain), ...made })
    else if (known.name !== chain.name) edits.push({ kind: 'chain-renamed', from: known.name, ...told(chain), ...made })
    else if (known.policy !== chain.policy) edits.push({ kind: 'policy-changed', ...told(chain), ...made })
  }

  #takeRule(message: Message, edits: RuleEdits<R>): void {
    const added = this.#valuesOf(messages.newRule, message)
    if (added?.table === this.#table) edits.add(this.#orderOf(added), added, (message.flags & NLM_F_APPEND) !== 0)
    const deleted = this.#valuesOf(messages.deleteRule, message)
    if (deleted?.table === this.#table) edits.remove(this.#orderOf(deleted), deleted)
  }

  #orderOf({ chain = '' }: RuleValues): RuleOrder | undefined {
    return this.#chains.get(chain)?.rules
  }
}

/** A rule that was added or deleted. Its position, and which rule it replaced, are known only at the end of the batch. */
interface RuleDraft {
  readonly kind: 'rule-added' | 'rule-deleted'
  readonly chain: string
  readonly handle: number
  readonly expressions: Encoded
  readonly order: RuleOrder | undefined
}

type OtherChange = Exclude<TableChange<never>, { rule: unknown }>

const isRuleDraft = (draft: RuleDraft | OtherChange): draft is RuleDraft =>
  draft.kind === 'rule-added' || draft.kind === 'rule-deleted'

/** Collects changes of rules and chains that took effect together. */
class RuleEdits<R> {
  readonly #ruleOf: (expressions: Encoded) => R
  readonly #made: Made
  readonly #drafts: (RuleDraft | OtherChange)[] = []
  /** The handles of each chain before the batch. */
  readonly #before = new Map<RuleOrder, readonly number[]>()
  readonly #orders = new OrderChanges()

  constructor(ruleOf: (expressions: Encoded) => R, made: Made) {
    this.#ruleOf = ruleOf
    this.#made = made
  }

  push(change: OtherChange): void {
    this.#drafts.push(change)
  }

  add(order: RuleOrder | undefined, values: RuleValues, isAppended: boolean): void {
    const { handle, position } = this.#draft('rule-added', order, values)
    if (order !== undefined) this.#orders.add(order, { handle, position, isAppended })
  }

  remove(order: RuleOrder | undefined, values: RuleValues): void {
    const { handle } = this.#draft('rule-deleted', order, values)
    if (order !== undefined) this.#orders.remove(order, handle)
  }

  /** @throws MessageError */
  #draft(kind: RuleDraft['kind'], order: RuleOrder | undefined, values: RuleValues) {
    const { chain = '', handle = 0n, expressions, position } = values
    if (expressions === undefined) throw new MessageError(0, `the kernel does not tell what the rule ${handle} says`)
    if (order !== undefined && !this.#before.has(order)) this.#before.set(order, order.handles())
    this.#drafts.push({ kind, chain, handle: Number(handle), expressions, order })
    return { handle: Number(handle), position: position === undefined ? undefined : Number(position) }
  }

  *changes(): Generator<TableChange<R> | undefined, void, void> {
    const lives = this.#lives()
    const edited = new Set(lives.keys())
    const places = new Map(
      [...this.#before].map(([order, before]) => {
        const after = order.isInDoubt ? undefined : order.handles()
        return [order, new Places(before, after, edited)]
      }),
    )
    for (const draft of this.#drafts)
      if (!isRuleDraft(draft)) yield draft
      else yield this.#ruleChange(draft, lives, draft.order && places.get(draft.order))
  }

  #lives(): Map<number, Life> {
    const lives = new Map<number, Life>()
    for (const draft of this.#drafts)
      if (isRuleDraft(draft)) lives.set(draft.handle, { first: lives.get(draft.handle)?.first ?? draft, last: draft })
    return lives
  }

  /** A rule that was added and deleted in turn is reported once, with the last of its notifications. */
  #ruleChange(
    draft: RuleDraft,
    lives: ReadonlyMap<number, Life>,
    places: Places | undefined,
  ): TableChange<R> | undefined {
    const { chain, handle, expressions } = draft
    const { first, last } = lives.get(handle) as Life
    if (last !== draft) return undefined
    const wasThere = first.kind === 'rule-deleted'
    const at = { chain, handle, ...this.#made }
    if (draft.kind === 'rule-added') {
      const replaced = wasThere ? first : lives.get(places?.replacedBy.get(handle) ?? 0)?.first
      const now = { ...at, position: places?.after?.get(handle), rule: this.#ruleOf(expressions) }
      if (replaced === undefined) return { kind: 'rule-added', ...now }
      return { kind: 'rule-replaced', replaced: this.#ruleOf(replaced.expressions), ...now }
    }
    // A rule that was added and deleted in the same batch never existed.
    if (!wasThere || places?.replaced.has(handle)) return undefined
    return { kind: 'rule-deleted', ...at, position: places?.before.get(handle), rule: this.#ruleOf(first.expressions) }
  }
}

/** The first and last notification of one rule. If the first is a deletion, it existed before; if the last is an addition, it exists now. */
interface Life {
  readonly first: RuleDraft
  readonly last: RuleDraft
}

/** The positions of a chain's added and deleted rules, before and after the batch, and which rule replaced which. */
class Places {
  readonly before: ReadonlyMap<number, number>
  /** Undefined if the order is in doubt. */
  readonly after: ReadonlyMap<number, number> | undefined
  /** The handle of the replaced rule, by the handle of the new one. */
  readonly replacedBy = new Map<number, number>()
  readonly replaced = new Set<number>()

  /** @param edited the handles that were added or deleted. Only their positions are stored: the chain may be long. */
  constructor(before: readonly number[], after: readonly number[] | undefined, edited: ReadonlySet<number>) {
    this.before = placesOf(before, edited)
    if (after === undefined) return
    this.after = placesOf(after, edited)
    const gone = gaps(before, edited, this.after)
    for (const [anchor, come] of gaps(after, edited, this.before)) {
      const [old, ...others] = gone.get(anchor) ?? []
      const [now, ...more] = come
      // Only a single rule in the place of a single one counts as a replacement.
      if (old === undefined || now === undefined || others.length > 0 || more.length > 0) continue
      this.replacedBy.set(now, old)
      this.replaced.add(old)
    }
  }
}

/** The indexes of some handles among all. */
function placesOf(handles: readonly number[], these: ReadonlySet<number>): Map<number, number> {
  const found = new Map<number, number>()
  handles.forEach((handle, i) => {
    if (these.has(handle)) found.set(handle, i)
  })
  return found
}

/** The edited handles that the other side lacks, grouped by the nearest handle before them that both sides have. */
function gaps(
  handles: readonly number[],
  edited: ReadonlySet<number>,
  otherSide: ReadonlyMap<number, number>,
): Map<number, number[]> {
  const found = new Map<number, number[]>()
  let anchor = 0
  for (const handle of handles)
    if (!edited.has(handle) || otherSide.has(handle)) anchor = handle
    else {
      const gap = found.get(anchor)
      if (gap === undefined) found.set(anchor, [handle])
      else gap.push(handle)
    }
  return found
}
