/** Rules of a chain as dictionaries. */
import { FAMILIES } from '../abi/family'
import { UnboundSets } from '../backend/sets'
import { check, number, text } from '../check-input'
import { NotFoundError, type RulePlace, XtablesError } from '../errors'
import { Chain } from '../iptc/chain'
import { type ChainHandle, chainName } from '../iptc/chain-handle'
import { type AnyRule, type Rule, type Rule6, storedRule } from '../iptc/rule'
import { A_RULE } from '../iptc/rule-base'
import type { AnyTable } from '../iptc/table'
import { noPosition } from '../ruleset/positions'
import { isTargetWord } from '../ruleset/rule'
import { countersOf } from '../ruleset/ruleset'
import type { Path } from './canonical'
import { countersValue, decodeEntry } from './decode'
import type { CountersOut, DumpedRule, RuleDictionary } from './dictionary'
import { matchKey } from './dictionary-keys'
import { encodeDictionary } from './encode'
import { attempt, type EasyOptions, familyOf, type ThrowsOption, withTable } from './options'
import { dumpRules } from './tables'

/**
 * Makes an IPv6 rule from a dictionary. It belongs to no table yet.
 * @throws {@link XtablesError} whose `path` locates the fault in the dictionary
 */
export function encodeRule(rule: RuleDictionary, options: EasyOptions & { readonly ipv6: true }): Rule6
/**
 * Makes an IPv4 rule from a dictionary. It belongs to no table yet.
 * @throws {@link XtablesError} whose `path` locates the fault in the dictionary
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy } from 'xtables'
 *
 * const rule = easy.encodeRule({ protocol: 'tcp', tcp: { dport: '22' }, target: 'ACCEPT' })
 * console.log(String(rule)) // -p tcp -m tcp --dport 22 -j ACCEPT
 * ```
 */
export function encodeRule(rule: RuleDictionary, options?: EasyOptions & { readonly ipv6?: false | undefined }): Rule
/**
 * Makes a rule from a dictionary, of the family that `options` select.
 * @throws {@link XtablesError} whose `path` locates the fault in the dictionary
 */
export function encodeRule(rule: RuleDictionary, options?: EasyOptions): Rule | Rule6
export function encodeRule(rule: RuleDictionary, options: EasyOptions = {}): AnyRule {
  const family = FAMILIES[familyOf(options)]
  const sets = new UnboundSets()
  return storedRule(family, { entry: encodeDictionary(rule, { family, sets }), sets })
}

/**
 * Makes a dictionary from a rule.
 * @throws {@link IptcError} for an argument that is not a rule
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, Rule } from 'xtables'
 *
 * console.log(easy.decodeRule(Rule.parse('-p tcp --dport 22 -j ACCEPT')).tcp) // { dport: '22' }
 * ```
 */
export function decodeRule(rule: AnyRule): DumpedRule {
  check('what decodeRule takes', rule, A_RULE)
  return decodeEntry(rule.entry, rule.context)
}

/** @throws XtablesError, also for an ipset that does not exist */
const ruleFor = ({ context }: AnyTable, rule: RuleDictionary, place?: Path): AnyRule =>
  storedRule(context.family, { entry: encodeDictionary(rule, context, place), sets: context.sets })

/** The index before which to insert for `position` in a chain of `length` rules: see {@link addRule}. */
export function insertionIndex(place: RulePlace, position: number, length: number): number {
  if (Number.isInteger(position)) {
    const index = position === 0 ? length : position > 0 ? position - 1 : length + position
    if (index >= 0 && index <= length) return index
  }
  const last = length === 0 ? '' : `, or -1 to -${length} counted from the last rule`
  throw noPosition(place, position, `0 for the end, 1 to ${length + 1}${last}`)
}

/**
 * Adds a rule to a chain.
 * @param position - 0 appends; n makes it the nth rule, from 1; -n puts it before the nth from the end
 * @throws {@link NotFoundError} for a chain that does not exist
 * @throws {@link XtablesError} for an invalid dictionary, with the `path` of the fault, and for a position out of range
 * @throws {@link RuleError} for a rule that the kernel would refuse
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { src: '10.0.0.0/8', target: 'DROP' }, 0, { kernel })
 * easy.addRule('filter', 'INPUT', { 'in-interface': 'lo', target: 'ACCEPT' }, 1, { kernel })
 * console.log(easy.dumpChain('filter', 'INPUT', { kernel }).map(({ target }) => target)) // [ 'ACCEPT', 'DROP' ]
 * ```
 */
export function addRule(
  table: string,
  chain: string | ChainHandle,
  rule: RuleDictionary,
  position = 0,
  options: EasyOptions = {},
): void {
  // Options in place of the position must not select the tables of the machine.
  if (typeof position !== 'number') throw noPosition({ table, chain: String(chain) }, position, 'a number')
  withTable(table, options, (it) => {
    const object = ruleFor(it, rule)
    const into = new Chain(it, chain)
    it.atomically(() => {
      const { length } = it.chainData(into.name).rules
      into.insertRule(object, insertionIndex({ table, chain: into.name }, position, length))
    })
  })
}

/**
 * Inserts a rule at the start of a chain.
 * @throws as {@link addRule}
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.insertRule('filter', 'INPUT', { target: 'DROP' }, { kernel })
 * console.log(easy.getRulePosition('filter', 'INPUT', { target: 'DROP' }, { kernel })) // 0
 * ```
 */
export const insertRule = (
  table: string,
  chain: string | ChainHandle,
  rule: RuleDictionary,
  options: EasyOptions = {},
): void => addRule(table, chain, rule, 1, options)

/**
 * Replaces the first rule equal to `oldRule`.
 * @throws {@link NotFoundError} if there is none
 * @throws {@link XtablesError}, {@link RuleError} as {@link addRule}
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { target: 'DROP' }, 0, { kernel })
 * easy.replaceRule('filter', 'INPUT', { target: 'DROP' }, { target: 'ACCEPT' }, { kernel })
 * console.log(easy.hasRule('filter', 'INPUT', { target: 'ACCEPT' }, { kernel })) // true
 * ```
 */
export function replaceRule(
  table: string,
  chain: string | ChainHandle,
  oldRule: RuleDictionary,
  newRule: RuleDictionary,
  options: EasyOptions = {},
): void {
  withTable(table, options, (it) => {
    const [before, after] = [ruleFor(it, oldRule), ruleFor(it, newRule)]
    const inside = new Chain(it, chain)
    it.atomically(() => inside.replaceRule(after, find(inside, before)))
  })
}

/**
 * Deletes the first rule equal to `rule`. Counters are ignored.
 * @returns true, or false if there is none and `throws` is false
 * @throws {@link NotFoundError} if there is none
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * console.log(easy.deleteRule('filter', 'INPUT', { target: 'DROP' }, { kernel, throws: false })) // false
 * ```
 */
export const deleteRule = (
  table: string,
  chain: string | ChainHandle,
  rule: RuleDictionary,
  options: EasyOptions & ThrowsOption = {},
): boolean =>
  attempt(options, false, () =>
    withTable(table, options, (it) => {
      new Chain(it, chain).deleteRule(ruleFor(it, rule))
      return true
    }),
  )

/** @throws NotFoundError */
function find(chain: Chain, rule: AnyRule): number {
  const position = chain.indexOf(rule)
  if (position >= 0) return position
  throw new NotFoundError('XT_NO_RULE', `chain ${chain.name} of table ${chain.table.name} has no rule ${rule}`)
}

/**
 * Returns all rules of a chain, which is what position 0 means.
 * @throws {@link NotFoundError} if there is no such chain
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { protocol: 'udp', target: 'DROP' }, 0, { kernel })
 * const last = easy.getRule('filter', 'INPUT', -1, { kernel })
 * console.log('protocol' in last && last.protocol) // udp
 * ```
 */
export function getRule(table: string, chain: string | ChainHandle, position?: 0, options?: EasyOptions): DumpedRule[]
/** Returns all rules of a chain, or undefined if there is no such chain and `throws` is false. */
export function getRule(
  table: string,
  chain: string | ChainHandle,
  position: 0,
  options: EasyOptions & ThrowsOption,
): DumpedRule[] | undefined
/**
 * Returns a rule by position: 1 for the first, -1 for the last; or all rules for position 0.
 * @throws {@link NotFoundError} if there is no such chain or position
 */
export function getRule(
  table: string,
  chain: string | ChainHandle,
  position: number,
  options?: EasyOptions & { readonly throws?: true | undefined; readonly raiseExc?: true | undefined },
): DumpedRule | DumpedRule[]
/** Returns a rule by position, or undefined if there is no such chain or position and `throws` is false. */
export function getRule(
  table: string,
  chain: string | ChainHandle,
  position: number,
  options: EasyOptions & ThrowsOption,
): DumpedRule | DumpedRule[] | undefined
export function getRule(
  table: string,
  chain: string | ChainHandle,
  position = 0,
  options: EasyOptions & ThrowsOption = {},
): DumpedRule | DumpedRule[] | undefined {
  return attempt(options, undefined, () =>
    withTable(table, options, (it) => {
      check('a position', position, number)
      return position === 0 ? dumpRules(it, chain) : ruleAt(it, chainName(it, chain), position)
    }),
  )
}

function ruleAt(table: AnyTable, chain: string, position: number): DumpedRule {
  const { context } = table
  const { rules } = table.chainData(chain)
  const entry = rules.at(position > 0 ? position - 1 : rules.length + position)
  if (entry !== undefined && Number.isInteger(position))
    return decodeEntry(entry, context, countersOf(context.family, entry))
  throw new NotFoundError('XT_NO_RULE', `chain ${chain} of table ${table.name} has no rule at position ${position}`)
}

/**
 * Tells whether the chain has an equal rule. Counters are ignored.
 * @throws {@link NotFoundError} for a chain that does not exist
 * @throws {@link XtablesError} for an invalid dictionary
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { protocol: 'tcp', target: 'ACCEPT' }, 0, { kernel })
 * console.log(easy.hasRule('filter', 'INPUT', { proto: 6, target: 'ACCEPT' }, { kernel })) // true
 * ```
 */
export const hasRule = (
  table: string,
  chain: string | ChainHandle,
  rule: RuleDictionary,
  options: EasyOptions = {},
): boolean => withTable(table, options, (it) => new Chain(it, chain).indexOf(ruleFor(it, rule)) >= 0)

/**
 * Returns the position of the first equal rule, counted from 0.
 * @throws {@link NotFoundError} if there is none
 * @throws {@link XtablesError} for an invalid dictionary
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * for (const target of ['ACCEPT', 'DROP']) easy.addRule('filter', 'INPUT', { target }, 0, { kernel })
 * console.log(easy.getRulePosition('filter', 'INPUT', { target: 'DROP' }, { kernel })) // 1
 * ```
 */
export const getRulePosition = (
  table: string,
  chain: string | ChainHandle,
  rule: RuleDictionary,
  options: EasyOptions = {},
): number => withTable(table, options, (it) => find(new Chain(it, chain), ruleFor(it, rule)))

/**
 * Returns the packet and byte counters of the first equal rule, in this order.
 * @throws {@link NotFoundError} if there is none
 * @throws {@link XtablesError} for an invalid dictionary
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { target: 'DROP', counters: [7, 420] }, 0, { kernel })
 * console.log(easy.getRuleCounters('filter', 'INPUT', { target: 'DROP' }, { kernel })) // [ 7, 420 ]
 * ```
 */
export const getRuleCounters = (
  table: string,
  chain: string | ChainHandle,
  rule: RuleDictionary,
  options: EasyOptions = {},
): CountersOut =>
  withTable(table, options, (it) => {
    const inside = new Chain(it, chain)
    const entry = it.chainData(inside.name).rules.at(find(inside, ruleFor(it, rule)))
    return entry === undefined ? [0, 0] : countersValue(countersOf(it.context.family, entry))
  })

/** Whether `body` accepts a dictionary. */
function isAccepted(body: () => boolean): boolean {
  try {
    return body()
  } catch (error) {
    if (error instanceof XtablesError) return false
    throw error
  }
}

/**
 * Tells whether a dictionary can be encoded as a rule. What depends on its place (the protocol that a match requires,
 * the chain it jumps to, ipsets) is not checked.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, type RuleDictionary } from 'xtables'
 *
 * const rule = JSON.parse('{ "protocol": "tcp", "dprot": "22" }') as RuleDictionary
 * console.log(easy.testRule(rule)) // false
 * ```
 */
export const testRule = (rule: RuleDictionary, options: EasyOptions = {}): boolean =>
  isAccepted(() => encodeRule(rule, options) !== undefined)

/**
 * Tells whether a match of this name exists and accepts these parameters.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy } from 'xtables'
 *
 * console.log(easy.testMatch('tcp', { dport: '80' }), easy.testMatch('tcp', { dport: '80000' })) // true false
 * ```
 */
export const testMatch = (name: string, value: unknown, options: EasyOptions = {}): boolean =>
  isAccepted(() => {
    check('the name of a match', name, text)
    return encodeRule({ [matchKey(name)]: value } as RuleDictionary, options).matches.length > 0
  })

/**
 * Tells whether a verdict or target of this name exists and accepts these parameters. Chains do not count.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy } from 'xtables'
 *
 * console.log(easy.testTarget('REJECT', { 'reject-with': 'tcp-reset' }), easy.testTarget('web', {})) // true false
 * ```
 */
export const testTarget = (name: string, value: unknown, options: EasyOptions = {}): boolean =>
  isAccepted(() => {
    check('the name of a target', name, text)
    encodeRule({ target: { [name]: value } } as RuleDictionary, options)
    return isTargetWord(name)
  })
