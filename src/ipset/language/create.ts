/** Reads and prints the type and options of `ipset create`. */
import type { FamilyName } from '../../abi/family'
import type { Kind } from '../fields'
import { type AnyField, SET_TYPES, type SetType, type SetTypeName, setType } from '../types'
import type { Reading } from './addresses'
import { RangeReader } from './create-range'
import { checkRevision } from './revision'
import { type Placed, TEXTS, type Values } from './text'
import { refused, syntax, usage } from './text-errors'

type Fields = Readonly<Record<string, AnyField<never>>>

/** Old names that are not composed of the parts and the storage method, as `iphash` for `hash:ip` is. */
const OLD_NAMES: Readonly<Partial<Record<SetTypeName, string>>> = { 'bitmap:ip,mac': 'macipmap', 'list:set': 'setlist' }
const OLD_METHODS: Readonly<Record<string, string>> = { hash: 'hash', bitmap: 'map' }

function oldName(type: SetTypeName): string {
  const [method = '', parts = ''] = type.split(':')
  return OLD_NAMES[type] ?? `${parts.replaceAll(',', '')}${OLD_METHODS[method]}`
}

/** Finds a type by its name or its old name. @throws SetTextError */
export function readType(word: string): SetType {
  const names = Object.keys(SET_TYPES) as SetTypeName[]
  const name = names.find((one) => one === word) ?? names.find((one) => oldName(one) === word)
  if (name === undefined) throw syntax(`typename '${word}' is unknown`)
  return setType(name)
}

const FAMILIES: Readonly<Record<string, FamilyName>> = {
  inet: 'ipv4',
  ipv4: 'ipv4',
  '-4': 'ipv4',
  inet6: 'ipv6',
  ipv6: 'ipv6',
  '-6': 'ipv6',
}

/** @throws SetTextError */
function readFamily(word: string): FamilyName | 'any' {
  if (word === 'unspec' || word === 'any') return 'any'
  if (!Object.hasOwn(FAMILIES, word)) throw syntax(`unknown inet family ${word}`)
  return FAMILIES[word] as FamilyName
}

/** Options of the old types that no longer exist. As in ipset(8), they are ignored with a warning. */
const OLD_SIZES = ['probes', 'resize']
const OLD_RANGED = [...OLD_SIZES, 'from', 'to', 'network']
const IGNORED: Readonly<Partial<Record<SetTypeName, readonly string[]>>> = {
  'hash:ip': [...OLD_SIZES, 'gc'],
  'hash:net': OLD_SIZES,
  'hash:ip,port': OLD_RANGED,
  'hash:ip,port,ip': OLD_RANGED,
  'hash:ip,port,net': OLD_RANGED,
  'hash:ip,mark': OLD_RANGED,
}

/** If the family is given as `unspec`, these options change it to IPv4. */
const MASKS: readonly Kind[] = ['prefix', 'mask']

/** The parsed arguments of `ipset create`. */
export interface Creation {
  readonly type: SetType
  /** Includes `family` only if it was given. */
  readonly options: Values
  readonly warnings: readonly string[]
}

const readerOf = (field: AnyField<never> | undefined): RangeReader | undefined =>
  field?.kind === 'portRange' || field?.kind === 'addressRange' ? new RangeReader(field.kind) : undefined

/** Parses the arguments of `ipset create`. */
class CreateReader {
  readonly #type: SetType
  readonly #revision: number
  readonly #fields: Fields
  readonly #range: RangeReader | undefined
  readonly #resolve: Reading['resolve']
  readonly #options: Values = {}
  readonly #warnings: string[] = []
  #family: FamilyName | 'any'
  /** Readers of values. They run when all option names have been checked and the family is known. */
  readonly #late: (() => void)[] = []

  constructor(type: SetType, revision: number, resolve: Reading['resolve']) {
    this.#type = type
    this.#revision = revision
    this.#fields = type.create as Fields
    this.#range = readerOf(this.#fields['range'])
    this.#resolve = resolve
    this.#family = type.families[0] ?? 'any'
  }

  read(words: readonly string[]): Creation {
    for (let i = 0; i < words.length; ) i += this.#readOption(words[i] as string, words[i + 1])
    for (const read of this.#late) read()
    if (this.#range !== undefined) this.#options['range'] = this.#range.join()
    // The message of ipset(8) for the kernel's refusal.
    if (this.#options['family'] === 'any') throw refused('Protocol family not supported by the set type')
    return { type: this.#type, options: this.#options, warnings: this.#warnings }
  }

  get #reading(): Reading {
    const type = this.#type.name
    return { family: this.#family, type, revision: this.#revision, command: 'create', resolve: this.#resolve }
  }

  /** @returns the number of words that it used */
  #readOption(word: string, next: string | undefined): 1 | 2 {
    const name = word.replace(/^--/, '')
    if (this.#type.families.length > 1 && (name === '-4' || name === '-6')) return this.#setFamily(name, word, 1)
    const field = Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined
    if (field !== undefined) checkRevision(this.#type, name, word, this.#revision)
    if (field?.kind === 'flag') {
      this.#options[name] = true
      return 1
    }
    const isFamily = name === 'family' && this.#type.families.length > 1
    const isIgnored = IGNORED[this.#type.name]?.includes(name) ?? false
    const range = this.#range?.names.includes(name) ? this.#range : undefined
    if (field === undefined && !isFamily && !isIgnored && range === undefined)
      throw usage(`Unknown argument: \`${word}'`)
    if (next === undefined) throw usage(`Missing mandatory argument of option \`${name}'`)
    if (isFamily) return this.#setFamily(name, next, 2)
    this.#late.push(() => {
      if (isIgnored) this.#ignore(name === 'network' ? 'from' : name, next)
      else if (range !== undefined) range.read(name, next, this.#reading)
      else this.#readValue({ name, field: field as AnyField<never>, fields: this.#fields }, next)
    })
    return 2
  }

  #ignore(name: string, word: string): void {
    if (this.#warnings.some((one) => one.startsWith(`Option '--${name} `))) return
    this.#warnings.push(`Option '--${name} ${word}' is ignored. Please upgrade your syntax.`)
  }

  #setFamily<N extends 1 | 2>(name: string, word: string, taken: N): N {
    if (this.#options['family'] !== undefined) throw syntax(`${name} already specified`)
    this.#family = readFamily(word)
    this.#options['family'] = this.#family
    return taken
  }

  #readValue(placed: Placed, word: string): void {
    const { name, field } = placed
    if (name in this.#options) throw syntax(`${name} already specified`)
    const other = { netmask: 'bitmask', bitmask: 'netmask' }[name]
    if (other !== undefined && other in this.#options)
      throw syntax('bitmask and netmask are mutually exclusive, provide only one')
    if (MASKS.includes(field.kind) && this.#family === 'any') this.#options['family'] = this.#family = 'ipv4'
    TEXTS[field.kind].read(word, this.#options, placed, this.#reading)
  }
}

/**
 * @param revision the newest revision of the type that the kernel supports
 * @throws SetTextError
 */
export const readCreation = (
  type: SetType,
  revision: number,
  words: readonly string[],
  resolve: Reading['resolve'],
): Creation => new CreateReader(type, revision, resolve).read(words)

/** The options, the family first: names and values as text. The value is empty if the option has none. */
export function printCreation(
  type: SetType,
  family: string | undefined,
  options: Values,
): [name: string, value: string][] {
  const fields = type.create as Fields
  const printed: [string, string][] = family === undefined ? [] : [['family', family]]
  for (const [name, field] of Object.entries(fields))
    if (options[name] !== undefined) printed.push([name, TEXTS[field.kind].print(options, { name, field, fields })])
  return printed
}
