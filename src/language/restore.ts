/**
 * Parses the text of iptables-restore(8) and applies it to drafts of tables: comments, `*TABLE`, `:CHAIN POLICY [p:b]`,
 * commands with or without a leading `[p:b]`, `COMMIT`.
 */
import { isVerdict } from '../abi/netfilter'
import { CHAIN_NAME_SIZE } from '../abi/x-tables'
import { encodeText, isEncodable } from '../binary/text'
import {
  ConflictError,
  IptcError,
  LockTimeoutError,
  NotFoundError,
  PermissionError,
  RestoreError,
  RuleError,
} from '../errors'
import type { Context } from '../extensions/context'
import { rememberedSets } from '../extensions/remembered-sets'
import { Editor } from '../ruleset/editor'
import { type Counters, writeCounters } from '../ruleset/entry'
import { encodeRule, type RuleSpec } from '../ruleset/rule'
import type { Draft, Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import { type Command, checkNewName, parseCommand } from './command'
import { programOf } from './help'
import { LineTemplates } from './line-template'
import { UsageError } from './options'
import { splitWords } from './quoting'

export interface RestoreTextOptions {
  /** Set the counters of rules and policies from the text. */
  readonly counters: boolean
  /** Keep what is in a table, and change only what the text names. */
  readonly noflush: boolean
  /** Tables to restore; others in the text are skipped. */
  readonly tables: readonly string[] | undefined
  /** Print each chain and rule. */
  readonly verbose: boolean
  /** Receives the warnings of iptables. */
  readonly warn?: (message: string) => void
  /** The output of a command such as `-S`, or with `-v` of any other. */
  readonly describe: (command: Command, ruleset: Ruleset, context: Context) => string
}

/** Longer than any rule, and short enough to search repeatedly. */
const MAX_LINE = 0x1_0000
/** Length at which a faulty line is cut off in messages. */
const MAX_SHOWN = 200

/** A decimal number within the range of the kernel's counters. */
const readCount = (word: string | undefined): bigint | undefined => {
  if (word === undefined || !/^\d{1,20}$/.test(word)) return undefined
  const count = BigInt(word)
  return count < 2n ** 64n ? count : undefined
}

function readCounters(word: string | undefined): Counters | undefined {
  const [, first, second] = /^\[(\d+):(\d+)/.exec(word ?? '') ?? []
  const [packets, bytes] = [readCount(first), readCount(second)]
  return packets === undefined || bytes === undefined ? undefined : [packets, bytes]
}

/** Whether a quote is open at the end of the text, in the sense of {@link splitWords}. */
function endsInQuotes(text: string): boolean {
  let open = false
  for (let at = text.indexOf('"'); at >= 0 && at < text.length; at++) {
    const char = text[at]
    if (char === '"') open = !open
    else if (char === '\\' && open) at++
  }
  return open
}

/** The lines of a text in sequence, and the last one that was read. */
class Lines {
  readonly #text: string
  /** Offset of the next line, and the number of lines before it. */
  #next = 0
  #count = 0
  /** Offset of the last line that was read, and its number. */
  at = 0
  number = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The next line without its line break; undefined at the end. @throws RestoreError */
  read(): string | undefined {
    this.at = this.#next
    this.number = this.#count + 1
    return this.#next >= this.#text.length ? undefined : this.#take()
  }

  #take(): string {
    const end = this.#text.indexOf('\n', this.#next)
    const line = this.#text.slice(this.#next, end < 0 ? undefined : end)
    this.#next += line.length + 1
    this.#count++
    this.#check(line)
    return line
  }

  #check(line: string): void {
    const length = this.#next - 1 - this.at
    if (length > MAX_LINE)
      throw this.error('syntax', `a line has ${MAX_LINE} characters at most, and this one ${length}`)
    if (line.includes('\0')) throw this.error('syntax', 'there is a NUL byte in it')
  }

  /** If a quoted word contains line breaks, the line continues after them. */
  readOn(line: string): string {
    if (!endsInQuotes(line)) return line
    const parts = [line]
    do {
      if (this.#next >= this.#text.length) throw this.error('syntax', 'a quote is opened and never closed')
      parts.push(this.#take())
    } while (endsInQuotes(`"${parts.at(-1)}`))
    return parts.join('\n')
  }

  /** No valid line ends like this. @throws RestoreError */
  refuseReturn(line: string, kind: RestoreError['kind'] = 'syntax'): void {
    if (line.endsWith('\r')) throw this.error(kind, 'it ends in a carriage return, and lines end in a line feed alone')
  }

  /** Returns a function that goes back to this line. */
  mark(): () => void {
    const [next, count] = [this.#next, this.#count]
    return () => {
      this.#next = next
      this.#count = count
    }
  }

  /** An error about the last line that was read, or about the one at an offset. */
  error(kind: RestoreError['kind'], reason: string, cause?: unknown, at = this.at): RestoreError {
    const end = this.#text.indexOf('\n', at)
    const line = this.#text.slice(at, end < 0 ? undefined : end)
    const shown = line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line
    const number = at === this.at ? this.number : this.#text.slice(0, at).split('\n').length
    return new RestoreError(number, shown, kind, reason.trim(), cause === undefined ? undefined : { cause })
  }

  /** An error about the last line, with iptables' own text and what would be accepted. */
  malformed(text: string, expected: string, kind: RestoreError['kind'] = 'syntax'): RestoreError {
    const cause = new UsageError(text, { expected })
    return this.error(kind, cause.message, cause)
  }
}

/** A text, table by table: {@link nextTable}, {@link apply}, and again. */
export class RestoreText {
  readonly #lines: Lines
  readonly #options: RestoreTextOptions
  /** Goes back to the first line of the table. */
  #rewind: () => void = () => {}
  /** Offset of the table's line, and of the last line that was applied. */
  #tableAt = 0
  #isApplied = false
  /** Whether the lines belong to a table that is skipped, or come before the first one. */
  #isSkipping: boolean
  /** Offset of the line that made each rule. */
  #origins = new Map<Entry, number>()
  /** Output of the lines before the table, and of the table's lines. */
  #preface = ''
  #told: string[] = []

  constructor(text: string, options: RestoreTextOptions) {
    this.#lines = new Lines(text)
    this.#options = options
    this.#isSkipping = options.tables !== undefined
  }

  /** Goes on to the next table. @returns its name, or undefined at the end of the text @throws RestoreError */
  nextTable(): string | undefined {
    for (let line = this.#lines.read(); line !== undefined; line = this.#lines.read()) {
      if (this.#isComment(line)) continue
      const name = this.#tableName(line)
      if (name === undefined) continue
      this.#rewind = this.#lines.mark()
      this.#tableAt = this.#lines.at
      this.#isApplied = false
      return name
    }
    return undefined
  }

  #isComment(line: string): boolean {
    if (line !== '' && !line.startsWith('#')) return false
    if (line !== '' && this.#options.verbose) this.#preface += `${line}\n`
    return true
  }

  /** The table that a line opens; undefined if it is skipped. */
  #tableName(line: string): string | undefined {
    const { tables } = this.#options
    if (line.startsWith('*')) {
      const name = nameOfTable(line, this.#lines)
      this.#isSkipping = tables !== undefined && !tables.includes(name)
      return this.#isSkipping ? undefined : name
    }
    if (!this.#isSkipping)
      throw this.#lines.error('refused', 'it belongs to no table: a line such as *filter must come before it')
    // Quoted text of another table must not be taken for lines.
    this.#lines.readOn(line)
    return undefined
  }

  /**
   * Applies the lines of the table up to its COMMIT. It can be repeated on another draft.
   * @returns false if there was nothing to do
   * @throws RestoreError
   */
  apply(draft: Draft, context: Context): boolean {
    this.#rewind()
    this.#origins = new Map()
    this.#told = []
    const editor = new Editor(draft)
    const sets = rememberedSets(context.sets)
    const output = { origins: this.#origins, told: this.#told }
    new Interpreter(this.#lines, this.#options, output, draft, editor, { ...context, sets }).run()
    this.#isApplied = true
    return editor.edits > 0
  }

  /** The output since the last call. */
  takeOutput(): string {
    const output = this.#preface + this.#told.join('')
    this.#preface = ''
    this.#told = []
    return output
  }

  /**
   * Adds the line to an error from reading or writing the table.
   * @param draft the argument of the last call of {@link apply}, if any
   */
  explain(error: unknown, draft: Draft | undefined): unknown {
    if (!(error instanceof IptcError) || PASSED_ON.some((type) => error instanceof type)) return error
    if (!this.#isApplied)
      return error instanceof NotFoundError ? this.#lines.error('syntax', error.message, error, this.#tableAt) : error
    const kind = error instanceof RuleError && error.cause === undefined ? 'syntax' : 'refused'
    return this.#lines.error(kind, error.message, error, this.#originOf(error, draft))
  }

  /** Offset of the line that made the rule at fault; that of COMMIT if there is none. */
  #originOf(error: IptcError, draft: Draft | undefined): number | undefined {
    if (!(error instanceof RuleError) || error.chain === undefined || error.position === undefined) return undefined
    const rule = draft?.chains.get(error.chain)?.rules.at(error.position)
    const origin = rule?.continues
    return rule && (this.#origins.get(rule) ?? (typeof origin === 'object' ? this.#origins.get(origin) : undefined))
  }
}

/** Names of the tables of a text, in order. @throws RestoreError for a line outside any table */
export function tableNames(text: string): string[] {
  const lines = new Lines(text)
  const names: string[] = []
  let isInTable = false
  for (let line = lines.read(); line !== undefined; line = lines.read())
    if (isInTable) isInTable = lines.readOn(line) !== 'COMMIT'
    else if (line.startsWith('*')) isInTable = names.push(nameOfTable(line, lines)) > 0
    else if (line !== '' && !line.startsWith('#'))
      throw lines.error('refused', 'it belongs to no table: a line such as *filter must come before it')
  return names
}

/** The form of the line of a chain, for error messages. */
const CHAIN_LINE = ':CHAIN and its policy, ACCEPT, DROP or -, such as :INPUT ACCEPT [0:0]'

/** @throws RestoreError for a line that names no table */
function nameOfTable(line: string, lines: Lines): string {
  lines.refuseReturn(line)
  const name = line
    .slice(1)
    .split(/[ \t]+/)
    .find((word) => word !== '')
  if (name === undefined) throw lines.malformed('table name invalid', '* and the name of a table, such as *filter')
  return name
}

/** Errors that concern no line and are clear by themselves. */
const PASSED_ON = [RestoreError, LockTimeoutError, PermissionError, ConflictError]

/** The results of the lines other than edits: the offset of each new rule's line, and the output. */
interface Output {
  readonly origins: Map<Entry, number>
  readonly told: string[]
}

/** Counters before a rule, as iptables-save prints them; larger numbers are read word by word. */
const PLAIN_COUNTERS = /^\[(\d{1,18}):(\d{1,18})\] (?=-)/

/** Applies the lines of one table. */
class Interpreter {
  readonly #lines: Lines
  readonly #options: RestoreTextOptions
  readonly #output: Output
  readonly #draft: Draft
  readonly #editor: Editor
  readonly #context: Context
  readonly #templates: LineTemplates

  constructor(
    lines: Lines,
    options: RestoreTextOptions,
    output: Output,
    draft: Draft,
    editor: Editor,
    context: Context,
  ) {
    this.#lines = lines
    this.#options = options
    this.#output = output
    this.#draft = draft
    this.#editor = editor
    this.#context = context
    this.#templates = new LineTemplates(context)
  }

  run(): void {
    if (!this.#options.noflush) this.#clear()
    for (let line = this.#lines.read(); line !== 'COMMIT'; line = this.#lines.read()) {
      if (line === undefined) throw this.#lines.error('refused', 'COMMIT expected: the text ends without it')
      this.#readLine(line)
    }
    this.#editor.finish()
  }

  #clear(): void {
    const chains = [...this.#draft.chains.values()]
    for (const { name } of chains) this.#tell(`Flushing chain \`${name}'\n`)
    for (const { name, hook } of chains) if (hook === undefined) this.#tell(`Deleting chain \`${name}'\n`)
    this.#attempt('refused', () => this.#editor.clear())
  }

  #tell(text: string): void {
    if (this.#options.verbose) this.#output.told.push(text)
  }

  #readLine(line: string): void {
    if (line === '') return
    if (line.startsWith('#')) this.#tell(`${line}\n`)
    else if (line.startsWith(':')) this.#readChain(line)
    else this.#readCommand(this.#lines.readOn(line))
  }

  // :CHAIN POLICY [packets:bytes]

  #readChain(line: string): void {
    this.#lines.refuseReturn(line, 'refused')
    const [name, policy, counters] = line
      .slice(1)
      .split(/[ \t]+/)
      .filter((word) => word !== '')
    if (name === undefined) throw this.#lines.malformed('chain name invalid', CHAIN_LINE)
    this.#checkName(name)
    if (policy === undefined) throw this.#lines.malformed('policy invalid', CHAIN_LINE)
    if (this.#editor.isBuiltin(name)) this.#setPolicy(name, policy, counters)
    else this.#createChain(name, policy)
  }

  #checkName(name: string): void {
    const max = CHAIN_NAME_SIZE - 2
    if (encodeText(name).length > max)
      throw this.#lines.error('syntax', `Invalid chain name \`${name}' (${max} chars max)`)
    if (!isEncodable(name)) throw this.#lines.error('syntax', 'chain name invalid')
    if (isVerdict(name)) throw this.#lines.error('syntax', `error creating chain '${name}': it is a verdict`)
  }

  #setPolicy(name: string, policy: string, counters: string | undefined): void {
    if (policy === '-') {
      this.#editor.use(name)
      return
    }
    if (policy !== 'ACCEPT' && policy !== 'DROP')
      throw this.#lines.malformed(
        `Can't set policy \`${policy}' on \`${name}': Bad policy name`,
        'ACCEPT, DROP or -',
        'refused',
      )
    const given = this.#options.counters ? readCounters(counters) : ([0n, 0n] as const)
    if (given === undefined) throw this.#lines.malformed(`invalid policy counters for chain '${name}'`, CHAIN_LINE)
    this.#editor.setPolicy(name, policy, given)
  }

  #createChain(name: string, policy: string): void {
    if (policy !== '-')
      throw this.#lines.malformed(
        `Can't set policy \`${policy}' on \`${name}': Bad built-in chain name`,
        '-, as the chain is not built in',
        'refused',
      )
    if (!this.#editor.has(name)) this.#editor.create(name)
    else if (this.#options.noflush) this.#editor.flush(name)
    else throw this.#lines.error('syntax', `error creating chain '${name}': File exists`)
  }

  // Commands

  #readCommand(line: string): void {
    this.#lines.refuseReturn(line)
    if (!this.#options.verbose && this.#appendByTemplate(line)) return
    const command = this.#attempt('syntax', () => this.#parse(line))
    if (command.family !== undefined && command.family !== this.#context.family.name) return
    this.#describe(command)
    const [entry, ...others] = this.#carryOut(command)
    if (command.kind === 'append' && entry !== undefined && others.length === 0) this.#learn(line, command.chain, entry)
  }

  #learn(line: string, chain: string, entry: Entry): void {
    const prefix = PLAIN_COUNTERS.exec(line)?.[0] ?? ''
    const bytes = entry.bytes.slice()
    if (prefix !== '') writeCounters(this.#context.family, bytes, [0n, 0n])
    this.#templates.learn(line.slice(prefix.length), { chain, entry: { ...entry, bytes } })
  }

  /** @returns false for a line that has to be read word by word */
  #appendByTemplate(line: string): boolean {
    const counted = line.startsWith('[') ? PLAIN_COUNTERS.exec(line) : null
    const read = this.#templates.read(counted === null ? line : line.slice(counted[0].length))
    if (read === undefined || !this.#editor.has(read.chain)) return false
    if (counted !== null && this.#options.counters) {
      const [, packets, bytes] = counted as unknown as [string, string, string]
      writeCounters(this.#context.family, read.entry.bytes, [BigInt(packets), BigInt(bytes)])
    }
    this.#noteOrigin(read.entry)
    this.#editor.append(read.chain, read.entry)
    return true
  }

  /** Records the output of the command before it is applied. */
  #describe(command: Command): void {
    // With noflush, iptables-restore prints only chains and comments.
    const isTold = this.#options.verbose && !this.#options.noflush
    const verbose = isTold ? Math.max(command.verbose, 1) : command.verbose
    if (verbose === 0 && !PRINTING.includes(command.kind)) return
    this.#editor.finish()
    const text = this.#attempt('refused', () =>
      this.#options.describe({ ...command, verbose }, this.#draft, this.#context),
    )
    this.#output.told.push(text)
  }

  #attempt<T>(kind: RestoreError['kind'], body: () => T): T {
    try {
      return body()
    } catch (error) {
      if (!(error instanceof IptcError) || error instanceof RestoreError) throw error
      throw this.#lines.error(kind, error.message, error)
    }
  }

  #parse(line: string): Command {
    const { family } = this.#context
    const warnings: string[] = []
    const command = parseCommand(this.#words(line), family, (warning) => warnings.push(warning), this.#draft.table)
    if (command.table !== undefined)
      throw this.#lines.error('syntax', `The -t option cannot be used in ${programOf(family)}-restore.\n`)
    if (command.kind === 'help' || command.kind === 'version')
      throw this.#lines.error('syntax', 'help and version have no place in a text')
    if (command.wait !== undefined) throw this.#lines.error('syntax', "You cannot use `-w' from iptables-restore")
    for (const warning of warnings) this.#options.warn?.(warning)
    return command
  }

  /** The words of a line, with leading counters turned into an option. */
  #words(line: string): string[] {
    if (!line.startsWith('[')) return splitWords(line)
    const [prefix, packets, bytes] = /^\[\s*([^:\]]*?)\s*:\s*([^\]]*?)\s*\]/.exec(line) ?? []
    if (prefix === undefined)
      throw this.#lines.malformed('need ]', 'counters such as [0:0], and then a command such as -A')
    const words = splitWords(line.slice(prefix.length))
    return this.#options.counters ? ['-c', packets as string, bytes as string, ...words] : words
  }

  #encode(rule: RuleSpec): Entry {
    const entry = this.#attempt('syntax', () => encodeRule(rule, this.#context))
    this.#noteOrigin(entry)
    return entry
  }

  /** Records which line made a rule. @throws RestoreError for a jump to a chain that does not exist */
  #noteOrigin(entry: Entry): void {
    const { jump } = entry
    if (jump !== undefined && jump !== '') this.#checkDestination(jump)
    this.#output.origins.set(entry, this.#lines.at)
  }

  #checkDestination(chain: string): void {
    if (!this.#editor.has(chain))
      throw this.#lines.error('syntax', `Couldn't load target \`${chain}': there is no such chain or target`)
    if (this.#editor.isBuiltin(chain))
      throw this.#lines.error('refused', `${chain} is a built-in chain, to which no rule can go`)
  }

  /** @returns the rules that the command is about */
  #carryOut(command: Command): readonly Entry[] {
    if (!('rules' in command)) {
      this.#attempt('refused', () => this.#edit(command))
      return []
    }
    const rules = command.rules.map((rule) => this.#encode(rule))
    this.#attempt('refused', () => {
      for (const rule of rules) this.#change(command, rule)
    })
    return rules
  }

  #change(command: Extract<Command, { rules: unknown }>, rule: Entry): void {
    const { kind, chain } = command
    if (kind === 'append') this.#editor.append(chain, rule)
    else if (kind === 'insert') this.#editor.insert(chain, command.number, rule)
    else if (kind === 'replace') this.#editor.replace(chain, command.number, rule)
    else if (kind === 'delete') this.#editor.delete(chain, rule)
    else this.#editor.find(chain, rule)
  }

  #edit(command: Exclude<Command, { rules: unknown }>): void {
    const editor = this.#editor
    if (command.kind === 'delete-number') editor.deleteNumber(command.chain, command.number)
    else if (command.kind === 'flush') editor.flush(command.chain)
    else if (command.kind === 'zero') editor.zero(command.chain, command.number)
    else if (command.kind === 'new-chain') editor.create(command.chain)
    else if (command.kind === 'rename-chain') this.#rename(command)
    else if (command.kind === 'policy') this.#editPolicy(command)
    else if (command.kind === 'delete-chain') {
      if (command.chain === undefined) editor.removeAll()
      else editor.remove(command.chain)
    } else if (command.kind === 'list' || command.kind === 'list-rules') {
      if (command.zero) editor.zero(command.chain, command.zeroNumber)
    }
  }

  #rename({ chain, newName }: Extract<Command, { kind: 'rename-chain' }>): void {
    if (isVerdict(newName)) throw this.#lines.error('refused', `${newName} is a verdict, and no name of a chain`)
    this.#attempt('syntax', () => checkNewName(newName))
    this.#editor.rename(chain, newName)
  }

  #editPolicy({ chain, policy, counters }: Extract<Command, { kind: 'policy' }>): void {
    if (policy !== 'ACCEPT' && policy !== 'DROP') throw this.#lines.error('refused', `Bad policy name ${policy}`)
    this.#editor.setPolicy(chain, policy, counters)
  }
}

/** Commands that only print. */
const PRINTING: readonly Command['kind'][] = ['list', 'list-rules']
