/** Parses rule specifications of the iptables language. iptables(8), section PARAMETERS */
import type { Family } from '../abi/family'
import { IFNAMSIZ, isVerdict } from '../abi/netfilter'
import { CHAIN_NAME_SIZE } from '../abi/x-tables'
import { encodeText } from '../binary/text'
import { XtablesError } from '../errors'
import type { Option } from '../extensions/option'
import { expectation, type Parameter } from '../extensions/payload'
import { findExtension, type Known } from '../extensions/registry'
import { protocolName, protocolNumber } from '../extensions/values/databases'
import { readInteger } from '../extensions/values/integer'
import { interfaceName } from '../extensions/values/interface'
import { namedProtocol } from '../extensions/values/protocol'
import type { Counters } from '../ruleset/entry'
import { type PartSpec, type RuleSpec, requireExtension, type TargetSpec } from '../ruleset/rule'
import { NETWORK, resolveNetworks } from './names'
import {
  fail,
  type GlobalOption,
  globalByLetter,
  globalByName,
  globalsBegunWith,
  isOption,
  Line,
  type UsageDetails,
  UsageError,
} from './options'
import { splitWords } from './quoting'
import { optionHint } from './unknown-option'

/** A match or target that is being parsed: known by its declaration, or given as bytes. */
interface Loaded {
  readonly kind: 'match' | 'target'
  readonly name: string
  readonly known: Known | undefined
  readonly parameters: Parameter[]
  /** The current section of its text, from 0. */
  section: number
}

/** An option of a match or target on the line, by its canonical name. */
interface PartOption {
  readonly part: Loaded
  readonly name: string
  /** Undefined for the two options of an unknown extension. */
  readonly option: Option | undefined
}

type Found = GlobalOption | PartOption
const isGlobal = (found: Found): found is GlobalOption => 'letter' in found

/** One option of iptables itself on the line. */
export interface Given {
  readonly letter: string
  readonly value: string | undefined
  readonly negated: boolean
  /** The word that contains it. */
  readonly written: string
}

/** Receives the warnings that iptables prints while parsing. */
export type Warn = (message: string) => void

/** Handles the options of iptables itself that are not part of a rule. */
export type TakeOther = (given: Given, reader: RuleReader) => void

/** The names in the head for the letters of a rule's own options. */
const HEAD_NAMES: Readonly<Record<string, string>> = {
  s: 'src',
  d: 'dst',
  i: 'in-interface',
  o: 'out-interface',
  p: 'protocol',
  f: 'fragment',
}

/** The names of the other letters, for messages. */
const PLAIN_NAMES: Readonly<Record<string, string>> = { m: 'match', j: 'target', g: 'target', c: 'counters' }

const nameOf = ({ letter, written }: Pick<Given, 'letter' | 'written'>): string =>
  HEAD_NAMES[letter] ?? PLAIN_NAMES[letter] ?? written

/** Options of an unknown match or target. */
const OPAQUE_OPTIONS = ['revision', 'payload']

const MAX_NAME = CHAIN_NAME_SIZE - 2

const TARGET = `a verdict, a chain or a target, 1 to ${MAX_NAME} bytes without white space`
const COUNTS = `packets and bytes, each 0 to ${2n ** 64n - 1n}`

/** What the options of a rule take, by letter. */
const EXPECTED: Readonly<Record<string, string>> = {
  p: namedProtocol.expects,
  s: NETWORK,
  d: NETWORK,
  i: interfaceName.expects,
  o: interfaceName.expects,
  j: TARGET,
  c: COUNTS,
}

/** Parses the words of one line. Options that are not part of a rule are passed on. */
export class RuleReader {
  readonly line: Line
  readonly #family: Family
  readonly #takeOther: TakeOther
  readonly #warn: Warn
  readonly #head = new Map<string, Parameter>()
  /** Matches and target, in the order of the line. */
  readonly #parts: Loaded[] = []
  #destination: TargetSpec | undefined
  #counters: Counters | undefined
  #negated = false
  #isStopped = false

  constructor(words: readonly string[], family: Family, takeOther: TakeOther, warn: Warn = () => {}) {
    this.line = new Line(words)
    this.#warn = warn
    this.#family = family
    this.#takeOther = takeOther
  }

  /** Parses to the end of the line, or until stopped. @throws XtablesError */
  read(): void {
    while (!this.#isStopped) {
      const word = this.line.take()
      if (word === undefined) break
      this.#readWord(word)
    }
    if (this.#negated && !this.#isStopped)
      fail('nothing appropriate following !', { expected: '! followed by an option' })
  }

  /** Ignores the rest of the line. */
  stop(): void {
    this.#isStopped = true
  }

  /** Letters of the rule's own options that were given. */
  get given(): string[] {
    const letters = Object.keys(HEAD_NAMES).filter((letter) => this.#head.has(HEAD_NAMES[letter] as string))
    if (this.#destination !== undefined) letters.push('j')
    return this.#counters === undefined ? letters : [...letters, 'c']
  }

  /** Counters of `-c`. */
  get counters(): Counters | undefined {
    return this.#counters
  }

  /** Matches and target for the help text, including the implicit match of the protocol. */
  get extensions(): { kind: 'match' | 'target'; name: string }[] {
    return this.#partsWithImplicit().map(({ kind, name }) => ({ kind, name }))
  }

  /** The parts so far, with the implicit match of the protocol even if none of its options is used yet. */
  #partsWithImplicit(): Loaded[] {
    const implicit = this.#implicitMatch()
    return implicit === undefined ? this.#parts : [...this.#parts, implicit]
  }

  get hasParts(): boolean {
    return this.#parts.length > 0
  }

  /**
   * The rules of the line: one for each combination of addresses, in order. Only this resolves host names, which may
   * take time.
   * @throws XtablesError
   */
  rules(): RuleSpec[] {
    const { head, ...shared } = this.unaddressed()
    const [sources, destinations] = [this.#networks('src'), this.#networks('dst')]
    return sources.flatMap((source) =>
      destinations.map((destination) => ({ head: [...source, ...destination, ...head], ...shared })),
    )
  }

  /** The rule without its addresses. @throws XtablesError */
  unaddressed(): RuleSpec {
    const { src, dst, ...head } = Object.fromEntries(this.#head)
    return {
      head: Object.values(head),
      matches: this.#parts.filter(({ kind }) => kind === 'match').map(finish),
      target: this.target,
      counters: this.#counters ?? [0n, 0n],
    }
  }

  /** Each network of an option, by itself; one empty element if the option was not given. */
  #networks(option: 'src' | 'dst'): readonly (readonly Parameter[])[] {
    const given = this.#head.get(option)
    if (given === undefined) return ANY
    const { name, negated, words } = given
    const word = words[0] as string
    const networks = resolveNetworks(word, name, this.#family)
    if (negated && (networks.length > 1 || word.includes(',')))
      fail('! not allowed with multiple source or destination IP addresses', {
        parameter: name,
        value: word,
        expected: 'one address',
      })
    return networks.map((network) => [{ name, negated, words: [network] }])
  }

  /** @throws XtablesError */
  get target(): TargetSpec {
    const part = this.#parts.find(({ kind }) => kind === 'target')
    return part === undefined ? (this.#destination ?? { kind: 'none' }) : { kind: 'extension', part: finish(part) }
  }

  #readWord(word: string): void {
    if (word === '!') this.#negate()
    else if (word === '--') this.#readEnd()
    else if (!isOption(word))
      fail(`Bad argument \`${word}'`, { value: word, expected: 'options and their values', bare: true })
    else if (word.startsWith('--')) this.#readLong(word)
    else this.#readShort(word)
  }

  #negate(): void {
    if (this.#negated) fail('multiple consecutive ! not allowed')
    this.#negated = true
  }

  #readEnd(): void {
    if (this.line.ahead !== undefined) fail('unknown arguments found on commandline')
  }

  /** The `!` before an option applies to that option only. */
  #takeNegation(): boolean {
    const negated = this.#negated
    this.#negated = false
    return negated
  }

  #readLong(word: string): void {
    const at = word.indexOf('=')
    const name = at < 0 ? word.slice(2) : word.slice(2, at)
    const glued = at < 0 ? undefined : word.slice(at + 1)
    const found = this.#find(name) ?? this.#findImplicit(name) ?? this.#unknown(word)
    if (!isGlobal(found)) this.#readPartOption(found, word, glued)
    else if (found.argument === 'none' && glued !== undefined) this.#unknown(word)
    else this.#readGlobal(found, word, glued)
  }

  /** Bundled letters. One that takes a value ends the bundle; the rest of the word is the value. */
  #readShort(word: string): void {
    const letter = word[1] as string
    const option = globalByLetter(letter) ?? this.#unknown(`-${letter}`)
    const rest = word.slice(2)
    this.#readGlobal(option, `-${letter}`, option.argument === 'none' ? undefined : rest || undefined)
    if (option.argument === 'none' && rest !== '' && !this.#isStopped) this.#readShort(`-${rest}`)
  }

  #unknown(word: string): never {
    const parts = this.#partsWithImplicit()
    const loaded = parts.map(({ name }) => name)
    const known = parts.flatMap(({ known }) => known ?? [])
    const hint = optionHint(word, known, this.#family.name)
    throw new UsageError(`unknown option "${word}"`, {
      code: 'XT_UNKNOWN_PARAMETER',
      parameter: word,
      expected: `options of a rule${loaded.length === 0 ? '' : ` and of ${loaded.join(', ')}`}`,
      hint,
    })
  }

  #readGlobal(option: GlobalOption, written: string, glued: string | undefined): void {
    const { letter, argument } = option
    const owner = (): UsageDetails => ({
      parameter: nameOf({ letter, written }),
      expected: EXPECTED[letter] ?? option.help?.takes,
    })
    const value = glued ?? (argument === 'required' ? this.#value(written, owner) : undefined)
    const given = { letter, value, negated: this.#takeNegation(), written }
    if (Object.hasOwn(HEAD_NAMES, letter)) this.#readHead(given)
    else if (Object.hasOwn(PLAIN_NAMES, letter)) this.#readPlain(given)
    else this.#takeOther(given, this)
  }

  /** @param owner describes the option, for the error */
  #value(written: string, owner: () => UsageDetails): string {
    return this.line.take() ?? fail(`option "${written}" requires an argument`, owner())
  }

  // The rule's own options

  #readHead({ letter, value, negated }: Given): void {
    const name = HEAD_NAMES[letter] as string
    if (letter === 'f' && this.#family.name === 'ipv6')
      fail("`-f' is not supported in IPv6, use -m frag instead", { parameter: 'fragment' })
    if (this.#head.has(name)) fail(`multiple -${letter} flags not allowed`, { parameter: name, value })
    if (name === 'protocol') this.#checkProtocol((value as string).toLowerCase(), negated)
    if (letter === 'i' || letter === 'o') checkInterface(name, value as string)
    this.#head.set(name, { name, negated, words: value === undefined ? [] : [value] })
  }

  #checkProtocol(word: string, negated: boolean): void {
    const number = readInteger(word) ?? protocolNumber(word) ?? 256
    if (number > 255)
      fail(`unknown protocol "${word}" specified`, {
        parameter: 'protocol',
        value: word,
        expected: namedProtocol.expects,
      })
    if (negated && number === 0)
      fail('rule would never match protocol', {
        parameter: 'protocol',
        value: word,
        expected: 'a protocol other than all',
      })
    if (!negated && this.#family.name === 'ipv6' && EXTENSION_HEADERS.includes(number))
      this.#warn(`Warning: never matched protocol: ${word}. use extension match instead.\n`)
  }

  #readPlain(given: Given): void {
    const { letter, value = '', negated } = given
    if (negated && letter === 'm')
      fail('unexpected ! flag before --match', {
        parameter: 'match',
        value,
        expected: 'the ! before an option of the match',
      })
    if (negated)
      fail(`cannot have ! before -${letter === 'g' ? 'j' : letter}`, {
        parameter: nameOf(given),
        value,
        expected: `${given.written} without !`,
      })
    if (letter === 'm') this.#parts.push(this.#loadPart('match', value))
    else if (letter === 'c') this.#setCounters(value)
    else this.#setTarget(value, letter === 'g')
  }

  #loadPart(kind: 'match' | 'target', name: string): Loaded {
    if (this.line.ahead === '--revision') return { kind, name, known: undefined, parameters: [], section: 0 }
    const known = requireKnown(kind, name, this.#family)
    return { kind, name: known.extension.name, known, parameters: [], section: 0 }
  }

  #setTarget(name: string, goto: boolean): void {
    if (this.#destination !== undefined) fail('multiple -j flags not allowed', { parameter: 'target', value: name })
    checkTargetName(name)
    if (isVerdict(name) && !goto) this.#destination = { kind: 'verdict', verdict: name }
    else this.#destination = { kind: 'chain', chain: name, goto }
    if (this.#destination.kind === 'chain' && !goto && this.#isTarget(name))
      this.#parts.push(this.#loadPart('target', name))
  }

  #isTarget(name: string): boolean {
    return findExtension('target', name) !== undefined || this.line.ahead === '--revision'
  }

  #setCounters(first: string): void {
    if (this.#counters !== undefined) fail('multiple -c flags not allowed', { parameter: 'counters', value: first })
    const at = first.indexOf(',')
    const [packets, bytes] = at > 0 ? [first.slice(0, at), first.slice(at + 1)] : [first, this.line.follower()]
    if (bytes === undefined)
      fail('-c requires packet and byte counter', { parameter: 'counters', value: first, expected: COUNTS })
    this.#counters = [readCount(packets, 'packet'), readCount(bytes as string, 'byte')]
  }

  // Options of matches and targets

  /**
   * The meaning of an option name; undefined if it has none, or is ambiguous. A full name takes precedence over an
   * abbreviation, and an extension over iptables itself: both have a `--proto`.
   */
  #find(name: string, parts: readonly Loaded[] = this.#parts): Found | undefined {
    return findWhole(parts, name) ?? globalByName(this.#family.name, name) ?? this.#findBegun(name, parts)
  }

  #findBegun(start: string, parts: readonly Loaded[]): Found | undefined {
    const begun: Found[] = [...globalsBegunWith(this.#family.name, start), ...findBegun(parts, start)]
    return begun.length === 1 ? begun[0] : undefined
  }

  /** `-p tcp` adds the options of the match tcp, once one of them is used. */
  #findImplicit(name: string): Found | undefined {
    const match = this.#implicitMatch()
    if (match === undefined) return undefined
    const found = this.#find(name, [...this.#parts, match])
    if (found !== undefined) this.#parts.push(match)
    return found
  }

  #implicitMatch(): Loaded | undefined {
    const word = this.#head.get('protocol')?.words[0]
    if (word === undefined) return undefined
    const number = readInteger(word) ?? protocolNumber(word)
    const name = (number === undefined ? undefined : protocolName(number)) ?? word
    const extension = findExtension('match', name) ?? findExtension('match', word.toLowerCase())
    const variant = extension?.variants(this.#family.name)[0]
    if (extension === undefined || variant === undefined) return undefined
    if (this.#parts.some(({ known }) => known?.extension === extension)) return undefined
    return { kind: 'match', name: extension.name, known: { extension, variant }, parameters: [], section: 0 }
  }

  /** The first word of an option; nothing if it is optional and an option follows. */
  #firstWord(found: PartOption, written: string, glued: string | undefined): string[] {
    const fewest = found.option?.fewest ?? 1
    const word = glued ?? (fewest > 0 ? this.#value(written, () => detailsOf(found)) : this.line.follower())
    return word === undefined ? [] : [word]
  }

  /** As many words as the option takes, or none. */
  #words(found: PartOption, written: string, glued: string | undefined): string[] {
    const { name, option } = found
    const count = option?.words.length ?? 1
    const words = count === 0 ? [] : this.#firstWord(found, written, glued)
    while (words.length > 0 && words.length < count) {
      const word = this.line.follower()
      if (word === undefined)
        throw new UsageError(`--${name} requires ${count === 2 ? 'two' : count} args.`, {
          ...detailsOf(found),
          code: 'XT_BAD_VALUE',
          value: words,
        })
      words.push(word)
    }
    return words
  }

  #readPartOption(found: PartOption, written: string, glued: string | undefined): void {
    const { part, name, option } = found
    if (glued !== undefined && option?.words.length === 0) this.#unknown(written)
    const words = this.#words(found, written, glued)
    if (option?.trails) checkNeeded(part, name, option)
    part.parameters.push({ name, negated: this.#takeNegation(), words })
    part.section = option?.section?.index ?? part.section
  }
}

/** What an error about an option of a match or target says of it. */
const detailsOf = ({ part, name, option }: PartOption): UsageDetails => ({
  extension: part.name,
  parameter: name,
  expected: option && expectation(option),
})

/** @throws UsageError for an option that comes before those that it requires */
function checkNeeded({ name: extension, parameters }: Loaded, name: string, { needs }: Option): void {
  const missing = needs.find((needed) => !parameters.some((one) => one.name === needed))
  if (missing !== undefined)
    throw new UsageError(`--${missing} has to stand before --${name}`, { extension, parameter: name })
}

const ANY: readonly (readonly Parameter[])[] = [[]]

/** The option with this full name. If several extensions have it, the last on the line is meant. */
function findWhole(parts: readonly Loaded[], name: string): PartOption | undefined {
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i] as Loaded
    if (part.known === undefined && OPAQUE_OPTIONS.includes(name)) return { part, name, option: undefined }
    const canonical = spellings(part)?.get(name)
    if (canonical !== undefined) return { part, name: canonical, option: optionOf(part, canonical) }
  }
  return undefined
}

const spellings = ({ known, section }: Loaded): ReadonlyMap<string, string> | undefined =>
  known?.variant.spellings[section]

const optionOf = ({ known }: Loaded, name: string): Option => known?.variant.options.get(name) as Option

/** The options that start like this, each once: of two matches of the same kind, the later is meant. */
function findBegun(parts: readonly Loaded[], start: string): PartOption[] {
  const found = new Map<Option, PartOption>()
  for (const part of parts)
    for (const [name, canonical] of spellings(part) ?? [])
      if (name.startsWith(start)) {
        const option = optionOf(part, canonical)
        found.set(option, { part, name: canonical, option })
      }
  return [...found.values()]
}

function requireKnown(kind: 'match' | 'target', name: string, family: Family): Known {
  try {
    return requireExtension(kind, name, family)
  } catch (error) {
    if (!(error instanceof XtablesError)) throw error
    throw new XtablesError(error.code, `Couldn't load ${kind} \`${name}': ${error.message}`, error, { cause: error })
  }
}

/**
 * IPv6 extension headers after which the protocol follows: route, frag, ah and opts. No packet has them as its
 * protocol.
 */
const EXTENSION_HEADERS = [43, 44, 51, 60]

const MAX_INTERFACE = IFNAMSIZ - 1

function checkInterface(option: string, name: string): void {
  const details = { parameter: option, value: name, expected: interfaceName.expects }
  if (name === '') fail('Empty interface is likely to be undesired', details)
  if (encodeText(name).length > MAX_INTERFACE)
    fail(`interface name \`${name}' must be shorter than IFNAMSIZ (${MAX_INTERFACE})`, details)
}

function checkTargetName(name: string): void {
  const details = { parameter: 'target', value: name, expected: TARGET }
  if (name === '') fail('Invalid target name (too short)', details)
  if (encodeText(name).length > MAX_NAME) fail(`Invalid target name \`${name}' (${MAX_NAME} chars max)`, details)
  if (/\s/.test(name)) fail(`Invalid target name \`${name}'`, details)
}

function readCount(word: string, what: string): bigint {
  const count = /^\d{1,20}$/.test(word) ? BigInt(word) : -1n
  return count >= 0n && count < 2n ** 64n
    ? count
    : fail(`-c ${what} counter not numeric`, { parameter: 'counters', value: word, expected: COUNTS })
}

function finish({ name, known, parameters }: Loaded): PartSpec {
  if (known !== undefined) return { name, parameters }
  const word = (option: string): string | undefined => parameters.find((one) => one.name === option)?.words[0]
  const revision = readInteger(word('revision') ?? '')
  const payload = /^0x((?:[0-9a-f]{2})*)$/i.exec(word('payload') ?? '')?.[1]
  if (revision === undefined || revision > 255 || payload === undefined)
    throw new XtablesError(
      'XT_BAD_VALUE',
      `${name}: --revision wants a number from 0 to 255, --payload bytes such as 0x00ff`,
      {
        extension: name,
      },
    )
  return { name, revision, payload: Uint8Array.from(Buffer.from(payload, 'hex')) }
}

/** @throws UsageError for a verdict, which cannot be the target of `-g` */
export function checkGoto(target: TargetSpec): void {
  if (target.kind === 'chain' && target.goto && isVerdict(target.chain))
    fail(`goto '${target.chain}' is not a chain`, {
      parameter: 'target',
      value: target.chain,
      expected: 'a chain; -j takes verdicts',
    })
}

const notOfARule: TakeOther = ({ written }) => fail(`${written} is not part of a rule`, { parameter: written })

/**
 * The rules of a line of words: several if an address is a list, or a name with several addresses. @throws XtablesError
 */
export function parseRules(words: readonly string[], family: Family): RuleSpec[] {
  const reader = new RuleReader(words, family, notOfARule)
  reader.read()
  checkGoto(reader.target)
  return reader.rules()
}

/** Parses a rule from its words. @throws XtablesError for words that are not understood, or that make several rules */
export function parseRuleWords(words: readonly string[], family: Family): RuleSpec {
  const rules = parseRules(words, family)
  if (rules.length !== 1)
    fail(`these words make ${rules.length} rules`, { expected: 'one rule: a single address each for -s and -d' })
  return rules[0] as RuleSpec
}

/** Parses a line such as `-p tcp --dport 22 -j ACCEPT`. @throws XtablesError */
export const parseRule = (line: string, family: Family): RuleSpec => parseRuleWords(splitWords(line), family)
