/**
 * A table of nf_tables: read by dumps, and changed by batches of the edits alone, which the kernel takes only where nobody
 * else has changed anything since.
 */
import { ERRNO, errnoName } from '../../abi/errno'
import type { Family } from '../../abi/family'
import { brokenDemand } from '../../blob/verify'
import { type IptcError, NetlinkError, RuleError, type RulePart, type RulePlace, UnsupportedError } from '../../errors'
import { faultOf, faultText, isProtocol } from '../../extensions/extension'
import type { Known } from '../../extensions/registry'
import { conflict } from '../../kernel/client'
import { Holders } from '../../kernel/holders'
import type { Lend, Lock, LockRequest, NetlinkPort } from '../../kernel/kernel'
import type { TransactionOutcome } from '../../netlink/client'
import { readMessage } from '../../netlink/message'
import { explain, type Refusal } from '../../netlink/refusal'
import { messages } from '../../nft/messages'
import { EXPRESSIONS_TARGET } from '../../nft/rule'
import { RuleReader, RuleWriter } from '../../nft/rule-template'
import { sameEntry } from '../../ruleset/equal'
import { extensionParts, ruleHead } from '../../ruleset/parts'
import { misplaced } from '../../ruleset/place'
import type { Ref } from '../../ruleset/rules'
import { type Chain, type Entry, isUnhooked, orderedChains, type Ruleset } from '../../ruleset/ruleset'
import { atOnce, inSlices, type Sliced } from '../../slices'
import { blame } from '../blame'
import { checkLossless } from '../faithful'
import type { Change, Reading, ReadingUse, Store } from '../store'
import { type ChangeRequest, type Changes, changesOf } from './changes'
import { NftClient } from './client'
import { readTable, standBack, type TableReading } from './reading'

export interface NftOptions {
  /** As of tables. */
  readonly rewrite: readonly string[]
}

/** Within this process, one after the other; what others do is found out by the generation. */
const turns = new Holders('the turn to change nf_tables', () => ({ take: () => true, close() {} }))

export class NftStore implements Store {
  readonly backend = 'nft'
  readonly attempts = 1000
  readonly #client: NftClient
  readonly #family: Family
  readonly #table: string
  readonly #options: NftOptions
  readonly #reader: RuleReader
  /** @internal */
  readonly writer: RuleWriter
  /** Rules that were written here, by which handle the kernel calls each. */
  readonly handles = new WeakMap<Entry, number>()
  /** The table as it was read or written last. */
  #last: NftReading | undefined

  constructor(port: NetlinkPort, family: Family, table: string, options: NftOptions) {
    this.#client = new NftClient(port, family)
    this.#family = family
    this.#reader = new RuleReader(family)
    this.writer = new RuleWriter(family)
    this.#table = table
    this.#options = options
  }

  read(use: ReadingUse): Reading {
    return this.#known(use) ?? this.#keep(atOnce(this.#read()))
  }

  async readAsync(use: ReadingUse): Promise<Reading> {
    return this.#known(use) ?? this.#keep(await inSlices(this.#read()))
  }

  /** What was read before, where nothing has changed since but counters, which are for who looks at them. */
  #known(use: ReadingUse): NftReading | undefined {
    const last = use === 'look' ? undefined : this.#last
    return last !== undefined && this.#client.generation() === last.generation ? last : undefined
  }

  *#read(): Sliced<NftReading> {
    return new NftReading(this, yield* readTable(this.#client, this.#family, this.#table, this.#reader))
  }

  #keep(reading: NftReading): NftReading {
    this.#last = reading
    return reading
  }

  lock(timeoutMs: number): Lock {
    return turns.lock(timeoutMs)
  }

  withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
    return turns.withLockAsync(request, body)
  }

  close(): void {
    this.#client.close()
  }

  /** @internal */
  get client(): NftClient {
    return this.#client
  }

  /** @internal */
  get options(): NftOptions {
    return this.#options
  }

  /** @internal Notes what was written, where all of it is known. */
  wrote(reading: NftReading | undefined): void {
    this.#last = reading
  }
}

/** The number after that of a generation; none is 0. */
const nextGeneration = (generation: number): number => (generation + 1) >>> 0 || 1

class NftReading implements Reading {
  readonly table: TableReading
  /** The last one as of which the table is known to be so. */
  generation: number
  readonly #store: NftStore

  constructor(store: NftStore, table: TableReading) {
    this.#store = store
    this.table = table
    this.generation = table.generation
  }

  get ruleset(): Ruleset {
    return this.table.ruleset
  }

  handleOf(ref: Ref): number | undefined {
    return typeof ref === 'number' ? this.table.handles[ref] : this.#store.handles.get(ref)
  }

  *prepare(to: Ruleset): Sliced<Change> {
    yield
    const changes = changesOf(
      this.table,
      to,
      this.#store.writer,
      (ref) => this.handleOf(ref),
      () => this.#isOurs(),
    )
    for (const { added, place } of changes.requests) if (added !== undefined) this.#checkNew(to, added, place)
    return new NftChange(this.#store, this, to, changes)
  }

  /** Whether there are no chains of others in the table, no sets, and nothing else. */
  #isOurs(): boolean {
    const { ruleset, chains } = this.table
    const table = this.#store.client.tables().find(({ name }) => name === ruleset.table)
    return table?.use === chains.size
  }

  #checkNew(to: Ruleset, rule: Entry, place: RulePlace): void {
    const { client, options } = this.#store
    const parts = extensionParts(to.family, rule.bytes)
    const chain = to.chains.get(place.chain ?? '') as Chain
    if (isUnhooked(to.table, chain))
      throw new RuleError(
        place,
        `nft has made chain ${chain.name} without a hook, so that no packet would come to the rule`,
      )
    const wrong = misplaced(to, chain, rule, parts)
    if (wrong !== undefined) throw new RuleError({ ...place, ...wrong }, wrong.reason)
    if (rule.isCopy) checkLossless(to.family, rule, place, options.rewrite)
    for (const { kind, name, revision, known } of parts) {
      if (known !== undefined) checkNative(to, rule, place, known)
      if (name !== EXPRESSIONS_TARGET && !known?.variant.native?.isWritten && !client.hasRevision(kind, name, revision))
        throw new UnsupportedError(
          `this kernel has no ${kind} ${name} revision ${revision} for nf_tables: load the modules nft_compat and ` +
            `xt_${name}, install the package with the modules of the running kernel, or use a kernel that has them`,
        )
    }
  }

  *isUnchanged(now: Reading): Sliced<boolean> {
    yield
    const other = now as NftReading
    if (other.generation !== this.generation && !sameTables(this, other)) return false
    this.generation = other.generation
    return true
  }

  release(): void {}
}

/**
 * What the kernel demands of an extension is demanded by its own code, which a rule does not go through that says the same in
 * expressions: a port would be looked for in whatever protocol the packet is of.
 * @throws RuleError
 */
function checkNative(to: Ruleset, rule: Entry, place: RulePlace, known: Known): void {
  const { protocols } = known.extension.demands
  if (!known.variant.native?.isWritten || protocols === undefined) return
  if (isProtocol(ruleHead(to.family, rule.bytes, 0), protocols)) return
  const broken = brokenPart(to, rule, place, known, { protocols })
  if (broken !== undefined) throw new RuleError({ ...place, ...broken.part }, broken.reason)
}

/** What an extension demands of the rule that it is in, and is not so. */
function brokenPart(
  { family, table, chains }: Ruleset,
  { bytes }: Entry,
  { chain = '' }: RulePlace,
  { extension, variant }: Known,
  demands = extension.demands,
): { readonly part: RulePart; readonly reason: string } | undefined {
  const hook = chains.get(chain)?.hook
  const placed = { ...ruleHead(family, bytes, 0), table, hooks: hook === undefined ? [] : [hook] }
  const broken = brokenDemand({ demands }, placed)
  if (broken === undefined) return undefined
  const { parameter } = faultOf(broken)
  return { part: { extension: extension.name, parameter }, reason: faultText(extension, variant, broken) }
}

/** Whether two readings have the same chains and rules. What is put in the place of a rule has the handle of that. */
function sameTables(one: NftReading, other: NftReading): boolean {
  const [chains, others] = [orderedChains(one.ruleset), orderedChains(other.ruleset)]
  return (
    one.table.handle === other.table.handle &&
    chains.length === others.length &&
    chains.every((chain, i) => {
      const same = others[i] as Chain
      const [refs, otherRefs] = [chain.rules.refs, same.rules.refs]
      return (
        chain.name === same.name &&
        one.table.chains.get(chain.name)?.handle === other.table.chains.get(same.name)?.handle &&
        verdictBytes(chain) === verdictBytes(same) &&
        refs.length === otherRefs.length &&
        refs.every(
          (ref, k) =>
            one.handleOf(ref) === other.handleOf(otherRefs[k] as Ref) &&
            sameEntry(one.ruleset.family, entryAsRead(one, chain, k), entryAsRead(other, same, k)),
        )
      )
    })
  )
}

/** A rule that was written reads as it would have been read. */
function entryAsRead({ ruleset }: NftReading, { rules }: Chain, position: number): Entry {
  const entry = rules.at(position) as Entry
  return typeof rules.refs[position] === 'number' ? entry : (ruleset.canonical?.(entry) ?? entry)
}

/** The policy as text, its counters aside. */
const verdictBytes = ({ tail, hook }: Chain): string =>
  hook === undefined || tail === undefined ? '' : Buffer.from(tail.bytes.subarray(-8)).toString('hex')

/** Whether something was changed since: in this table or, as the generation is that of all, in another. */
const isLate = ({ refused: [first] }: TransactionOutcome): boolean => first?.refusal.errno === ERRNO.ERESTART

class NftChange implements Change {
  readonly #store: NftStore
  readonly #from: NftReading
  readonly #to: Ruleset
  readonly #changes: Changes
  #written: NftReading | undefined

  constructor(store: NftStore, from: NftReading, to: Ruleset, changes: Changes) {
    this.#store = store
    this.#from = from
    this.#to = to
    this.#changes = changes
  }

  get #requests() {
    return this.#changes.requests.map(({ request }) => request)
  }

  write(): void {
    if (this.#changes.requests.length === 0) return
    const { client } = this.#store
    let outcome: TransactionOutcome
    let left = this.#store.attempts
    do outcome = client.commit(this.#requests, this.#from.generation)
    while (isLate(outcome) && --left > 0 && atOnce(this.#from.isUnchanged(this.#store.read('look'))))
    this.#finish(outcome)
  }

  async writeAsync(): Promise<void> {
    if (this.#changes.requests.length === 0) return
    const { client } = this.#store
    let outcome: TransactionOutcome
    let left = this.#store.attempts
    do outcome = await client.commitAsync(this.#requests, this.#from.generation)
    while (isLate(outcome) && --left > 0 && (await this.#isStillSo()))
    this.#finish(outcome)
  }

  async #isStillSo(): Promise<boolean> {
    return await inSlices(this.#from.isUnchanged(await this.#store.readAsync('look')))
  }

  written(): Reading {
    return this.#written ?? this.#store.read('look')
  }

  #finish(outcome: TransactionOutcome): void {
    const { handles } = this.#store
    const [first] = outcome.refused
    if (first !== undefined) throw this.#refused(first.refusal, this.#changes.requests[first.index])
    for (const { index, message } of outcome.echoed) {
      const { added } = this.#changes.requests[index] as ChangeRequest
      if (message.type !== messages.newRule.type || added === undefined) continue
      handles.set(added, Number(readMessage(messages.newRule, message).values.handle))
    }
    for (const [entry, handle] of this.#changes.kept) handles.set(entry, handle)
    this.#written = this.#successor()
    this.#store.wrote(this.#written)
  }

  /** The table as it is now; undefined where not all of it is known, such as the handle of a new chain. */
  #successor(): NftReading | undefined {
    const { table } = this.#from
    const added = this.#changes.requests.flatMap((one) => one.added ?? [])
    const isKnown =
      new Set(added).size === added.length &&
      this.#changes.requests.every(
        ({ request: { name }, added }) =>
          name === messages.deleteRule.name || (added !== undefined && this.#store.handles.has(added)),
      )
    if (!isKnown) return undefined
    const generation = nextGeneration(this.#from.generation)
    return new NftReading(this.#store, { ...table, ruleset: this.#to, generation })
  }

  #refused(refusal: Refusal, change: ChangeRequest | undefined): IptcError {
    const { table, family } = this.#to
    if (refusal.errno === ERRNO.ERESTART) {
      standBack()
      const reason = `table ${table}: nf_tables was changed by another program since it was read`
      return conflict(family.name, table, reason, { cause: refusal })
    }
    const error = explain(refusal)
    if (!(error instanceof NetlinkError) || change === undefined) return error
    const { added, place } = change
    if (added !== undefined) return this.#refusedRule(error, added, place)
    const reason = CHAIN_REASONS[refusal.errno] ?? error.reason ?? 'the kernel does not say why'
    return new RuleError(place, `${reason} (${refusal.request.name}: ${errnoName(refusal.errno)})`, { cause: error })
  }

  #refusedRule(error: NetlinkError, rule: Entry, place: RulePlace): RuleError {
    const { family } = this.#to
    for (const { known } of extensionParts(family, rule.bytes)) {
      const broken = known && brokenPart(this.#to, rule, place, known)
      if (broken === undefined) continue
      const reason = `${broken.reason} (${error.operation}: ${error.code})`
      return new RuleError({ ...place, ...broken.part }, reason, { cause: error })
    }
    return blame(error, family, { rule, place })
  }
}

const OTHERS_CHAIN = 'there is a chain of this name, which nft has hooked otherwise than iptables does'

/** Why the kernel refuses to do something to a chain. */
const CHAIN_REASONS: Readonly<Record<number, string>> = {
  [ERRNO.EBUSY]: 'the chain is in use: rules go to it, or it is not empty',
  [ERRNO.EEXIST]: OTHERS_CHAIN,
  [ERRNO.EOPNOTSUPP]: OTHERS_CHAIN,
  [ERRNO.ENOENT]: 'what was read is not there any more',
}
