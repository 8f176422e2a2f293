/** Rule specifications: from iptables' own words to a rule. iptables(8), section PARAMETERS */
import type { Family } from '../abi/family'
import { isVerdict } from '../abi/netfilter'
import { XtablesError } from '../errors'
import type { Option } from '../extensions/option'
import type { Parameter } from '../extensions/payload'
import { findExtension, type Known } from '../extensions/registry'
import { protocolName, protocolNumber } from '../extensions/values/databases'
import { readInteger } from '../extensions/values/integer'
import type { Counters } from '../ruleset/entry'
import { HEADS } from '../ruleset/head'
import { type PartSpec, type RuleSpec, requireExtension, type TargetSpec } from '../ruleset/rule'
import { SHORT_OPTIONS } from './print'
import { splitWords } from './words'

/** A match or target on the way: known by its declaration, or given as bytes. */
interface Loaded {
  readonly name: string
  readonly known: Known | undefined
  readonly parameters: Parameter[]
}

const HEAD_OPTIONS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(SHORT_OPTIONS).map(([name, short]) => [short, name]),
)

const LONG_OPTIONS: Readonly<Record<string, string>> = {
  '--match': '-m',
  '--jump': '-j',
  '--goto': '-g',
  '--set-counters': '-c',
}

/** The two words of a match or target that is not known here. */
const OPAQUE_OPTIONS = ['revision', 'payload']

class RuleReader {
  readonly #words: readonly string[]
  readonly #family: Family
  readonly #head: Parameter[] = []
  readonly #matches: Loaded[] = []
  #target: Loaded | undefined
  #destination: TargetSpec = { kind: 'none' }
  #counters: Counters | undefined
  #at = 0

  constructor(words: readonly string[], family: Family) {
    this.#words = words
    this.#family = family
  }

  read(): RuleSpec {
    while (this.#at < this.#words.length) this.#readOption()
    return {
      head: this.#head,
      matches: this.#matches.map(finish),
      target: this.#target === undefined ? this.#destination : { kind: 'extension', part: finish(this.#target) },
      counters: this.#counters ?? [0n, 0n],
    }
  }

  #fail(message: string, details: { parameter?: string; value?: unknown; expected?: string } = {}): never {
    throw new XtablesError(message, { extension: 'rule', ...details })
  }

  #next(option: string): string {
    const word = this.#words[this.#at++]
    return word ?? this.#fail(`${option} wants a word behind it`, { parameter: option })
  }

  #readOption(): void {
    const negated = this.#words[this.#at] === '!'
    if (negated) this.#at++
    const word = this.#next('!')
    const [option, glued] = splitGlued(word)
    const short = LONG_OPTIONS[option] ?? option
    const value = (): string => glued ?? this.#next(option)
    if (short === '-m') this.#plain(negated, option, () => this.#load(value()))
    else if (short === '-j' || short === '-g')
      this.#plain(negated, option, () => this.#setTarget(value(), short === '-g'))
    else if (short === '-c') this.#plain(negated, option, () => this.#setCounters(value()))
    else this.#readParameter(word, option, glued, negated)
  }

  #plain(negated: boolean, option: string, read: () => void): void {
    if (negated) this.#fail(`${option} cannot be negated`, { parameter: option })
    read()
  }

  #readParameter(word: string, option: string, glued: string | undefined, negated: boolean): void {
    const [to, name, declared] = this.#find(option) ?? this.#fail(this.#unknown(word), { parameter: option })
    const count = declared?.words.length ?? 1
    const words = Array.from({ length: count }, (_, i) => (i === 0 && glued !== undefined ? glued : this.#next(option)))
    if (glued !== undefined && count === 0) this.#fail(`${option} takes no value`, { parameter: option, value: glued })
    to.push({ name, negated, words })
  }

  #unknown(word: string): string {
    if (!word.startsWith('-')) return `${JSON.stringify(word)} belongs to no option`
    const loaded = this.#loaded().map(({ name }) => name)
    const among = loaded.length === 0 ? '' : ` of a rule, nor of ${loaded.join(', ')}`
    return `${word} is no option${among}; an extension’s options stand behind -m or -j with its name`
  }

  /** Matches and target, the latest first: where two have an option of one name, the latest is meant. */
  #loaded(): Loaded[] {
    return [...(this.#target === undefined ? [] : [this.#target]), ...this.#matches.toReversed()]
  }

  /** Whom an option is for, its name without dashes, and its declaration where there is one. */
  #find(option: string): [Parameter[], string, Option | undefined] | undefined {
    const head = HEADS[this.#family.name]
    const name = HEAD_OPTIONS[option] ?? (option.startsWith('--') ? option.slice(2) : undefined)
    if (name === undefined) return undefined
    return find(this.#head, head, name) ?? this.#findLoaded(name) ?? this.#findImplicit(name)
  }

  #findLoaded(name: string): [Parameter[], string, Option | undefined] | undefined {
    for (const { known, parameters } of this.#loaded()) {
      if (known === undefined && OPAQUE_OPTIONS.includes(name)) return [parameters, name, undefined]
      const found = known && find(parameters, known, name)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** `-p tcp` brings the options of the match tcp, once one of them is used. */
  #findImplicit(name: string): [Parameter[], string, Option | undefined] | undefined {
    const protocol = this.#head.find((parameter) => parameter.name === 'protocol')
    if (protocol === undefined || protocol.negated) return undefined
    const word = protocol.words[0] as string
    const number = readInteger(word) ?? protocolNumber(word)
    const extension = findExtension('match', (number === undefined ? undefined : protocolName(number)) ?? word)
    const variant = extension?.variants[this.#family.name][0]
    if (extension === undefined || variant === undefined || !variant.names.has(name)) return undefined
    if (this.#matches.some((match) => match.known?.extension === extension)) return undefined
    const match = { name: extension.name, known: { extension, variant }, parameters: [] }
    this.#matches.push(match)
    return find(match.parameters, match.known, name)
  }

  #load(name: string): void {
    this.#matches.push(this.#loadPart('match', name))
  }

  #loadPart(kind: 'match' | 'target', name: string): Loaded {
    if (this.#words[this.#at] === '--revision') return { name, known: undefined, parameters: [] }
    const known = requireExtension(kind, name, this.#family)
    return { name: known.extension.name, known, parameters: [] }
  }

  #setTarget(name: string, goto: boolean): void {
    if (this.#target !== undefined || this.#destination.kind !== 'none')
      this.#fail('a rule has one -j or -g', { value: name })
    if (isVerdict(name) && !goto) this.#destination = { kind: 'verdict', verdict: name }
    else if (goto || !this.#isTarget(name)) this.#destination = { kind: 'chain', chain: name, goto }
    else this.#target = this.#loadPart('target', name)
  }

  #isTarget(name: string): boolean {
    return findExtension('target', name) !== undefined || this.#words[this.#at] === '--revision'
  }

  #setCounters(first: string): void {
    if (this.#counters !== undefined) this.#fail('a rule has one -c', { parameter: '-c', value: first })
    const [packets, bytes] = first.includes(',') ? first.split(',') : [first, this.#next('-c')]
    if (!/^\d+$/.test(packets as string) || !/^\d+$/.test(bytes as string))
      this.#fail('-c wants two numbers, packets and bytes', { parameter: '-c', value: `${packets} ${bytes}` })
    this.#counters = [BigInt(packets as string), BigInt(bytes as string)]
  }
}

/** `--option=value` and `-ovalue` in two. */
function splitGlued(word: string): [string, string | undefined] {
  if (/^-[sdiopjgmc]./.test(word)) return [word.slice(0, 2), word.slice(2)]
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

function find(to: Parameter[], { variant }: Known, name: string): [Parameter[], string, Option] | undefined {
  const canonical = variant.names.get(name)
  return canonical === undefined ? undefined : [to, canonical, variant.options.get(canonical) as Option]
}

function finish({ name, known, parameters }: Loaded): PartSpec {
  if (known !== undefined) return { name, parameters }
  const word = (option: string): string | undefined => parameters.find((one) => one.name === option)?.words[0]
  const revision = readInteger(word('revision') ?? '')
  const payload = /^0x((?:[0-9a-f]{2})*)$/i.exec(word('payload') ?? '')?.[1]
  if (revision === undefined || revision > 255 || payload === undefined)
    throw new XtablesError(`${name}: --revision wants a number 0 to 255, --payload bytes such as 0x00ff`, {
      extension: name,
    })
  return { name, revision, payload: Uint8Array.from(Buffer.from(payload, 'hex')) }
}

/** A rule from its words. @throws XtablesError that names what was not understood */
export const parseRuleWords = (words: readonly string[], family: Family): RuleSpec =>
  new RuleReader(words, family).read()

/** A rule from a line such as `-p tcp --dport 22 -j ACCEPT`. @throws XtablesError */
export const parseRule = (line: string, family: Family): RuleSpec => parseRuleWords(splitWords(line), family)
