/** Rules as objects: Rule for IPv4, Rule6 for IPv6. */
import { type Family, IPV4, IPV6 } from '../abi/family'
import { verdictName } from '../abi/netfilter'
import { UnboundSets } from '../backend/sets'
import { check, checkNone, shown, text } from '../check-input'
import { IptcError, XtablesError } from '../errors'
import type { Context, SetNames } from '../extensions/context'
import type { Option } from '../extensions/option'
import { findOption, writeParameter } from '../extensions/payload'
import { parseRule } from '../language/parse'
import { printRule } from '../language/print'
import {
  buildEntry,
  type Counters,
  isGoto,
  isStandard,
  matchParts,
  readCounters,
  readVerdict,
  targetPart,
  writeCounters,
} from '../ruleset/entry'
import { sameRule } from '../ruleset/equal'
import { entryIn, type KernelEntries } from '../ruleset/kernel-entries'
import { describeRule, encodeRule, encodeTarget, rebindRule } from '../ruleset/rule'
import { HEADS } from '../ruleset/rule-head'
import { countersOf } from '../ruleset/ruleset'
import { type Entry, plain } from '../ruleset/table-entry'
import type { ChainHandle } from './chain-handle'
import { type CountersInput, readCounters as countersFrom } from './counters'
import type { MatchName, TargetName } from './extension-object'
import { ExtensionObject, storedContent } from './extension-object'
import { Match, storedMatch } from './match'
import { propertyValue, readValue } from './parameter-values'
import { readOnly } from './refuse-assignment'
import { A_RULE, RuleBase } from './rule-base'
import { storedTarget, Target, type TargetOptions } from './target'

/** @internal The entry that a rule was read from, and the context that resolves the ipsets it refers to. */
export interface Origin {
  readonly entry: Entry
  readonly sets: SetNames
}

/** An entry of a table that was read. It is decoded lazily: most rules of a table are never looked at closely. */
class TableEntry {
  readonly image: KernelEntries
  readonly number: number
  readonly context: Context

  constructor(image: KernelEntries, number: number, context: Context) {
    this.image = image
    this.number = number
    this.context = context
  }

  get at(): number {
    return this.image.starts[this.number] as number
  }
}

/**
 * An address, or a network with a prefix length or a dotted mask, such as `'10.0.0.0/8'`. A leading `!` negates.
 * Undefined matches any address.
 * @since 0.1.0
 */
export type AddressInput = string | undefined
/**
 * The name of an interface. `eth+` matches all names that start with `eth`. A leading `!` negates. Undefined matches
 * any interface.
 * @since 0.1.0
 */
export type InterfaceInput = string | undefined

/**
 * What {@link Rule} and {@link Rule6} have in common.
 *
 * Assigning an invalid value to a property throws an {@link XtablesError} and leaves the rule unchanged.
 * @since 0.1.0
 * @example
 * ```ts
 * import { type AnyRule, Rule, Rule6 } from 'xtables'
 *
 * const describe = (rule: AnyRule): string => `${rule.protocol} to ${rule.target?.name}`
 * console.log(describe(Rule.parse('-p tcp -j ACCEPT'))) // tcp to ACCEPT
 * console.log(describe(Rule6.parse('-p udp -j DROP'))) // udp to DROP
 * ```
 */
export abstract class AnyRule extends RuleBase {
  /** @internal */
  static override readonly instead = { matches: 'createMatch, addMatch or removeMatch' }

  readonly #context: Context
  readonly #stored: TableEntry | undefined
  #origin: Entry | undefined
  /** The entry in a form that does not depend on the namespace. */
  #anywhere: Entry | undefined
  /** The decoded parts of the rule, each set once it has been read or changed. */
  #head: Uint8Array | undefined
  #matches: readonly Match[] | undefined
  #target: { readonly is: Target | undefined } | undefined

  /** @internal */
  constructor(family: Family, origin: Origin | TableEntry | undefined) {
    super()
    if (origin instanceof TableEntry) {
      this.#stored = origin
      this.#context = origin.context
      return
    }
    if (origin !== undefined) checkOrigin(origin)
    this.#context = { family, sets: origin?.sets ?? new UnboundSets() }
    this.#origin = origin?.entry
    if (origin !== undefined) return
    this.#head = HEADS[family.name].variant.initial.slice()
    this.#matches = []
    this.#target = { is: undefined }
  }

  /** @internal */
  override get context(): Context {
    return this.#context
  }

  get #isUntouched(): boolean {
    return this.#head === undefined && this.#matches === undefined && this.#target === undefined
  }

  /** The entry that the rule was read from. */
  #came(): Entry {
    if (this.#origin !== undefined) return this.#origin
    const { image, number } = this.#stored as TableEntry
    this.#origin = { ...entryIn(image, number), isCopy: true }
    return this.#origin
  }

  /** Calls `body` with the original bytes and the offset of the rule in them. */
  #read<T>(body: (bytes: Uint8Array, at: number) => T): T {
    const stored = this.#stored
    return stored === undefined ? body(this.#came().bytes, 0) : body(stored.image.bytes, stored.at)
  }

  #ownHead(): Uint8Array {
    if (this.#head !== undefined) return this.#head
    const { family } = this.context
    const origin = this.#came()
    const head = origin.bytes.slice(0, family.entrySize)
    writeCounters(family, head, countersOf(family, origin))
    this.#head = head
    return head
  }

  #ownMatches(): readonly Match[] {
    if (this.#matches !== undefined) return this.#matches
    this.#matches = this.#read((bytes, at) =>
      matchParts(this.context.family, bytes, at).map((part) =>
        storedMatch(this, storedContent('match', bytes, part, this)),
      ),
    )
    return this.#matches
  }

  #ownTarget(): Target | undefined {
    if (this.#target !== undefined) return this.#target.is
    const { bytes, jump } = this.#came()
    this.#target = { is: this.#storedTarget(bytes, jump) }
    return this.#target.is
  }

  #storedTarget(bytes: Uint8Array, jump: string | undefined): Target | undefined {
    const { family } = this.context
    if (jump === '') return undefined
    const goto = isGoto(family, bytes)
    if (jump !== undefined) return storedTarget(this, { kind: 'chain', chain: jump, goto })
    const part = targetPart(family, bytes, 0)
    const verdict = isStandard(bytes, part) ? verdictName(readVerdict(bytes, part)) : undefined
    if (verdict !== undefined) return storedTarget(this, { kind: 'verdict', verdict })
    return storedTarget(this, storedContent('target', bytes, part, this))
  }

  /** @internal The entry bytes of the rule; the original ones while nothing has been decoded. */
  get entry(): Entry {
    if (this.#isUntouched) return this.#came()
    const { family } = this.context
    const [matches, target] = [this.#ownMatches(), this.#ownTarget()]
    const isCopy = this.#stored !== undefined || (this.#origin?.isCopy ?? false)
    const head = this.#ownHead().slice()
    const destination = target === undefined ? ({ kind: 'none' } as const) : target.destination
    const { flags } = family.entry.fields
    flags.write(head, 0, (flags.read(head, 0) & ~family.gotoFlag) | (target?.goto ? family.gotoFlag : 0))
    const encoded = matches.map((match) => match.encode())
    if (destination === undefined)
      return { ...plain(buildEntry(family, head, encoded, (target as Target).encode())), isCopy }
    const { part, jump } = encodeTarget(destination, this.context)
    return { bytes: buildEntry(family, head, encoded, part), jump, isCopy }
  }

  /** @internal The entry bytes for a table whose ipsets `context` knows. */
  entryFor(context: Context): Entry {
    if (context.family !== this.context.family)
      throw new XtablesError(
        'XT_WRONG_RULE',
        `an ${this.context.family.name} rule cannot be added to an ${context.family.name} table; make it as a ${context.family.name === 'ipv6' ? 'Rule6' : 'Rule'}`,
        {
          extension: 'rule',
        },
      )
    const { entry } = this
    if (entry === this.#anywhere) return entry
    const bound = rebindRule(entry, this.context, context)
    if (bound === entry && this.context.sets !== context.sets) this.#anywhere = entry
    return bound
  }

  #option(name: string): [string, Option] {
    return findOption(HEADS[this.context.family.name], name)
  }

  #get(name: string): string | true | undefined {
    const [, option] = this.#option(name)
    const { context } = this
    const reading =
      this.#head === undefined
        ? this.#read((bytes, at) => option.read(bytes, at, context))
        : option.read(this.#head, 0, context)
    return reading === undefined ? undefined : propertyValue(reading)
  }

  #set(name: string, value: unknown): void {
    const head = this.#ownHead()
    const [, option] = this.#option(name)
    const changed = head.slice()
    if (value === undefined || value === null) option.clear(changed, 0)
    else {
      const reading = readValue('rule', name, option, value)
      writeParameter(HEADS[this.context.family.name], changed, { name, ...reading }, this.context)
    }
    head.set(changed)
  }

  /** Source address or network, such as `'10.0.0.0/8'`. A leading `!` negates. Undefined matches any. */
  get src(): AddressInput {
    return this.#get('src') as string | undefined
  }
  /** @throws {@link XtablesError} for a value that is not an address or network of the family */
  set src(value: AddressInput) {
    this.#set('src', value)
  }

  /** Destination address or network, such as `'10.0.0.1'`. A leading `!` negates. Undefined matches any. */
  get dst(): AddressInput {
    return this.#get('dst') as string | undefined
  }
  /** @throws {@link XtablesError} for a value that is not an address or network of the family */
  set dst(value: AddressInput) {
    this.#set('dst', value)
  }

  /** Protocol, by name or number: `'tcp'`, `47`, `'!udp'`. Undefined matches any. */
  get protocol(): string | number | undefined {
    return this.#get('protocol') as string | undefined
  }
  /** @throws {@link XtablesError} for a value that is not a protocol */
  set protocol(value: string | number | undefined) {
    this.#set('protocol', value)
  }

  /** Incoming interface. `eth+` matches all names that start with `eth`. Undefined matches any. */
  get inInterface(): InterfaceInput {
    return this.#get('in-interface') as string | undefined
  }
  /** @throws {@link XtablesError} for an invalid interface name */
  set inInterface(value: InterfaceInput) {
    this.#set('in-interface', value)
  }

  /** Outgoing interface. `eth+` matches all names that start with `eth`. Undefined matches any. */
  get outInterface(): InterfaceInput {
    return this.#get('out-interface') as string | undefined
  }
  /** @throws {@link XtablesError} for an invalid interface name */
  set outInterface(value: InterfaceInput) {
    this.#set('out-interface', value)
  }

  /** `true` matches second and further fragments only, `'!'` all other packets, `false` any packet. IPv4 only. */
  get fragment(): boolean | '!' {
    return this.context.family.name === 'ipv4' && ((this.#get('fragment') as true | '!' | undefined) ?? false)
  }
  /**
   * @throws {@link XtablesError} for anything but true, false and `'!'`, and for an IPv6 rule for anything but false
   */
  set fragment(value: boolean | '!') {
    // `fragment` reads as false in IPv6, so false can be assigned there too.
    if (value === false && this.context.family.name === 'ipv6') return
    this.#set('fragment', value === false ? undefined : value)
  }

  /**
   * Packet and byte counters, as of when the rule was read. Assigned counters are the initial ones of the rule in a
   * table.
   */
  get counters(): Counters {
    const { family } = this.context
    return this.#head === undefined ? countersOf(family, this.#came()) : readCounters(family, this.#head)
  }
  /** @throws {@link XtablesError} unless the value is a pair of integers from 0 to 2^64 - 1 */
  set counters(counters: CountersInput) {
    const checked = countersFrom('rule', counters)
    writeCounters(this.context.family, this.#ownHead(), checked)
  }

  /** Returns {@link AnyRule.counters}. */
  getCounters(): Counters {
    return this.counters
  }

  /**
   * The matches of the rule, in order. The list is a copy: use {@link AnyRule.addMatch} and {@link AnyRule.removeMatch}
   * to change it.
   */
  get matches(): readonly Match[] {
    return readOnly(this, 'matches', this.#ownMatches().slice(), AnyRule.instead.matches)
  }

  /**
   * Makes a match and appends it to the rule.
   * @param name - name of the extension, as in `-m conntrack`
   * @throws {@link XtablesError} for a name that the family does not have
   */
  createMatch<N extends MatchName>(name: N): Match<N>
  /**
   * Makes a match whose name is known only at run time.
   * @param name - name of the extension, as in `-m conntrack`
   * @throws {@link XtablesError} for a name that the family does not have
   */
  createMatch(name: string): Match
  createMatch(name: string, ...none: unknown[]): Match {
    checkNone('createMatch besides the name', none, 'parameters are properties of the match')
    const match = new Match(this, name)
    this.addMatch(match)
    return match
  }

  /**
   * Appends a match.
   * @throws {@link XtablesError} for a match that was made for another rule
   */
  addMatch(match: Match): void {
    this.#checkOwn('match', match)
    this.#matches = [...this.#ownMatches(), match]
  }

  /**
   * Removes a match: this object, or else the first equal one.
   * @throws {@link XtablesError} if there is none
   */
  removeMatch(match: Match): void {
    this.#checkKind('match', match)
    const matches = this.#ownMatches()
    const same = matches.indexOf(match)
    const at = same >= 0 ? same : matches.findIndex((other) => other.equals(match))
    if (at < 0)
      throw new XtablesError('XT_WRONG_RULE', `the rule has no match ${match.name} with these parameters`, {
        extension: match.name,
      })
    this.#matches = matches.toSpliced(at, 1)
  }

  /** The target: what happens to packets that match. Undefined for a rule that only counts packets. */
  get target(): Target | undefined {
    return this.#ownTarget()
  }
  /** @throws {@link XtablesError} for a target that was made for another rule */
  set target(target: Target | undefined) {
    if (target !== undefined && target !== null) this.#checkOwn('target', target)
    this.#target = { is: target ?? undefined }
  }

  /**
   * Makes the target of the rule. It replaces the present one.
   * @param name - name of the extension, as in `-j REJECT`
   * @throws {@link XtablesError} for a name that the family does not have
   */
  createTarget<N extends TargetName>(name: N, options?: TargetOptions): Target<N>
  /**
   * Makes a target whose name is known only at run time: an extension, a verdict, or else a chain. A {@link Chain} is always
   * a chain.
   * @throws {@link XtablesError} for a name that is none of these
   * @throws {@link IptcError} for a chain of the other family
   */
  createTarget(to: string | ChainHandle, options?: TargetOptions): Target
  createTarget(to: string | ChainHandle, options?: TargetOptions): Target {
    const target = new Target(this, to, options)
    this.target = target
    return target
  }

  #checkOwn(kind: 'match' | 'target', part: Match | Target): void {
    this.#checkKind(kind, part)
    if (!part.belongsTo(this))
      throw new XtablesError(
        'XT_WRONG_RULE',
        `${part.kind} ${part.name} was made for another rule; make one for this rule with create${part.kind === 'match' ? 'Match' : 'Target'}`,
        {
          extension: part.name,
        },
      )
  }

  #checkKind(kind: 'match' | 'target', part: unknown): void {
    if (!(part instanceof ExtensionObject) || part.kind !== kind)
      throw new XtablesError(
        'XT_WRONG_RULE',
        `rule: the ${kind} must be a ${kind === 'match' ? 'Match' : 'Target'}, not ${shown(part)}; make one with create${kind === 'match' ? 'Match' : 'Target'}`,
        {
          extension: 'rule',
          parameter: kind,
          value: part,
          expected: `what create${kind === 'match' ? 'Match' : 'Target'} returns`,
        },
      )
  }

  /**
   * Tells whether the rules are equal. Counters are ignored; the order of matches counts, as in iptables.
   * @throws {@link IptcError} if `other` is not a rule
   */
  equals(other: AnyRule): boolean {
    check('what a rule is compared with', other, A_RULE)
    if (other.context.family !== this.context.family) return false
    return sameRule(this.context.family, this.entry, other.entryFor(this.context))
  }

  /** Returns the rule as `iptables -S` prints it, without `-A` and the chain. */
  override toString(): string {
    return printRule(describeRule(this.entry, this.context), this.context.family.name)
  }
}

/** An argument to a constructor that takes none would be silently missing from the rule. */
function checkOrigin(origin: Partial<Origin> | null): void {
  if (origin?.entry?.bytes instanceof Uint8Array) return
  throw new IptcError(
    'XT_BAD_ARGUMENT',
    `new Rule() takes no argument, but was given ${shown(origin)}; use Rule.parse for text, easy.encodeRule for a dictionary, or assign the properties`,
  )
}

function parsed(line: string, family: Family): Origin {
  check('the rule line', line, text)
  const sets = new UnboundSets()
  return { entry: encodeRule(parseRule(line, family), { family, sets }), sets }
}

/**
 * An IPv4 rule. It belongs to no table; adding it to one copies it.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Rule } from 'xtables'
 *
 * const rule = new Rule()
 * rule.src = '!10.0.0.0/8'
 * rule.protocol = 'tcp'
 * rule.createMatch('tcp').dport = '22'
 * rule.createTarget('ACCEPT')
 * console.log(String(rule)) // ! -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT
 * ```
 */
export class Rule extends AnyRule {
  /** Makes a rule that matches every packet and only counts it. */
  constructor()
  /** @internal */
  constructor(origin: Origin | TableEntry | undefined)
  constructor(origin?: Origin | TableEntry) {
    super(IPV4, origin)
  }

  /**
   * Parses a rule in the iptables language.
   * @param line - a rule without `-A` and the chain: `-p tcp --dport 22 -j ACCEPT`
   * @throws {@link XtablesError} for a line that iptables would refuse
   */
  static parse(line: string): Rule {
    return new Rule(parsed(line, IPV4))
  }
}

/**
 * An IPv6 rule. It belongs to no table; adding it to one copies it.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Rule6 } from 'xtables'
 *
 * const rule = Rule6.parse('-s 2001:db8::/32 -p tcp --dport 22 -j DROP')
 * console.log(rule.src) // 2001:db8::/32
 * ```
 */
export class Rule6 extends AnyRule {
  /** Makes a rule that matches every packet and only counts it. */
  constructor()
  /** @internal */
  constructor(origin: Origin | TableEntry | undefined)
  constructor(origin?: Origin | TableEntry) {
    super(IPV6, origin)
  }

  /**
   * Parses a rule in the ip6tables language.
   * @param line - a rule without `-A` and the chain: `-p tcp --dport 22 -j ACCEPT`
   * @throws {@link XtablesError} for a line that ip6tables would refuse
   */
  static parse(line: string): Rule6 {
    return new Rule6(parsed(line, IPV6))
  }
}

/** @internal A copy of the numbered entry as a rule, as of the last read. */
export const copiedRule = (image: KernelEntries, number: number, context: Context): AnyRule => {
  const stored = new TableEntry(image, number, context)
  return context.family === IPV4 ? new Rule(stored) : new Rule6(stored)
}

/** @internal */
export const storedRule = (family: Family, origin: Origin): AnyRule =>
  family === IPV4 ? new Rule(origin) : new Rule6(origin)
