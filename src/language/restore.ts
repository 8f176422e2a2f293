/**
 * The text that iptables-restore(8) reads, carried out on drafts of tables: comments, `*TABLE`, `:CHAIN POLICY [p:b]`,
 * commands with or without `[p:b]` in front, `COMMIT`.
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
import { splitWords } from './quoting'

export interface RestoreTextOptions {
  /** Give rules and policies the counters that the text says they have. */
  readonly counters: boolean
  /** Keep what is in a table, and only change what the text names. */
  readonly noflush: boolean
  /** Tables to restore, where the text may hold others. */
  readonly tables: readonly string[] | undefined
  /** Tell what becomes of each chain and rule. */
  readonly verbose: boolean
  /** Gets what iptables warns of. */
  readonly warn?: (message: string) => void
  /** What a command such as `-S` prints, or with `-v` any other. */
  readonly describe: (command: Command, ruleset: Ruleset, context: Context) => string
}

/** Longer than any rule, and short enough to look through again and again. */
const MAX_LINE = 0x1_0000
/** How much of a line is repeated when it is at fault. */
const MAX_SHOWN = 200

/** A number that the kernel can count to, in digits. */
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

/** Whether a quote is open where the text ends, as {@link splitWords} sees it. */
function endsInQuotes(text: string): boolean {
  let open = false
  for (let at = text.indexOf('"'); at >= 0 && at < text.length; at++) {
    const char = text[at]
    if (char === '"') open = !open
    else if (char === '\\' && open) at++
  }
  return open
}

/** The lines of a text one by one, and the one that was read last. */
class Lines {
  readonly #text: string
  /** Where the next line begins, and how many there were before it. */
  #next = 0
  #count = 0
  /** Where the line that was read last begins, and its number. */
  at = 0
  number = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The next line without its line break; undefined where there is none. @throws RestoreError */
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

  /** Where a quoted word holds line breaks, the line goes on behind them. */
  readOn(line: string): string {
    if (!endsInQuotes(line)) return line
    const parts = [line]
    do {
      if (this.#next >= this.#text.length) throw this.error('syntax', 'a quote is opened and never closed')
      parts.push(this.#take())
    } while (endsInQuotes(`"${parts.at(-1)}`))
    return parts.join('\n')
  }

  /** Of what is understood, nothing may end so. @throws RestoreError */
  refuseReturn(line: string, kind: RestoreError['kind'] = 'syntax'): void {
    if (line.endsWith('\r')) throw this.error(kind, 'it ends in a carriage return, and lines end in a line feed alone')
  }

  /** To go on from here another time. */
  mark(): () => void {
    const [next, count] = [this.#next, this.#count]
    return () => {
      this.#next = next
      this.#count = count
    }
  }

  /** What is wrong with the line that was read last, or with the one that begins at an offset. */
  error(kind: RestoreError['kind'], reason: string, cause?: unknown, at = this.at): RestoreError {
    const end = this.#text.indexOf('\n', at)
    const line = this.#text.slice(at, end < 0 ? undefined : end)
    const shown = line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}…` : line
    const number = at === this.at ? this.number : this.#text.slice(0, at).split('\n').length
    return new RestoreError(number, shown, kind, reason.trim(), cause === undefined ? undefined : { cause })
  }
}

/** What is understood of a text, table by table: {@link nextTable}, {@link apply}, and again. */
export class RestoreText {
  readonly #lines: Lines
  readonly #options: RestoreTextOptions
  /** Back to the first line of the table. */
  #rewind: () => void = () => {}
  /** Where the table's line begins, and the one that was carried out last. */
  #tableAt = 0
  #isApplied = false
  /** Whether the lines belong to a table that is not wanted, or to none before the first. */
  #isSkipping: boolean
  /** Where the line begins that made a rule. */
  #origins = new Map<Entry, number>()
  /** What is to be printed of the lines before the table, and of the table's. */
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

  /** The table that a line opens; undefined for what is of no interest here. */
  #tableName(line: string): string | undefined {
    const { tables } = this.#options
    if (line.startsWith('*')) {
      const name = nameOfTable(line, this.#lines)
      this.#isSkipping = tables !== undefined && !tables.includes(name)
      return this.#isSkipping ? undefined : name
    }
    if (!this.#isSkipping) throw this.#lines.error('refused', 'it belongs to no table')
    // What another table quotes must not be taken for lines.
    this.#lines.readOn(line)
    return undefined
  }

  /**
   * Carries out the lines of the table up to its COMMIT. Where it has to be done again on another draft, it may be.
   * @returns false where there was nothing to do
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

  /** What is to be printed since it was asked for last. */
  takeOutput(): string {
    const output = this.#preface + this.#told.join('')
    this.#preface = ''
    this.#told = []
    return output
  }

  /**
   * What to tell of an error that came when the table was read or written: which line it is about.
   * @param draft what {@link apply} was called with last, if it was called
   */
  explain(error: unknown, draft: Draft | undefined): unknown {
    if (!(error instanceof IptcError) || PASSED_ON.some((type) => error instanceof type)) return error
    if (!this.#isApplied)
      return error instanceof NotFoundError ? this.#lines.error('syntax', error.message, error, this.#tableAt) : error
    const kind = error instanceof RuleError && error.cause === undefined ? 'syntax' : 'refused'
    return this.#lines.error(kind, error.message, error, this.#originOf(error, draft))
  }

  /** Where the line begins that made the rule at fault; that of COMMIT where none did. */
  #originOf(error: IptcError, draft: Draft | undefined): number | undefined {
    if (!(error instanceof RuleError) || error.chain === undefined || error.position === undefined) return undefined
    const rule = draft?.chains.get(error.chain)?.rules.at(error.position)
    const origin = rule?.continues
    return rule && (this.#origins.get(rule) ?? (typeof origin === 'object' ? this.#origins.get(origin) : undefined))
  }
}

/** Names of the tables of a text, in their order. @throws RestoreError for a line that belongs to none */
export function tableNames(text: string): string[] {
  const lines = new Lines(text)
  const names: string[] = []
  let isInTable = false
  for (let line = lines.read(); line !== undefined; line = lines.read())
    if (isInTable) isInTable = lines.readOn(line) !== 'COMMIT'
    else if (line.startsWith('*')) isInTable = names.push(nameOfTable(line, lines)) > 0
    else if (line !== '' && !line.startsWith('#')) throw lines.error('refused', 'it belongs to no table')
  return names
}

/** @throws RestoreError for a line that names none */
function nameOfTable(line: string, lines: Lines): string {
  lines.refuseReturn(line)
  const name = line
    .slice(1)
    .split(/[ \t]+/)
    .find((word) => word !== '')
  if (name === undefined) throw lines.error('syntax', 'table name invalid')
  return name
}

/** Errors that are of no line, and tell enough themselves. */
const PASSED_ON = [RestoreError, LockTimeoutError, PermissionError, ConflictError]

/** What comes of the lines beside the edits: where the line of each new rule begins, and what is to be printed. */
interface Output {
  readonly origins: Map<Entry, number>
  readonly told: string[]
}

/** Counters before a rule, as iptables-save prints them; greater ones are read with the words of their line. */
const PLAIN_COUNTERS = /^\[(\d{1,18}):(\d{1,18})\] (?=-)/

/** Carries out the lines of one table. */
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
      if (line === undefined) throw this.#lines.error('refused', 'COMMIT expected, and here the text ends')
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
    if (name === undefined) throw this.#lines.error('syntax', 'chain name invalid')
    this.#checkName(name)
    if (policy === undefined) throw this.#lines.error('syntax', 'policy invalid')
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
      throw this.#lines.error('refused', `Can't set policy \`${policy}' on \`${name}': Bad policy name`)
    const given = this.#options.counters ? readCounters(counters) : ([0n, 0n] as const)
    if (given === undefined) throw this.#lines.error('syntax', `invalid policy counters for chain '${name}'`)
    this.#editor.setPolicy(name, policy, given)
  }

  #createChain(name: string, policy: string): void {
    if (policy !== '-')
      throw this.#lines.error('refused', `Can't set policy \`${policy}' on \`${name}': Bad built-in chain name`)
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

  /** Notes what the command prints before it is carried out. */
  #describe(command: Command): void {
    // With noflush, iptables-restore tells of chains and comments alone.
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

  /** The words of a line; those of the counters in front of it as an option. */
  #words(line: string): string[] {
    if (!line.startsWith('[')) return splitWords(line)
    const [prefix, packets, bytes] = /^\[\s*([^:\]]*?)\s*:\s*([^\]]*?)\s*\]/.exec(line) ?? []
    if (prefix === undefined) throw this.#lines.error('syntax', 'need ]')
    const words = splitWords(line.slice(prefix.length))
    return this.#options.counters ? ['-c', packets as string, bytes as string, ...words] : words
  }

  #encode(rule: RuleSpec): Entry {
    const entry = this.#attempt('syntax', () => encodeRule(rule, this.#context))
    this.#noteOrigin(entry)
    return entry
  }

  /** Notes which line it was that made a rule. @throws RestoreError where it has nowhere to go */
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

  /** @returns the rules that it is about */
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

/** Commands that are there to print. */
const PRINTING: readonly Command['kind'][] = ['list', 'list-rules']
