/**
 * `iptables-translate`, `iptables-restore-translate` and their IPv6 versions: translate iptables commands to nft commands,
 * with the text and the exit statuses of the tools. They do not need a kernel.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { FAMILIES, type Family, type FamilyName } from '../abi/family'
import { HOOKS, type Hook, isTableName } from '../abi/netfilter'
import { baseChain } from '../abi/nf-tables'
import { UnboundSets } from '../backend/sets'
import { decodeText } from '../binary/text'
import { XtablesError } from '../errors'
import type { Context } from '../extensions/context'
import { type Command, parseCommand } from '../language/command'
import { helpText, LANGUAGE_VERSION, programOf } from '../language/help'
import { UsageError } from '../language/options'
import { splitWords } from '../language/quoting'
import { SetNumbers, type TranslatedRule, translateRule } from '../nft/translate'
import { encodeRule } from '../ruleset/rule'
import { RESTORE_TRANSLATE_OPTIONS } from './applets/tools'
import { Failure, failureOf, printedText, REFUSED, tryHelp, USAGE } from './failure'
import { type Tool, toolOf } from './iptables-tools'
import { fileReason } from './read-files'
import type { Streams } from './streams'

type Output = Pick<Streams, 'stdout' | 'stderr'>

const NFT_VERSION = `${LANGUAGE_VERSION} (nf_tables)`
const NFT_FAMILIES: Readonly<Record<FamilyName, string>> = { ipv4: 'ip', ipv6: 'ip6' }

const titleOf = (program: string): string => `${program} ${NFT_VERSION}`

/** The nf_tables tool with another name. */
const toolCalled = (program: string, family: Family): Tool => ({
  ...toolOf(family, 'nft', 'command'),
  program,
  title: titleOf(program),
})

/** An nft command. Rules and sets are quoted, because a shell would interpret their braces and split them at spaces. */
interface Line {
  readonly text: string
  readonly isQuoted: boolean
}

const NOT_IMPLEMENTED = 'Translation not implemented\n'

/** Quotes a text for sh(1). */
const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** The words as given, as a comment on one line. */
const repeated = (words: readonly string[]): string =>
  `# ${words.map((word) => `${word.replaceAll('\n', ' ')} `).join('')}`

/** The nft equivalent of a command; undefined for commands that the tool does not translate. */
function translated(
  command: Command,
  words: readonly string[],
  context: Context,
  numbers: SetNumbers,
): readonly Line[] | undefined {
  const place = `${NFT_FAMILIES[context.family.name]} ${command.table ?? 'filter'}`
  const one = (text: string): Line[] => [{ text, isQuoted: false }]
  switch (command.kind) {
    case 'append':
    case 'insert': {
      const rules = command.rules.map((rule) => translateRule(encodeRule(rule, context), context, numbers))
      if (rules.includes(undefined)) return one(repeated(words))
      const verb = command.kind === 'append' ? 'add' : 'insert'
      const at = command.kind === 'insert' && command.number > 1 ? ` index ${command.number - 1}` : ''
      return (rules as readonly TranslatedRule[]).flatMap(({ sets, text }) =>
        [...sets.map((set) => `add set ${place} ${set}`), `${verb} rule ${place} ${command.chain}${at} ${text}`].map(
          (said) => ({ text: said, isQuoted: true }),
        ),
      )
    }
    case 'new-chain':
      return one(`add chain ${place} ${command.chain}`)
    case 'flush':
      return one(command.chain === undefined ? `flush table ${place}` : `flush chain ${place} ${command.chain}`)
    case 'delete-chain':
      return command.chain === undefined ? undefined : one(`delete chain ${place} ${command.chain}`)
    case 'list':
      return one(`list table ${place}`)
    default:
      return undefined
  }
}

const contextOf = (family: Family): Context => ({ family, sets: new UnboundSets() })

/** @returns the exit status */
export function runTranslate(words: readonly string[], familyName: FamilyName, output: Output): number {
  const family = FAMILIES[familyName]
  const program = `${programOf(family)}-translate`
  try {
    return translate(words, family, program, output)
  } catch (error) {
    const { status, message } = failureOf(error, toolCalled(program, family))
    output.stderr(message)
    return status
  }
}

function translate(words: readonly string[], family: Family, program: string, { stdout, stderr }: Output): number {
  const command = parseCommand(words, family, stderr)
  if (command.family !== undefined && command.family !== family.name) throw new UsageError('', { bare: true })
  if (command.kind === 'version') stdout(`${program} ${NFT_VERSION}\n`)
  else if (command.kind === 'help')
    stdout(helpText(titleOf(program), family, command.extensions).replaceAll(` ${programOf(family)} `, ` ${program} `))
  else {
    const lines = translated(command, words, contextOf(family), new SetNumbers())
    stdout(lines?.map(({ text, isQuoted }) => `nft ${isQuoted ? shellQuoted(text) : text}\n`).join('') ?? 'nft ')
    if (lines === undefined) throw new Failure(REFUSED, NOT_IMPLEMENTED)
  }
  return 0
}

const restoreUsage = (program: string): string =>
  `${program} ${LANGUAGE_VERSION.slice(1)}\nUsage: ${program} [-h] [-f <FILE>] [-V]\n` +
  '\t[ --help ]\n\t[ --file=<FILE> ]\n\t[ --version ]\n'

/** @returns the exit status */
export function runRestoreTranslate(
  words: readonly string[],
  familyName: FamilyName,
  { stdout, stderr }: Output,
): number {
  const family = FAMILIES[familyName]
  const program = `${programOf(family)}-restore-translate`
  try {
    const { values } = parseArgs({ args: [...words], options: RESTORE_TRANSLATE_OPTIONS })
    if (values.version) stdout(`${program} ${LANGUAGE_VERSION}\n`)
    else if (values.help) stdout(restoreUsage(program))
    else if (values.file === undefined) throw new Failure(REFUSED, `ERROR: missing file name\n${restoreUsage(program)}`)
    else new Restoring(family, program, { stdout, stderr }).run(readText(values.file))
    return 0
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) throw error
    const { status, message } = failureOf(error, toolCalled(program, family))
    stderr(message)
    return status
  }
}

function readText(file: string): string {
  try {
    return decodeText(readFileSync(file))
  } catch (error) {
    throw new Failure(REFUSED, `Couldn't open file ${file}: ${fileReason(error)}\n`)
  }
}

class Restoring {
  readonly #family: Family
  readonly #program: string
  readonly #output: Output
  readonly #numbers = new SetNumbers()
  #table: string | undefined

  constructor(family: Family, program: string, output: Output) {
    this.#family = family
    this.#program = program
    this.#output = output
  }

  run(text: string): void {
    this.#say(`# Translated by ${this.#program} ${LANGUAGE_VERSION} on ${dateText()}`)
    for (const [i, line] of text.split('\n').entries())
      if (line.trim() !== '' && !line.startsWith('#')) this.#takeLine(line, i + 1)
    this.#say(`# Completed on ${dateText()}`)
  }

  #say(line: string): void {
    this.#output.stdout(`${line}\n`)
  }

  #takeLine(line: string, number: number): void {
    try {
      if (this.#take(line)) return
    } catch (error) {
      if (error instanceof XtablesError) throw this.#blame(error, number)
      throw error
    }
    throw new Failure(REFUSED, `${this.#program}: line ${number} failed\n`)
  }

  #blame(error: XtablesError, number: number): Failure {
    const title = error instanceof UsageError && error.bare ? '' : `${this.#program} ${NFT_VERSION}: `
    const text = `${title}${printedText(error)}\nError occurred at line: ${number}\n${tryHelp(this.#program)}`
    return new Failure(USAGE, text)
  }

  /** @returns false if such a line is not allowed at this place */
  #take(line: string): boolean {
    const [, table] = /^\*(\S+)\s*$/.exec(line) ?? []
    if (table !== undefined) return this.#open(table)
    if (this.#table === undefined) return false
    if (/^COMMIT\s*$/.test(line)) {
      this.#table = undefined
      return true
    }
    return line.startsWith(':') ? this.#addChain(line.slice(1), this.#table) : this.#addRule(line, this.#table)
  }

  #open(table: string): boolean {
    if (this.#table !== undefined) return false
    this.#table = table
    this.#say(`add table ${NFT_FAMILIES[this.#family.name]} ${table}`)
    return true
  }

  #addChain(words: string, table: string): boolean {
    const [chain, policy] = words.split(/\s+/)
    if (chain === undefined || policy === undefined) return false
    const isBase = (HOOKS as readonly string[]).includes(chain) && isTableName(table)
    const text = isBase ? ` { ${baseText(table, chain as Hook, policy)} }` : ''
    this.#say(`add chain ${NFT_FAMILIES[this.#family.name]} ${table} ${chain}${text}`)
    return true
  }

  #addRule(line: string, table: string): boolean {
    const words = ['-t', table, ...splitWords(line.replace(/^\[\d+:\d+\]\s*/, ''))]
    const command = parseCommand(words, this.#family, this.#output.stderr)
    const lines = translated(command, words, contextOf(this.#family), this.#numbers)
    for (const { text } of lines ?? []) this.#say(text)
    if (lines === undefined) throw new Failure(REFUSED, NOT_IMPLEMENTED)
    return true
  }
}

function baseText(table: Parameters<typeof baseChain>[0], hook: Hook, policy: string): string {
  const { type, priority } = baseChain(table, hook)
  return `type ${type} hook ${hook.toLowerCase()} priority ${priority}; policy ${policy.toLowerCase()};`
}

/** The date in the format of asctime(3). */
function dateText(): string {
  const [day, month, date, year, time] = new Date().toString().split(' ')
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`
}
