/** Prints sets in the output formats of ipset(8): plain, save, XML and JSON. */
import type { SetHeader } from '../ip-set'
import { type SetType, setType } from '../types'
import { familyWord } from './addresses'
import { printCreation } from './create'
import { EntryGrammar } from './entry'
import type { Values } from './text'

/** An option. The value is empty if it has none. */
type Option = readonly [name: string, value: string]

/** Host names by address, printed instead of the addresses. */
export type HostNames = ReadonlyMap<string, string>

interface Entry {
  readonly element: string
  readonly options: readonly Option[]
}

/** An output format. */
export interface Format {
  /** Printed before and after all sets. */
  readonly begin: string
  readonly end: string
  /** Printed between two sets. */
  readonly between: string
  name(name: string): string
  header(header: SetHeader, options: readonly Option[], terse: boolean): string
  entry(header: SetHeader, entry: Entry, isFirst: boolean): string
  footer(terse: boolean, isEmpty: boolean): string
}

const word = ([name, value]: Option): string => (value === '' ? name : `${name} ${value}`)
const words = (options: readonly Option[]): string =>
  options.length === 0 ? '' : options.map((option) => ` ${word(option)}`).join('')

/** Counts by the kernel; undefined on old kernels. */
const counts = ({ memorySize, references, elements }: SetHeader) => ({ memorySize, references, elements })

const PLAIN_COUNTS = { memorySize: 'Size in memory', references: 'References', elements: 'Number of entries' } as const
const SHORT_COUNTS = { memorySize: 'memsize', references: 'references', elements: 'numentries' } as const

const lines = (header: SetHeader, titles: Record<keyof ReturnType<typeof counts>, string>): [string, number][] =>
  Object.entries(counts(header)).flatMap(([key, value]) =>
    value === undefined ? [] : [[titles[key as keyof typeof titles], value]],
  )

const plain: Format = {
  begin: '',
  end: '',
  between: '\n',
  name: (name) => `${name}\n`,
  header: (header, options, terse) =>
    [
      `Name: ${header.name}`,
      `Type: ${header.type}`,
      `Revision: ${header.revision}`,
      `Header:${words(options)}`,
      ...lines(header, PLAIN_COUNTS).map(([title, count]) => `${title}: ${count}`),
      ...(terse ? [] : ['Members:']),
      '',
    ].join('\n'),
  entry: (_, { element, options }) => `${element}${words(options)}\n`,
  footer: () => '',
}

const save: Format = {
  begin: '',
  end: '',
  between: '',
  name: (name) => `${name}\n`,
  header: ({ name, type }, options) => `create ${name} ${type}${words(options)}\n`,
  entry: ({ name }, { element, options }) => `add ${name} ${element}${words(options)}\n`,
  footer: () => '',
}

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;' }
const escaped = (text: string): string => text.replace(/[<>&]/g, (char) => ENTITIES[char] as string)
const attribute = (text: string): string => escaped(text).replaceAll('"', '&quot;')
const tag = ([name, value]: Option): string => (value === '' ? `<${name}/>` : `<${name}>${escaped(value)}</${name}>`)

const xml: Format = {
  begin: '<ipsets>\n',
  end: '</ipsets>\n',
  between: '',
  name: (name) => `<ipset name="${attribute(name)}"/>\n`,
  header: (header, options, terse) =>
    [
      `<ipset name="${attribute(header.name)}">`,
      `<type>${header.type}</type>`,
      `<revision>${header.revision}</revision>`,
      `<header>${options.map(tag).join('')}`,
      ...lines(header, SHORT_COUNTS).map(([name, count]) => `<${name}>${count}</${name}>`),
      '</header>',
      ...(terse ? [] : ['<members>']),
      '',
    ].join('\n'),
  entry: (_, { element, options }) => `<member><elem>${escaped(element)}</elem>${options.map(tag).join('')}</member>\n`,
  footer: (terse) => `${terse ? '' : '</members>\n'}</ipset>\n`,
}

/** A value as JSON: decimal numbers become numbers, unless they are too long to be exact. */
const json = (value: string): unknown => {
  if (value === '') return true
  if (/^(0|[1-9]\d{0,14})$/.test(value)) return Number(value)
  return value.replace(/^"(.*)"$/s, '$1')
}
const members = (options: readonly Option[]): Record<string, unknown> =>
  Object.fromEntries(options.map(([name, value]) => [name, json(value)]))
const indented = (value: unknown, depth: number): string =>
  JSON.stringify(value, undefined, 2).replaceAll('\n', `\n${'  '.repeat(depth)}`)

const asJson: Format = {
  begin: '[',
  end: '\n]\n',
  between: ',',
  name: (name) => `\n  ${indented({ name }, 1)}`,
  header(header, options, terse) {
    const { name, type, revision } = header
    const told = { ...members(options), ...Object.fromEntries(lines(header, SHORT_COUNTS)) }
    const open = indented({ name, type, revision, header: told }, 1).replace(/\n {2}\}$/, '')
    return `\n  ${open}${terse ? '' : ',\n    "members": ['}`
  },
  entry: (_, { element, options }, isFirst) =>
    `${isFirst ? '' : ','}\n      ${indented({ elem: element, ...members(options) }, 3)}`,
  footer: (terse, isEmpty) => `${terse ? '' : isEmpty ? ']' : '\n    ]'}\n  }`,
}

export const FORMATS = { plain, save, xml, json: asJson }

/** Prints one set. */
export class SetPrinter {
  readonly #format: Format
  readonly #header: SetHeader
  readonly #type: SetType
  readonly #grammar: EntryGrammar

  constructor(format: Format, header: SetHeader) {
    this.#format = format
    this.#header = header
    this.#type = setType(header.type)
    this.#grammar = new EntryGrammar(this.#type)
  }

  header(terse: boolean, names?: HostNames): string {
    const { family, options } = this.#header
    const word = this.#type.families.length > 1 ? familyWord(family) : undefined
    const named = names === undefined ? options : renamed(options as Values, names)
    return this.#format.header(this.#header, printCreation(this.#type, word, named as Values), terse)
  }

  /** @param names host names to print instead of addresses */
  entry(entry: Values, isFirst: boolean, names?: HostNames): string {
    const element = this.#grammar.printElement(names === undefined ? entry : renamed(entry, names))
    return this.#format.entry(this.#header, { element, options: this.#grammar.printOptions(entry) }, isFirst)
  }
}

/** All addresses in an entry or in create options, including both ends of a range, but not those of networks. */
export const addressesIn = (values: Values): string[] =>
  ADDRESSED.flatMap((name) => {
    const value = values[name]
    return typeof value === 'string' && !value.includes('/') ? value.split('-') : []
  })

const ADDRESSED = ['ip', 'ip2', 'net', 'net2', 'range']

function renamed(values: Values, names: HostNames): Values {
  const named = { ...values }
  for (const name of ADDRESSED) {
    const value = values[name]
    if (typeof value === 'string' && !value.includes('/'))
      named[name] = value
        .split('-')
        .map((address) => names.get(address) ?? address)
        .join('-')
  }
  return named
}
