/**
 * A table of nf_tables: read by dumps, and changed by batches that contain only the edits. The kernel refuses a batch if
 * anything has changed since the table was read.
 */
import { ERRNO } from '../../abi/errno'
import type { Family } from '../../abi/family'
import { type IptcError, RuleError, type RulePlace, UnsupportedError } from '../../errors'
import { isProtocol } from '../../extensions/extension'
import type { Known } from '../../extensions/registry'
import { conflict } from '../../kernel/client'
import type { Lend, Lock, LockRequest, NetlinkPort } from '../../kernel/kernel'
import { ProcessLock } from '../../kernel/process-lock'
import type { TransactionOutcome } from '../../netlink/client'
import { readMessage } from '../../netlink/message'
import type { Refusal } from '../../netlink/refusal'
import { messages } from '../../nft/messages'
import { EXPRESSIONS_TARGET } from '../../nft/rule'
import { RuleReader, RuleWriter } from '../../nft/rule-template'
import { entryExtensions, ruleHead } from '../../ruleset/entry-extensions'
import { sameEntry } from '../../ruleset/equal'
import { misplaced } from '../../ruleset/iptables-refusals'
import { type Chain, canonicalOf, isUnhooked, orderedChains, type Ruleset } from '../../ruleset/ruleset'
import type { Entry, Ref } from '../../ruleset/table-entry'
import { atOnce, inSlices, type Sliced } from '../../time-slices'
import { checkLossless } from '../check-lossless'
import type { Change, Reading, ReadingUse, Store } from '../store'
import { type ChangeRequest, type Changes, changesOf } from './changes'
import { NftClient } from './client'
import { readTable, standBack, type TableReading } from './read-table'
import { brokenPart, refusalError } from './refusals'

export interface NftOptions {
  /** As the option of tables. */
  readonly rewrite: readonly string[]
}

/** Changes within this process take turns. Changes of other processes are noticed by the generation. */
const turns = new ProcessLock('the turn to change nf_tables', () => ({ take: () => true, close() {} }))

/** After this many conflicts in a turn, other programs are kept out while the table is read. */
const PATIENCE = 3

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
  /** The kernel's handles of rules that this store has written. */
  readonly handles = new WeakMap<Entry, number>()
  /** The table as it was read or written last. */
  #last: NftReading | undefined
  /** Number of conflicts in the current turn. */
  #late = 0

  constructor(port: NetlinkPort, family: Family, table: string, options: NftOptions) {
    this.#client = new NftClient(port, family, `table ${table} of ${family.name}`)
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

  /** The last reading, if only counters may have changed since. An inspection needs current counters, so it reads anew. */
  #known(use: ReadingUse): NftReading | undefined {
    const last = use === 'look' ? undefined : this.#last
    return last !== undefined && this.#client.generation() === last.generation ? last : undefined
  }

  *#read(): Sliced<NftReading> {
    const table = { client: this.#client, family: this.#family, name: this.#table, reader: this.#reader }
    const isContended = this.#late >= PATIENCE
    return new NftReading(this, yield* readTable(table, isContended))
  }

  #keep(reading: NftReading): NftReading {
    this.#last = reading
    return reading
  }

  lock(timeoutMs: number): Lock {
    const lock = turns.lock(timeoutMs)
    return {
      release: () => {
        this.#late = 0
        lock.release()
      },
    }
  }

  withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
    return turns.withLockAsync(request, async (lend) => {
      try {
        return await body(lend)
      } finally {
        this.#late = 0
      }
    })
  }

  /** @internal Counts a conflict. @returns whether the change may be sent again */
  mayTryAgain(): boolean {
    return ++this.#late < this.attempts
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

  /** @internal Keeps the table that was written; undefined if not all of it is known, so that it is read again. */
  wrote(reading: NftReading | undefined): void {
    this.#last = reading
  }
}

/** The number of the next generation: it wraps around, and skips 0. */
const nextGeneration = (generation: number): number => (generation + 1) >>> 0 || 1

class NftReading implements Reading {
  table: TableReading
  /** The latest generation at which the table is known to be in this state. */
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

  /** Whether the table contains only the chains that were read: no foreign chains, no sets, no other objects. */
  #isOurs(): boolean {
    const { ruleset, chains } = this.table
    const table = this.#store.client.tables().find(({ name }) => name === ruleset.table)
    return table?.use === chains.size
  }

  #checkNew(to: Ruleset, rule: Entry, place: RulePlace): void {
    const { client, options } = this.#store
    if (rule.continues !== undefined && this.ruleset.foreign?.rules.has(rule.continues))
      throw new RuleError(
        'XT_FOREIGN_RULE',
        place,
        'iptables cannot express this rule, so it cannot be rewritten, for example to zero its counters',
      )
    const parts = entryExtensions(to.family, rule.bytes)
    const chain = to.chains.get(place.chain ?? '') as Chain
    if (isUnhooked(to.table, chain))
      throw new RuleError(
        'XT_FOREIGN_RULE',
        place,
        `chain ${chain.name} was created by nft without a hook, so no packet would reach the rule`,
      )
    const wrong = misplaced(to, chain, rule, parts)
    if (wrong !== undefined)
      throw new RuleError(wrong.code ?? 'XT_RULE_MISPLACED', { ...place, ...wrong }, wrong.reason)
    if (rule.isCopy || typeof rule.continues === 'number') checkLossless(to.family, rule, place, options.rewrite)
    for (const { kind, name, revision, known } of parts) {
      if (known !== undefined) checkNative(to, rule, place, known)
      if (name !== EXPRESSIONS_TARGET && !known?.variant.native?.isWritten && !client.hasRevision(kind, name, revision))
        throw new UnsupportedError(
          'XT_NO_EXTENSION',
          `this kernel has no ${kind} ${name} revision ${revision} for nf_tables: load the modules nft_compat and ` +
            `xt_${name}, install the package with the modules of the running kernel, or use a kernel that has them`,
        )
    }
  }

  *isUnchanged(now: Reading): Sliced<boolean> {
    yield
    const other = now as NftReading
    if (other.generation === this.generation) return true
    if (!sameTables(this, other)) return false
    this.#learn(other)
    return true
  }

  /** Takes the handles of what was written from a later, equal reading. */
  #learn(later: NftReading): void {
    const { handle, chains } = later.table
    this.table = { ...this.table, handle, chains }
    this.generation = later.generation
    for (const { name, rules } of this.ruleset.chains.values()) {
      const same = later.ruleset.chains.get(name) as Chain
      rules.refs.forEach((ref, i) => {
        if (this.handleOf(ref) !== undefined) return
        this.#store.handles.set(ref as Entry, later.handleOf(same.rules.refs[i] as Ref) as number)
      })
    }
  }

  release(): void {}
}

/**
 * An extension's kernel module checks which protocol the rule is for. A rule that is written as native expressions does not
 * use the module, so the check is made here: without it, a port would be compared in packets of every protocol.
 * @throws RuleError
 */
function checkNative(to: Ruleset, rule: Entry, place: RulePlace, known: Known): void {
  const { protocols } = known.extension.demands
  if (!known.variant.native?.isWritten || protocols === undefined) return
  if (isProtocol(ruleHead(to.family, rule.bytes, 0), protocols)) return
  const broken = brokenPart(to, rule, [], known, { protocols })
  if (broken !== undefined) throw new RuleError('XT_RULE_INVALID', { ...place, ...broken.part }, broken.reason)
}

/**
 * Whether a later reading has the same chains and rules. Handles are not enough, because a rule that replaces another has
 * its handle. Of what was written and whose handle is not known yet, only the contents are compared.
 */
function sameTables(one: NftReading, other: NftReading): boolean {
  const [chains, others] = [orderedChains(one.ruleset), orderedChains(other.ruleset)]
  return (
    isHandle(one.table.handle, other.table.handle) &&
    chains.length === others.length &&
    chains.every((chain, i) => {
      const same = others[i] as Chain
      const [refs, otherRefs] = [chain.rules.refs, same.rules.refs]
      return (
        chain.name === same.name &&
        isHandle(one.table.chains.get(chain.name)?.handle, other.table.chains.get(same.name)?.handle) &&
        verdictBytes(chain) === verdictBytes(same) &&
        refs.length === otherRefs.length &&
        refs.every(
          (ref, k) =>
            isHandle(one.handleOf(ref), other.handleOf(otherRefs[k] as Ref)) &&
            sameEntry(one.ruleset.family, entryAsRead(one, chain, k), entryAsRead(other, same, k)),
        )
      )
    })
  )
}

/** Whether two handles can be equal. @param handle undefined if it is not known */
const isHandle = <T extends number | bigint>(handle: T | undefined, found: T | undefined): boolean =>
  handle === undefined || handle === found

/** A rule as it was read or, if it was written, as it would read back. */
function entryAsRead({ ruleset }: NftReading, { rules }: Chain, position: number): Entry {
  const entry = rules.at(position) as Entry
  return typeof rules.refs[position] === 'number' ? entry : canonicalOf(ruleset, entry)
}

/** The policy as text, without its counters. */
const verdictBytes = ({ tail, hook }: Chain): string =>
  hook === undefined || tail === undefined ? '' : Buffer.from(tail.bytes.subarray(-8)).toString('hex')

/** Whether anything changed since the reading: in this table or in another, because the generation is common to all. */
const isLate = ({ refused: [first] }: TransactionOutcome): boolean => first?.refusal.errno === ERRNO.ERESTART

class NftChange implements Change {
  readonly #store: NftStore
  readonly #from: NftReading
  readonly #to: Ruleset
  readonly #changes: Changes
  #written: NftReading

  constructor(store: NftStore, from: NftReading, to: Ruleset, changes: Changes) {
    this.#store = store
    this.#from = from
    this.#to = to
    this.#changes = changes
    this.#written = from
  }

  get #requests() {
    return this.#changes.requests.map(({ request }) => request)
  }

  write(): void {
    if (this.#changes.requests.length > 0) this.#finish(this.#send('commit'))
  }

  rehearse(): void {
    if (this.#changes.requests.length > 0) this.#checkTaken(this.#send('rehearse'))
  }

  #send(way: 'commit' | 'rehearse'): TransactionOutcome {
    const { client } = this.#store
    let outcome: TransactionOutcome
    do outcome = client[way](this.#requests, this.#from.generation)
    while (
      isLate(outcome) &&
      this.#store.mayTryAgain() &&
      atOnce(this.#from.isUnchanged(this.#store.read('transaction')))
    )
    return outcome
  }

  async writeAsync(): Promise<void> {
    if (this.#changes.requests.length === 0) return
    const { client } = this.#store
    let outcome: TransactionOutcome
    do outcome = await client.commitAsync(this.#requests, this.#from.generation)
    while (isLate(outcome) && this.#store.mayTryAgain() && (await this.#isStillSo()))
    this.#finish(outcome)
  }

  async #isStillSo(): Promise<boolean> {
    return await inSlices(this.#from.isUnchanged(await this.#store.readAsync('transaction')))
  }

  written(): Reading {
    return this.#written
  }

  /** @throws the error for the first refused change */
  #checkTaken({ refused: [first] }: TransactionOutcome): void {
    if (first !== undefined) throw this.#refused(first.refusal, this.#changes.requests[first.index])
  }

  #finish(outcome: TransactionOutcome): void {
    this.#checkTaken(outcome)
    const { handles } = this.#store
    for (const { index, message } of outcome.echoed) {
      const { added } = this.#changes.requests[index] as ChangeRequest
      if (message.type !== messages.newRule.type || added === undefined) continue
      handles.set(added, Number(readMessage(messages.newRule, message).values.handle))
    }
    for (const [entry, handle] of this.#changes.kept) handles.set(entry, handle)
    const isKnown = this.#isKnown()
    this.#written = this.#successor(isKnown)
    this.#store.wrote(isKnown ? this.#written : undefined)
  }

  /** The table as written. If not all of it is known, it keeps the old generation, so that it never counts as current. */
  #successor(isKnown: boolean): NftReading {
    const { table, generation } = this.#from
    const now = isKnown ? nextGeneration(generation) : generation
    return new NftReading(this.#store, { ...table, ruleset: this.#to, generation: now })
  }

  /** Whether all handles are known after the write. Those of new chains, for example, are not. */
  #isKnown(): boolean {
    const added = this.#changes.requests.flatMap((one) => one.added ?? [])
    return (
      new Set(added).size === added.length &&
      this.#changes.requests.every(
        ({ request: { name }, added }) =>
          name === messages.deleteRule.name || (added !== undefined && this.#store.handles.has(added)),
      )
    )
  }

  #refused(refusal: Refusal, change: ChangeRequest | undefined): IptcError {
    const { table, family } = this.#to
    if (refusal.errno !== ERRNO.ERESTART) return refusalError(this.#to, refusal, change)
    standBack()
    const reason = `table ${table}: nf_tables was changed by another program since it was read`
    return conflict('XT_CONFLICT', family.name, table, reason, { cause: refusal })
  }
}
