/** Converts iptables-save text to XML in the format of iptables-xml(1). */
import { IptcError } from '../errors'
import { type QuotedWord, splitQuoted } from './quoting'

export interface XmlOptions {
  /** Combine consecutive rules with equal conditions into one, with the actions of all. */
  readonly combine: boolean
  /** Print each line as a comment. */
  readonly verbose: boolean
}

/** A line that is not valid, or cannot be expressed in well-formed XML. */
export class XmlError extends Error {
  /** Exit status of iptables-xml: 2 if it names the line a second time, else 1. */
  readonly status: 1 | 2
  readonly line: number
  /** The XML up to the error. */
  readonly written: string

  constructor(status: 1 | 2, line: number, message: string, written: string) {
    super(message)
    this.status = status
    this.line = line
    this.written = written
  }
}

interface Chain {
  readonly name: string
  readonly policy: string
  readonly counters: string
  /** Whether rules of the chain were seen. */
  opened: boolean
}

interface Option {
  readonly name: string
  readonly invert: boolean
  readonly values: readonly QuotedWord[]
}

/** The options of one match, or of the rule itself. */
interface Section {
  readonly name: string
  readonly options: Option[]
}

interface Rule {
  readonly chain: string
  readonly counters: string
  readonly conditions: readonly Section[]
  /** `-j` or `-g`, if given, and its options. */
  readonly target: Option | undefined
  readonly targetOptions: readonly Option[]
}

const ENTITIES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[<>&"]/g, (char) => ENTITIES[char] as string)

/** Inserts a space before every second hyphen: two in a row would end an XML comment. */
function commented(text: string): string {
  let count = 0
  return text.replaceAll('-', () => (count++ % 2 === 0 ? '*-' : ' *-'))
}

/** A valid element name: nothing else may stand between the brackets. */
const ELEMENT = /^[A-Za-z_:\u0080-\u{10ffff}][\w:.\-\u0080-\u{10ffff}]*$/u

const valueText = ({ text, quoted }: QuotedWord): string => escaped(quoted ? `"${text}"` : text)

/** Targets after which packets do not continue. */
const FINAL = ['ACCEPT', 'DROP', 'RETURN', 'QUEUE']

const isOption = ({ text, quoted }: QuotedWord): boolean => !quoted && text.startsWith('-')
const isNot = ({ text, quoted }: QuotedWord): boolean => !quoted && text === '!'

/** What is wrong with a rule; the writer adds the place. */
class Malformed extends Error {}

/** Splits a rule into options, each with its words. @throws Malformed */
function optionsOf(words: readonly QuotedWord[]): Option[] {
  const options: Option[] = []
  for (let at = 0; at < words.length; ) {
    const word = words[at] as QuotedWord
    if (!beginsOption(words, at)) throw new Malformed(`the word "${word.text}" belongs to no option`)
    const invert = isNot(word)
    const behind = at + (invert ? 2 : 1)
    let end = behind
    while (end < words.length && !beginsOption(words, end)) end++
    const name = (words[behind - 1] as QuotedWord).text.replace(/^--?/, '')
    options.push(checkOption({ name, invert, values: words.slice(behind, end) }))
    at = end
  }
  return options
}

/** @throws Malformed for what would be lost, or makes no element */
function checkOption(option: Option): Option {
  const { name, invert, values } = option
  const isPart = isMatch(option) || isTarget(option)
  const element = isPart ? (values[0]?.text ?? '') : name
  if (!ELEMENT.test(element)) throw new Malformed(`"${element}" is no name of an element`)
  if (!isPart) return option
  if (invert) throw new Malformed(`nothing may negate -${name}`)
  if (values.length > 1) throw new Malformed(`the word "${values[1]?.text}" belongs to no option`)
  return option
}

function beginsOption(words: readonly QuotedWord[], at: number): boolean {
  const [word, next] = [words[at] as QuotedWord, words[at + 1]]
  return isOption(word) || (isNot(word) && next !== undefined && isOption(next))
}

/** Those of the rule itself first, if any, then those of each match. */
function sectionsOf(options: readonly Option[]): Section[] {
  const sections: Section[] = [{ name: 'match', options: [] }]
  for (const option of options)
    if (isMatch(option)) sections.push({ name: option.values[0]?.text ?? '', options: [] })
    else sections.at(-1)?.options.push(option)
  return sections[0]?.options.length === 0 ? sections.slice(1) : sections
}

const isMatch = ({ name }: Option): boolean => ['m', 'match'].includes(name)
const isTarget = ({ name }: Option): boolean => ['j', 'jump', 'g', 'goto'].includes(name)
const sameConditions = (one: Rule, other: Rule): boolean =>
  one.chain === other.chain && JSON.stringify(one.conditions) === JSON.stringify(other.conditions)

/** Converts a text line by line. */
export class XmlWriter {
  readonly #options: XmlOptions
  #out = ''
  #table = ''
  #chains: Chain[] = []
  #chain: Chain | undefined
  #rule: Rule | undefined
  #line = 0

  constructor(options: XmlOptions) {
    this.#options = options
  }

  /** @throws XmlError */
  convert(text: string): string {
    if (this.#options.verbose) this.#say('xptables-xml')
    this.#say('<iptables-rules version="1.0">')
    const lines = text.split('\n')
    if (lines.at(-1) === '') lines.pop()
    for (const line of lines) {
      this.#line++
      this.#read(line)
    }
    this.#line++
    if (this.#table !== '') throw this.#error(1, `COMMIT expected at line ${this.#line}`)
    this.#say('</iptables-rules>')
    return this.#out
  }

  #say(line: string): void {
    this.#out += `${line}\n`
  }

  #error(status: 1 | 2, message: string): XmlError {
    return new XmlError(status, this.#line, message, this.#out)
  }

  #read(line: string): void {
    if (line.includes('\0')) throw this.#error(2, `line ${this.#line} has a NUL byte in it`)
    if (line === '') return
    if (line.startsWith('#')) {
      this.#say(`<!-- ${commented(line)} -->`)
      return
    }
    if (this.#options.verbose) this.#say(`<!-- line ${this.#line} ${commented(line)} -->`)
    if (line.startsWith('*')) this.#openTable(line.slice(1).trimStart().split(/\s/)[0] as string)
    else if (this.#table === '') throw this.#error(1, `line ${this.#line} failed`)
    else if (line === 'COMMIT') this.#closeTable()
    else if (line.startsWith(':')) this.#addChain(line.slice(1).trimStart().split(/\s+/))
    else this.#readRule(line)
  }

  #openTable(name: string): void {
    if (name === '') throw this.#error(2, `line ${this.#line} table name invalid`)
    if (this.#table !== '') this.#closeTable()
    this.#table = name
    this.#say(`  <table name="${escaped(name)}" >`)
  }

  #closeTable(): void {
    this.#closeChain()
    for (const chain of this.#chains) if (!chain.opened) this.#say(`    <chain ${this.#attributes(chain)}/>`)
    this.#say('  </table>')
    this.#chains = []
    this.#table = ''
  }

  #addChain([name = '', policy, counters = '']: readonly string[]): void {
    if (name === '') throw this.#error(2, `line ${this.#line} chain name invalid`)
    if (policy === undefined || policy === '') throw this.#error(2, `line ${this.#line} policy invalid`)
    const [, packets, bytes] = /^\[(\d+):(\d+)\]$/.exec(counters) ?? ['', '0', '0']
    this.#chains.push({ name, policy, counters: `packet-count="${packets}" byte-count="${bytes}" `, opened: false })
  }

  #attributes({ name, policy, counters }: Chain): string {
    const decided = policy === '-' ? '' : `policy="${escaped(policy)}" `
    return `name="${escaped(name)}" ${decided}${counters}`
  }

  #readRule(line: string): void {
    const [prefix = '', packets, bytes] = /^\[(\d+):(\d+)\]\s*/.exec(line) ?? []
    if (prefix === '' && line.startsWith('[')) throw this.#error(2, `Bad line ${this.#line}: need ]`)
    const [command, chain, ...words] = this.#attempt(() => splitQuoted(line.slice(prefix.length)))
    if (command?.text !== '-A' || chain === undefined)
      throw this.#error(1, `line ${this.#line} failed - no chain found`)
    const options = this.#attempt(() => optionsOf(words))
    const targets = options.filter(isTarget)
    if (targets.length > 1) throw this.#error(1, `line ${this.#line} failed - there are several targets`)
    const end = targets.length === 0 ? options.length : options.indexOf(targets[0] as Option)
    const counters = prefix === '' ? '' : `packet-count="${packets}" byte-count="${bytes}" `
    this.#addRule({
      chain: chain.text,
      counters,
      conditions: sectionsOf(options.slice(0, end)),
      target: options[end],
      targetOptions: options.slice(end + 1),
    })
  }

  #attempt<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof Malformed || error instanceof IptcError)) throw error
      throw this.#error(1, `line ${this.#line} failed - ${error.message}`)
    }
  }

  #addRule(rule: Rule): void {
    if (this.#isCombined(rule)) this.#say('<!-- Combine action from next rule -->')
    else this.#openRule(rule)
    this.#writeActions(rule)
    this.#rule = rule
  }

  #isCombined(rule: Rule): boolean {
    const last = this.#rule
    if (!this.#options.combine || last === undefined || rule.conditions.length === 0) return false
    if (last.target === undefined || rule.target === undefined || !sameConditions(last, rule)) return false
    return !last.target.name.startsWith('g') && !FINAL.includes(last.target.values[0]?.text ?? '')
  }

  #openRule(rule: Rule): void {
    if (this.#chain?.name === rule.chain) this.#closeRule()
    else this.#openChain(rule.chain)
    this.#say(`      <rule ${rule.counters}>`)
    if (rule.conditions.length > 0) {
      this.#say('       <conditions>')
      for (const section of rule.conditions) this.#writeSection(section)
      this.#say('       </conditions>')
    }
    this.#say('       <actions>')
  }

  #closeRule(): void {
    if (this.#rule !== undefined) this.#say('       </actions>\n\n      </rule>\n')
    this.#rule = undefined
  }

  #openChain(name: string): void {
    this.#closeChain()
    const chain = this.#chains.find((one) => one.name === name)
    if (chain === undefined) throw this.#error(1, `line ${this.#line} failed - there is no line :${name}`)
    chain.opened = true
    this.#chain = chain
    this.#say(`    <chain ${this.#attributes(chain)}>`)
  }

  #closeChain(): void {
    this.#closeRule()
    if (this.#chain !== undefined) this.#say('    </chain>')
    this.#chain = undefined
  }

  #writeSection({ name, options }: Section): void {
    if (options.length === 0) {
      this.#say(`        <${name}  />`)
      return
    }
    this.#say(`        <${name} >`)
    for (const option of options) this.#writeOption(option)
    this.#say(`        </${name}>`)
  }

  #writeOption({ name, invert, values }: Option): void {
    const start = `          <${name} ${invert ? ' invert="1"' : ''}`
    if (values.length === 0) this.#say(`${start} />`)
    else this.#say(`${start}>${values.map(valueText).join(' ')}</${name}>`)
  }

  #writeActions({ target, targetOptions: options }: Rule): void {
    const name = target?.values[0]?.text
    if (target === undefined || name === undefined) return
    if (this.#chains.some((chain) => chain.name === name)) {
      const call = target.name.startsWith('g') ? 'goto' : 'call'
      this.#say(`        <${call} >\n          <${name} />\n        </${call}>`)
    } else this.#writeSection({ name, options: [...options] })
  }
}
