/** Parses commands of iptables(8): the action, the chain, and the modifiers. */
import type { Family } from '../abi/family'
import { CHAIN_NAME_SIZE } from '../abi/x-tables'
import { encodeText } from '../binary/text'
import type { SetNames } from '../extensions/context'
import { readInteger } from '../extensions/values/integer'
import type { Counters } from '../ruleset/entry'
import { encodeRule, isTargetWord, type RuleSpec } from '../ruleset/rule'
import { fail } from './options'
import { checkGoto, type Given, RuleReader, type Warn } from './parse'

/** Options that may accompany any command. */
export interface Modifiers {
  /** `-t`; undefined if not given. */
  readonly table: string | undefined
  /** `-w`: how many seconds to wait for the xtables lock, `true` for ever; undefined if not given. */
  readonly wait: number | true | undefined
  readonly numeric: boolean
  /** Number of `-v`. */
  readonly verbose: number
  readonly exact: boolean
  readonly lineNumbers: boolean
  /** `-4` or `-6`: the family that the line is meant for. */
  readonly family: 'ipv4' | 'ipv6' | undefined
  readonly modprobe: string | undefined
}

/** The action of a command. Rule numbers count from 1, as on the command line. */
export type Action =
  /**
   * There are several `rules` if addresses are lists, or host names with several addresses. Their counters are those of
   * `-c`.
   */
  | { readonly kind: 'append' | 'check' | 'delete'; readonly chain: string; readonly rules: readonly RuleSpec[] }
  | { readonly kind: 'delete-number'; readonly chain: string; readonly number: number }
  | {
      readonly kind: 'insert' | 'replace'
      readonly chain: string
      readonly number: number
      readonly rules: readonly RuleSpec[]
    }
  /** `-L` and `-S`. With `zero`, counters are zeroed afterwards: those of rule `zeroNumber`, or of all. */
  | {
      readonly kind: 'list' | 'list-rules'
      readonly chain: string | undefined
      readonly number: number | undefined
      readonly zero: boolean
      readonly zeroNumber: number | undefined
    }
  | { readonly kind: 'flush' | 'delete-chain'; readonly chain: string | undefined }
  | { readonly kind: 'zero'; readonly chain: string | undefined; readonly number: number | undefined }
  | { readonly kind: 'new-chain'; readonly chain: string }
  | { readonly kind: 'rename-chain'; readonly chain: string; readonly newName: string }
  | {
      readonly kind: 'policy'
      readonly chain: string
      readonly policy: string
      readonly counters: Counters | undefined
    }
  /** `extensions` are the matches and the target before `-h`. */
  | { readonly kind: 'help'; readonly extensions: readonly { kind: 'match' | 'target'; name: string }[] }
  | { readonly kind: 'version' }
  /** The line is meant for the other family; the rest of it has not been checked. */
  | { readonly kind: 'nothing' }

export type Command = Modifiers & Action

/**
 * Parses a command from its words, without the program name: `['-A', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT']`.
 * @param warn receives the warnings that iptables prints while parsing
 * @param table the default table
 * @throws XtablesError; a UsageError where iptables would print its message
 */
export const parseCommand = (
  words: readonly string[],
  family: Family,
  warn: Warn = () => {},
  table?: string,
): Command => new CommandReader(words, family, warn, table).read()

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** Commands that take a rule. */
const WITH_RULE = 'ACDIR'
/** Options other than the rule's own that only some commands accept, in the order in which iptables checks them. */
const PICKY = 'nsdpjxio0cf'
const ALLOWED: Readonly<Record<string, string>> = { L: 'nx0', P: 'c', A: 'sdpjiocf', I: 'sdpjiocf', R: 'sdpjiocf' }
const ALLOWED_WITH_RULE = 'sdpjiof'

const NO_IN = ['OUTPUT', 'POSTROUTING']
const NO_OUT = ['PREROUTING', 'INPUT']

/** Listing and zeroing can be combined, in either order. */
const PAIRS = ['LZ', 'SZ', 'ZL', 'ZS']

/** If a third command conflicts with both, the one that iptables names. */
const FIRST_NAMED = ['S', 'Z']

const MAX_CHAIN_NAME = CHAIN_NAME_SIZE - 2
export const NO_NAT_DROP =
  '\nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n'

const MAX_NUMBER = 0xffff_fffe

class CommandReader {
  readonly #reader: RuleReader
  readonly #family: Family
  readonly #modifiers: Writable<Modifiers> = {
    table: undefined,
    wait: undefined,
    numeric: false,
    verbose: 0,
    exact: false,
    lineNumbers: false,
    family: undefined,
    modprobe: undefined,
  }
  /** Letter of the command, and its arguments. */
  #command: string | undefined
  #zero = false
  /** `-Z` has a rule number. */
  #zeroesOne = false
  #chain: string | undefined
  #number: number | undefined
  /** The second argument of `-E` and `-P`. */
  #second = ''
  /** `-W` was given, which no longer has any effect. */
  #waitInterval = false
  readonly #warn: Warn
  readonly #table: string | undefined

  constructor(words: readonly string[], family: Family, warn: Warn, table: string | undefined) {
    this.#table = table
    this.#family = family
    this.#warn = warn
    this.#reader = new RuleReader(words, family, (given) => this.#take(given), warn)
  }

  read(): Command {
    this.#reader.read()
    // For many lines, this is faster than spreading both.
    return Object.assign(this.#action(), this.#modifiers)
  }

  #take(given: Given): void {
    if ('hV'.includes(given.letter)) {
      // Regardless of the rest of the line and its errors.
      this.#command = given.letter
      this.#reader.stop()
    } else if (/[A-Z]/.test(given.letter) && !'MW'.includes(given.letter)) this.#takeCommand(given)
    else this.#takeModifier(given)
  }

  #takeCommand({ letter, value, negated }: Given): void {
    if (letter === 'N') checkNewName(value as string)
    if (negated) fail("unexpected '!' flag")
    this.#choose(letter)
    this.#chain = value ?? this.#reader.line.follower() ?? this.#chain
    if ('LSZD'.includes(letter) && this.#chain !== undefined) this.#takeOwnNumber(letter)
    else if (letter === 'I') this.#number = this.#takeNumber() ?? 1
    else if (letter === 'R') this.#number = this.#takeNumber() ?? fail('-R requires a rule number')
    else if (letter === 'E') this.#second = this.#takeSecond('-E requires old-chain-name and new-chain-name')
    else if (letter === 'P') this.#second = this.#takeSecond('-P requires a chain and a policy')
  }

  /** One command per line; `-Z` may accompany `-L` or `-S`. */
  #choose(letter: string): void {
    const before = this.#command ?? ''
    const given = `${before}${this.#zero ? 'Z' : ''}`
    const clashes = Array.from(given).filter((other) => !PAIRS.includes(`${other}${letter}`))
    if (clashes.length > 0)
      fail(`Cannot use -${letter} with -${FIRST_NAMED.find((one) => clashes.includes(one)) ?? before}`)
    if (letter === 'Z') this.#zero = true
    if (before === '' || letter !== 'Z') this.#command = letter
  }

  #takeOwnNumber(letter: string): void {
    const number = this.#takeNumber()
    if (letter === 'Z') this.#zeroesOne = number !== undefined
    this.#number = number ?? this.#number
  }

  #takeNumber(): number | undefined {
    const word = this.#reader.line.follower()
    if (word === undefined) return undefined
    const number = readInteger(word)
    return number === undefined || number < 1 || number > MAX_NUMBER ? fail(`Invalid rule number \`${word}'`) : number
  }

  #takeSecond(complaint: string): string {
    return this.#reader.line.follower() ?? fail(complaint)
  }

  #takeModifier({ letter, value, negated }: Given): void {
    const modifiers = this.#modifiers
    if (negated) fail(letter === 't' ? 'unexpected ! flag before --table' : `cannot have ! before -${letter}`)
    if (letter === 'n') this.#once('numeric', letter)
    else if (letter === 'x') this.#once('exact', letter)
    else if (letter === '0') this.#once('lineNumbers', letter)
    else if (letter === 'v') modifiers.verbose++
    else if (letter === 't') modifiers.table = value
    else if (letter === 'M') modifiers.modprobe = value
    else if (letter === 'w') modifiers.wait = readWait(value ?? this.#reader.line.follower())
    else if (letter === 'W') this.#setWaitInterval(value ?? this.#reader.line.follower())
    else this.#setFamily(letter === '4' ? 'ipv4' : 'ipv6')
  }

  #once(modifier: 'numeric' | 'exact' | 'lineNumbers', letter: string): void {
    if (this.#modifiers[modifier]) fail(`multiple -${letter} flags not allowed`)
    this.#modifiers[modifier] = true
  }

  /** The arguments of the other family's option may be valid only there. */
  #setFamily(family: 'ipv4' | 'ipv6'): void {
    this.#modifiers.family = family
    if (family === this.#family.name) return
    this.#command = '4'
    this.#reader.stop()
  }

  #setWaitInterval(word: string | undefined): void {
    if (word === undefined) fail('wait interval value required')
    const interval = readInteger(word as string)
    if (interval === undefined) fail('wait interval not numeric')
    if ((interval as number) > 999_999) fail(`too long usec wait ${interval} > 999999 usec`)
    this.#waitInterval = true
    this.#warn('Ignoring deprecated --wait-interval option.\n')
  }

  #action(): Action {
    if (this.#command === '4') return { kind: 'nothing' }
    if (this.#command === 'V') return { kind: 'version' }
    if (this.#command === 'h') return { kind: 'help', extensions: this.#reader.extensions }
    if (this.#waitInterval && this.#modifiers.wait === undefined) fail('--wait-interval only makes sense with --wait\n')
    try {
      const command = this.#command ?? fail('no command specified')
      this.#checkDrop(command)
      const rules = this.#reader.rules()
      this.#checkOptions(command)
      if (command === 'R' && rules.length !== 1) fail('Replacement rule does not specify a unique address')
      this.#checkChain(command)
      return this.#isRule() ? this.#ruleAction(command, rules) : this.#chainAction(command)
    } catch (error) {
      // Missing parameters of matches and targets are reported first. If nothing else is wrong, they are found when the
      // rule is made.
      this.#checkParts()
      throw error
    }
  }

  /** @throws UsageError for DROP in the nat table */
  #checkDrop(command: string): void {
    const { target } = this.#reader
    const drops = target.kind === 'verdict' && target.verdict === 'DROP' && WITH_RULE.includes(command)
    const table = this.#modifiers.table ?? this.#table
    if (table === 'nat' && (drops || (command === 'P' && this.#second === 'DROP'))) fail(NO_NAT_DROP)
  }

  #isRule(): boolean {
    return WITH_RULE.includes(this.#command ?? '-') && !(this.#command === 'D' && this.#number !== undefined)
  }

  #checkOptions(command: string): void {
    const { numeric, exact, lineNumbers } = this.#modifiers
    const given = [...this.#reader.given, ...(numeric ? 'n' : ''), ...(exact ? 'x' : ''), ...(lineNumbers ? '0' : '')]
    const allowed = ALLOWED[command] ?? (this.#isRule() ? ALLOWED_WITH_RULE : '')
    for (const letter of PICKY)
      if (given.includes(letter) && !allowed.includes(letter)) fail(`Illegal option \`-${letter}' with this command`)
    if (this.#reader.hasParts && !this.#isRule()) this.#checkParts()
  }

  /** Matches have no effect here, but must be valid. */
  #checkParts(): void {
    const sets: SetNames = { byName: () => ({ index: 0, family: 'any' }), byIndex: () => undefined }
    const { target, ...rule } = this.#reader.unaddressed()
    const parts = { ...rule, target: target.kind === 'chain' ? ({ kind: 'none' } as const) : target }
    encodeRule(parts, { family: this.#family, sets })
  }

  #checkChain(command: string): void {
    const chain = this.#chain ?? ''
    if (encodeText(chain).length > MAX_CHAIN_NAME) tooLong(chain)
    if (!WITH_RULE.includes(command)) return
    const { given } = this.#reader
    if (given.includes('i') && NO_IN.includes(chain))
      fail(`Can't use -i with ${chain}\n`, { parameter: 'in-interface' })
    if (given.includes('o') && NO_OUT.includes(chain))
      fail(`Can't use -o with ${chain}\n`, { parameter: 'out-interface' })
  }

  #ruleAction(command: string, rules: readonly RuleSpec[]): Action {
    checkGoto(this.#reader.target)
    const [chain, number] = [this.#chain as string, this.#number as number]
    if (command === 'A') return { kind: 'append', chain, rules }
    if (command === 'C') return { kind: 'check', chain, rules }
    if (command === 'D') return { kind: 'delete', chain, rules }
    if (command === 'I') return { kind: 'insert', chain, number, rules }
    return { kind: 'replace', chain, number, rules }
  }

  #chainAction(command: string): Action {
    const [chain, number, zero] = [this.#chain, this.#number, this.#zero]
    const zeroNumber = this.#zeroesOne ? number : undefined
    if (command === 'L' || command === 'S')
      return { kind: command === 'L' ? 'list' : 'list-rules', chain, number, zero, zeroNumber }
    if (command === 'F') return { kind: 'flush', chain }
    if (command === 'X') return { kind: 'delete-chain', chain }
    if (command === 'Z') return { kind: 'zero', chain, number }
    return this.#namedAction(command, chain as string)
  }

  #namedAction(command: string, chain: string): Action {
    const second = this.#second
    if (command === 'D') return { kind: 'delete-number', chain, number: this.#number as number }
    if (command === 'N') return { kind: 'new-chain', chain }
    if (command === 'E') return { kind: 'rename-chain', chain, newName: second }
    return { kind: 'policy', chain, policy: second, counters: this.#reader.counters }
  }
}

const tooLong = (chain: string): never =>
  fail(`chain name \`${chain}' too long (must be under ${MAX_CHAIN_NAME + 1} chars)`, { parameter: 'chain' })

/** Checks the name of a new chain as iptables does. @throws UsageError */
export function checkNewName(chain: string): void {
  if (/^[-!]/.test(chain)) fail(`chain name not allowed to start with \`${chain[0]}'`, { parameter: 'chain' })
  if (/\s/.test(chain)) fail(`Invalid chain name \`${chain}'`, { parameter: 'chain' })
  if (encodeText(chain).length > MAX_CHAIN_NAME) tooLong(chain)
  if (chain === '' || isTargetWord(chain)) fail('chain name may not clash with target name', { parameter: 'chain' })
}

function readWait(word: string | undefined): number | true {
  if (word === undefined) return true
  const seconds = readInteger(word)
  if (seconds === undefined) return fail('wait seconds not numeric')
  return seconds === 0 ? true : seconds
}
