/** Entries as text: an element, whose parts are separated by commas, followed by options. */
import type { Kind } from '../fields'
import type { AnyField, SetType } from '../types'
import { familyWord, type Reading } from './addresses'
import { checkRevision } from './revision'
import { type Placed, TEXTS, type Values } from './text'
import { refused, syntax, usage } from './text-errors'

type Fields = Readonly<Record<string, AnyField<never>>>

/** The kinds of fields that are parts of an element. Other fields are options, or are written together with a part. */
const ELEMENT_KINDS: readonly Kind[] = ['host', 'loneHost', 'hosts', 'network', 'port', 'mac', 'iface', 'bits', 'set']
/** In the order in which they are printed. */
const OPTIONS = ['timeout', 'nomatch', 'wildcard', 'packets', 'bytes', 'comment', 'skbmark', 'skbprio', 'skbqueue']
const BESIDE = ['before', 'after']

/** The commands that accept an option, if `add` is not the only one. */
const TAKEN: Readonly<Record<string, readonly Reading['command'][]>> = {
  nomatch: ['add', 'test'],
  before: ['add', 'del', 'test'],
  after: ['add', 'del', 'test'],
}

const NONE: readonly (readonly [string, string])[] = []

const isTaken = (name: string, command: Reading['command']): boolean => (TAKEN[name] ?? ['add']).includes(command)

/** Message words for an element with too many commas: the number found and the number supported, by the latter. */
const TOO_MANY = [
  ['Elem separator', 'none'],
  ['Two elem separators', 'one'],
  ['Three elem separators', 'two'],
] as const

/** Splits at commas, until the rest starts or ends with one. */
function split(element: string): string[] {
  if (!element.includes(',')) return [element]
  const words: string[] = []
  let rest = element
  while (!rest.startsWith(',') && !rest.endsWith(',') && rest.includes(',')) {
    const at = rest.indexOf(',')
    words.push(rest.slice(0, at))
    rest = rest.slice(at + 1)
  }
  return [...words, rest]
}

/** Refuses ranges in parts that accept a single value only: all parts in `test`, and some in every command. @throws SetTextError */
function refuseSeveral(entry: Values, parts: readonly Placed[], { type, family, command }: Reading): void {
  const has = (kinds: readonly Kind[], sign: string): boolean =>
    parts.some(({ name, field }) => kinds.includes(field.kind) && String(entry[name]).includes(sign))
  const several = [
    has(['hosts', 'loneHost', 'network'], '-') && 'FROM-TO IP',
    has(['hosts', 'loneHost'], '/') && 'IP/CIDR',
    has(['port'], ',') && 'FROM-TO port',
  ].find((one) => one !== false)
  if (several !== undefined)
    throw refused(
      `${several} range is not allowed in command ${command} with set type ${type} and family ${familyWord(family)}`,
    )
}

/** The syntax of the entries of one type. */
export class EntryGrammar {
  readonly #type: SetType
  readonly #parts: readonly Placed[]
  /** Parts that accept a single address only, although networks and ranges are parsed too. */
  readonly #lone: readonly Placed[]
  /** The minimum number of parts in an element. */
  readonly #least: number
  /** Whether an entry can be placed before or after another, as in a list of sets. */
  readonly #isOfSets: boolean
  readonly #options: ReadonlyMap<string, Placed>

  constructor(type: SetType) {
    const fields = type.entry as Fields
    const of = (name: string): Placed => ({ name, fields, field: fields[name] as AnyField<never> })
    const options = [...OPTIONS, ...BESIDE].filter((name) => Object.hasOwn(fields, name))
    this.#type = type
    this.#options = new Map(options.map((name) => [name, of(name)]))
    this.#parts = type.parts
      .map(of)
      .filter(({ name, field }) => !this.#options.has(name) && ELEMENT_KINDS.includes(field.kind))
    this.#lone = this.#parts.filter(({ field }) => field.kind === 'loneHost')
    this.#least = this.#parts.filter(({ field }) => !field.optional).length
    this.#isOfSets = this.#options.has('before')
  }

  /** @param words the element, then its options. @throws SetTextError */
  read(words: readonly string[], reading: Reading): Values {
    const entry: Values = {}
    const element = words[0] ?? ''
    const old = this.#isOfSets && split(element).length > 1 ? oldBeside(element) : undefined
    const parts = old ? [old.set] : this.#words(element)
    for (let i = 0; i < parts.length; i++) {
      const part = this.#parts[i] as Placed
      TEXTS[part.field.kind].read(parts[i] as string, entry, part, reading)
    }
    if (old) this.#readOptions(old.options, 0, entry, reading)
    this.#readOptions(words, 1, entry, reading)
    const lone = reading.command === 'test' ? this.#parts : this.#lone
    if (lone.length > 0) refuseSeveral(entry, lone, reading)
    return entry
  }

  /** Prints the parts that identify the entry. */
  printElement(entry: Values): string {
    let text = ''
    for (const part of this.#parts)
      if (entry[part.name] !== undefined)
        text += `${text === '' ? '' : ','}${TEXTS[part.field.kind].print(entry, part)}`
    return text
  }

  /** The options: names and values as text. The value is empty if the option has none. */
  printOptions(entry: Values): readonly (readonly [name: string, value: string])[] {
    if (!this.#hasOptions(entry)) return NONE
    const printed: [string, string][] = []
    for (const option of this.#options.values())
      if (entry[option.name] !== undefined) printed.push([option.name, TEXTS[option.field.kind].print(entry, option)])
    return printed
  }

  /** A fast check: most entries have few keys and no options. */
  #hasOptions(entry: Values): boolean {
    for (const name in entry) if (this.#options.has(name)) return true
    return false
  }

  /** The element as the help text shows it. */
  shownElement(): string {
    return this.#parts
      .map(({ field }, i) => {
        const { shown } = TEXTS[field.kind]
        return field.optional ? `[,${shown}]` : i === 0 ? shown : `,${shown}`
      })
      .join('')
  }

  /** The options that a command accepts. */
  optionsOf(command: Reading['command']): Placed[] {
    return [...this.#options.values()].filter(({ name }) => isTaken(name, command))
  }

  #words(element: string): string[] {
    const words = split(element)
    if (words.length < this.#least)
      throw syntax(`${words.length === 1 ? 'Second' : 'Third'} element is missing from ${element}.`)
    const most = this.#parts.length
    if (words.length <= most) return words
    const [found, known] = TOO_MANY[most - 1] as (typeof TOO_MANY)[number]
    throw syntax(`${found} in ${element}, but settype ${this.#type.name} supports ${known}.`)
  }

  /** @param from index of the first option in `words` */
  #readOptions(words: readonly string[], from: number, entry: Values, reading: Reading): void {
    for (let i = from; i < words.length; i++) {
      const word = words[i] as string
      const name = word.replace(/^--/, '')
      const option = this.#options.get(name)
      if (option === undefined || !isTaken(name, reading.command)) throw usage(`Unknown argument: \`${word}'`)
      checkRevision(this.#type, name, word, reading.revision)
      if (option.field.kind === 'flag') entry[name] = true
      else this.#readValue(option, words[++i], entry, reading)
    }
  }

  #readValue(option: Placed, word: string | undefined, entry: Values, reading: Reading): void {
    const { name, field } = option
    if (word === undefined) throw usage(`Missing mandatory argument of option \`${name}'`)
    const excluded = BESIDE.includes(name) ? BESIDE : [name]
    if (excluded.some((one) => entry[one] !== undefined)) throw syntax(`${name} already specified`)
    TEXTS[field.kind].read(word, entry, option, reading)
  }
}

/** Parses `set,before,set`, the old syntax. @throws SetTextError */
function oldBeside(element: string): { set: string; options: string[] } {
  const [set = '', where = '', other = '', ...more] = element.split(',')
  if (!BESIDE.includes(where) || other === '' || more.length > 0)
    throw refused('you must specify elements as setname,[before|after],setname')
  return { set, options: [where, other] }
}
