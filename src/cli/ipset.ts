/** `ipset`: runs commands on sets, with the messages and exit statuses of the tool. */
import { closeSync, readFileSync } from 'node:fs'
import type { FamilyName } from '../abi/family'
import { decodeText, encodeText } from '../binary/text'
import { IptcError, PermissionError, SetError, SetTextError } from '../errors'
import { contentsOf, type SetContents } from '../ipset/contents'
import { kernelRevisions } from '../ipset/create'
import { readEntries } from '../ipset/entries'
import { IpSet } from '../ipset/ip-set'
import type { Reading } from '../ipset/language/addresses'
import {
  type Command,
  type CommandName,
  lineWords,
  type OutputMode,
  readCommand,
  type Settings,
} from '../ipset/language/command'
import { readCreation, readType } from '../ipset/language/create'
import { EntryGrammar } from '../ipset/language/entry'
import { help, VERSION } from '../ipset/language/help'
import { type Action, refusalWords } from '../ipset/language/kernel-messages'
import { Listing } from '../ipset/language/listing'
import { addressesIn, FORMATS, type HostNames, SetPrinter } from '../ipset/language/print'
import { sorted } from '../ipset/language/sort'
import { readSetName, type Values } from '../ipset/language/text'
import { closing, type SetPlace, Sets } from '../ipset/sets'
import { type SetType, setType } from '../ipset/types'
import { openForWriting } from '../kernel/linux/plain-file'
import { hostAddresses, hostNames } from '../language/hosts'
import { Refusal } from '../netlink/refusal'
import { fileReason, writeAll } from './read-files'
import type { Streams } from './streams'

const TITLE = `ipset ${VERSION}: `
const REFUSED = 1
const USAGE = 2
/** The exit status if the file to restore cannot be read. */
const NO_FILE = 255

/** Ends the command with a status. Its messages have been printed already. */
class Ended extends Error {
  readonly status: number

  constructor(status: number) {
    super()
    this.status = status
  }
}

/** A refusal, with the message of the tool. */
class Refused extends Error {}

/**
 * How many entries are added or removed together. With one message per entry, a long text would take many times as long.
 * More entries than fit into a message would only wait, and be copied by the garbage collector in the meantime.
 */
const MAX_PENDING = 2500
/** How many characters of output are collected before they are written. */
const MAX_TEXT = 0x1_0000

/** Entries of consecutive lines with the same command and set, which are sent together. */
interface Pending {
  readonly set: string
  readonly action: 'add' | 'del'
  /** The start of a line with the same command and set. Undefined if the name of the set has to be quoted. */
  readonly beginning: string | undefined
  readonly exist: boolean
  readonly entries: Values[]
  /** The line number of each entry. */
  readonly lines: number[]
}

const METHODS = { add: 'add', del: 'remove' } as const

class Session {
  readonly #place: SetPlace
  readonly #io: Streams
  readonly #settings: Settings = {}
  /** The sets that were opened or created so far. */
  readonly #known = new Map<string, { set: IpSet; grammar: EntryGrammar }>()
  readonly #resolved = new Map<string, string | undefined>()
  readonly #revisions = new Map<SetType, number>()
  #open: IpSet | undefined
  #mode: 'once' | 'restore' | 'interactive' = 'once'
  #pending: Pending | undefined
  #line = 0

  constructor(place: SetPlace, io: Streams) {
    this.#place = place
    this.#io = io
  }

  /** @returns the exit status */
  run(words: readonly string[]): number {
    try {
      this.#execute(readCommand(words, this.#settings))
      return 0
    } catch (error) {
      return this.#report(error)
    } finally {
      this.#open?.close()
    }
  }

  #report(error: unknown): number {
    if (error instanceof Ended) return error.status
    const isUsage = error instanceof SetTextError && error.kind === 'usage'
    if (!(error instanceof Refused || error instanceof IptcError)) throw error
    const where = this.#line > 0 && !isUsage ? `Error in line ${this.#line}: ` : ''
    this.#warn(`${TITLE}${where}${error.message}\n${isUsage ? "Try `ipset help' for more information.\n" : ''}`)
    return isUsage ? USAGE : REFUSED
  }

  #warn(text: string): void {
    if (!this.#settings.quiet) this.#io.stderr(text)
  }

  #execute({ name, words }: Command): void {
    if (name !== 'add' && name !== 'del') this.#flushPending()
    this.#checkMode(name)
    const names = words.slice(0, name === 'rename' || name === 'swap' ? 2 : 1)
    if (name !== 'help' && name !== 'version') names.forEach(readSetName)
    const [set = '', other = ''] = words
    if (name === 'create') this.#create(set, other, words.slice(2))
    else if (name === 'add' || name === 'del') this.#change(name, set, words.slice(1))
    else if (name === 'test') this.#test(set, words.slice(1))
    else if (name === 'list' || name === 'save') this.#list(name, words[0])
    else if (name === 'destroy' || name === 'flush') this.#clear(name, words[0])
    else if (name === 'rename' || name === 'swap') this.#exchange(name, set, other)
    else if (name === 'restore') this.#restore()
    else if (name === 'help') help(words[0], this.#io.stdout)
    else if (name === 'version') this.#io.stdout(`ipset ${VERSION}, protocol version: 7\n`)
    else if (name === '-') this.#interact()
    else throw new Ended(0)
  }

  #checkMode(name: CommandName): void {
    const barred = this.#mode === 'restore' && ['help', 'version', 'restore', '-'].includes(name)
    if (barred) throw new SetTextError('usage', `Command \`${name}' is invalid in restore mode.`)
  }

  /** Calls the library. Its errors are converted to the messages of the tool. */
  #perform<T>(action: Action, type: string | undefined, body: () => T): T {
    try {
      return body()
    } catch (error) {
      throw refusalOf(error, action, type)
    }
  }

  readonly #resolve: Reading['resolve'] = (name: string, family: FamilyName) => {
    const key = `${family} ${name}`
    if (!this.#resolved.has(key)) this.#resolved.set(key, hostAddresses(name, family)[0])
    return this.#resolved.get(key)
  }

  #create(name: string, typeWord: string, words: readonly string[]): void {
    const type = readType(typeWord)
    const { options, warnings } = readCreation(type, this.#newest(name, type), words, this.#resolve)
    this.#use(
      name,
      this.#perform('create', type.name, () =>
        IpSet.create(name, type.name, options as never, { ...this.#place, exist: this.#settings.exist }),
      ),
    )
    if (warnings.length > 0) this.#warn(`Warning: ${warnings.join('\n')}\n`)
  }

  /**
   * The newest revision of a type that the kernel supports. It is requested before the options are parsed, because the
   * parser reports options that the kernel is too old for. Cached, because a text may create many sets.
   */
  #newest(name: string, type: SetType): number {
    const known = this.#revisions.get(type)
    if (known !== undefined) return known
    const sets = new Sets(this.#place)
    const revisions = kernelRevisions(name, type, type.families[0] ?? 'any')
    const [, newest] = this.#perform('create', type.name, () => closing(sets, () => sets.perform(revisions)))
    sets.close()
    this.#revisions.set(type, newest)
    return newest
  }

  #use(name: string, set: IpSet): { set: IpSet; grammar: EntryGrammar } {
    const known = { set, grammar: new EntryGrammar(setType(set.type)) }
    this.#known.set(name, known)
    if (this.#open !== set) this.#open?.close()
    this.#open = set
    return known
  }

  #find(name: string): { set: IpSet; grammar: EntryGrammar } {
    const known = this.#known.get(name)
    if (known === undefined)
      return this.#use(
        name,
        this.#perform('open', undefined, () => IpSet.open(name, this.#place)),
      )
    if (this.#open !== known.set) this.#open?.close()
    this.#open = known.set
    return known
  }

  #read(action: 'add' | 'del' | 'test', name: string, words: readonly string[]): Values {
    const { set, grammar } = this.#find(name)
    const { family, type, revision } = set
    return grammar.read(words, { family, type, revision, command: action, resolve: this.#resolve })
  }

  #change(action: 'add' | 'del', set: string, words: readonly string[]): void {
    const exist = this.#settings.exist ?? false
    // Parsed before anything is sent: if this line has a syntax error, the pending entries of earlier lines are discarded.
    const entry = this.#read(action, set, words)
    const pending = this.#pending
    if (pending !== undefined && !isSame(pending, set, action, exist)) this.#flushPending()
    const beginning = isPlainWord(set, 0, set.length) ? `${action} ${set} ` : undefined
    this.#pending ??= { set, action, beginning, exist, entries: [], lines: [] }
    this.#pending.entries.push(entry)
    this.#pending.lines.push(this.#line)
    if (this.#mode !== 'restore' || this.#pending.entries.length === MAX_PENDING) this.#flushPending()
  }

  #flushPending(): void {
    const pending = this.#pending
    this.#pending = undefined
    if (pending === undefined) return
    const { set } = this.#find(pending.set)
    const line = this.#line
    this.#perform(pending.action, set.type, () => {
      try {
        set[METHODS[pending.action]](pending.entries as never, { exist: pending.exist })
      } catch (error) {
        this.#line = pending.lines[error instanceof SetError ? (error.index ?? 0) : 0] ?? line
        throw error
      }
    })
  }

  #test(name: string, words: readonly string[]): void {
    const entry = this.#read('test', name, words)
    const { set, grammar } = this.#find(name)
    const isIn = this.#perform('test', set.type, () => set.test(entry as never))
    const element = [grammar.printElement(entry), ...besideOf(entry)].join(' ')
    this.#warn(isIn ? `Warning: ${element} is in set ${name}.\n` : `${element} is NOT in set ${name}.\n`)
    if (!isIn) throw new Ended(REFUSED)
  }

  #clear(name: 'destroy' | 'flush', set: string | undefined): void {
    this.#perform(name, undefined, () => {
      if (set !== undefined) IpSet.open(set, this.#place)[name]()
      else if (name === 'flush') IpSet.flushAll(this.#place)
      else IpSet.destroyAll(this.#place)
    })
    if (name === 'destroy') this.#known.clear()
  }

  #exchange(name: 'rename' | 'swap', set: string, other: string): void {
    this.#perform(name, undefined, () => {
      using open = this.#perform('open', undefined, () => IpSet.open(set, this.#place))
      open[name](other)
    })
    this.#known.clear()
  }

  #list(command: 'list' | 'save', set: string | undefined): void {
    const { output = command === 'save' ? 'save' : 'plain', names = false, terse = false } = this.#settings
    // Output that can be restored always contains the entries, whatever -name or -terse say.
    const isWhole = output === 'save'
    const write = this.#openOutput()
    try {
      if (names && !isWhole) this.#listNames(output, set, write)
      else this.#listSets(output, set, terse && !isWhole, write)
    } finally {
      write.close()
    }
  }

  #listNames(output: OutputMode, set: string | undefined, write: Output): void {
    const names = this.#perform('list', undefined, () =>
      set === undefined ? IpSet.names(this.#place) : [IpSet.open(set, this.#place).name],
    )
    const format = FORMATS[output]
    const between = output === 'json' ? format.between : ''
    write(`${format.begin}${names.map(format.name).join(between)}${format.end}`)
  }

  #listSets(output: OutputMode, set: string | undefined, terse: boolean, write: Output): void {
    const format = FORMATS[output]
    const contents = this.#perform('list', undefined, () => contentsOf(this.#place, set, terse))
    write(format.begin)
    for (const [i, one] of contents.entries()) {
      if (i > 0) write(format.between)
      this.#printSet(one, output, terse, write)
    }
    write(format.end)
  }

  #printSet({ header, parts }: SetContents, output: OutputMode, terse: boolean, write: Output): void {
    const printer = new SetPrinter(FORMATS[output], header)
    const { resolve = false, sorted: isSorted = false } = this.#settings
    const isOrdered = isSorted && header.type !== 'list:set'
    if (resolve || isOrdered) {
      const entries = parts.flatMap((part) => readEntries(setType(header.type), part))
      const names = resolve ? this.#hostNames([header.options as Values, ...entries]) : undefined
      write(printer.header(terse, names))
      for (const [i, entry] of (isOrdered ? sorted(entries) : entries).entries())
        write(printer.entry(entry, i === 0, names))
      write(FORMATS[output].footer(terse, entries.length === 0))
    } else {
      const listing = new Listing(printer, setType(header.type))
      write(printer.header(terse))
      for (const part of parts) listing.print(part, write)
      write(FORMATS[output].footer(terse, listing.isEmpty))
    }
  }

  #hostNames(values: readonly Values[]): HostNames {
    return hostNames([...new Set(values.flatMap(addressesIn))])
  }

  #openOutput(): Output {
    const { file } = this.#settings
    if (file === undefined) return buffered((text) => this.#io.stdout(text))
    let fd: number
    try {
      fd = openForWriting(file)
    } catch (error) {
      throw new Refused(`Cannot open ${file} for writing: ${fileReason(error)}`)
    }
    return buffered(
      (text) => writeAll(fd, encodeText(text)),
      () => closeSync(fd),
    )
  }

  #restore(): void {
    if (this.#mode === 'interactive') {
      this.#io.stdout('Restore command is not supported in interactive mode\n')
      return
    }
    this.#mode = 'restore'
    const text = this.#textToRestore()
    delete this.#settings.file
    for (let start = 0; start < text.length; ) {
      const newline = text.indexOf('\n', start)
      const end = newline < 0 ? text.length : newline
      this.#line++
      this.#restoreLine(text, start, end)
      start = end + 1
    }
    this.#flushPending()
  }

  #restoreLine(text: string, start: number, end: number): void {
    if (this.#changeAgain(text, start, end)) return
    const words = lineWords(text.slice(start, end))
    if (words[0] === undefined || words[0].startsWith('#') || (words[0] === 'COMMIT' && words.length === 1)) return
    this.#execute(readCommand(words, this.#settings))
  }

  /**
   * A shortcut for lines with the same command and set as the line before, and one plain word after them: nearly all
   * lines of a long text. They are recognised by their start and not split into words. For 100,000 lines, this saves
   * 110 ms of 390.
   * @returns whether the line was handled
   */
  #changeAgain(text: string, start: number, end: number): boolean {
    const pending = this.#pending
    if (pending?.beginning === undefined || !text.startsWith(pending.beginning, start)) return false
    const at = start + pending.beginning.length
    if (!isPlainWord(text, at, end)) return false
    this.#change(pending.action, pending.set, [text.slice(at, end)])
    return true
  }

  #textToRestore(): string {
    const { file } = this.#settings
    if (file === undefined) return this.#io.stdin()
    try {
      return decodeText(readFileSync(file))
    } catch (error) {
      this.#warn(`${TITLE}Cannot open ${file} for reading: ${fileReason(error)}\n`)
      throw new Ended(NO_FILE)
    }
  }

  /** Reads commands until the end of input or `quit`, and continues after errors. */
  #interact(): void {
    if (this.#mode === 'interactive') {
      this.#io.stdout('No command specified\n')
      return
    }
    this.#mode = 'interactive'
    this.#io.stdout(PROMPT)
    for (const line of this.#io.lines()) {
      if (!this.#answer(line)) return
      this.#io.stdout(PROMPT)
    }
  }

  /** @returns whether to read another line */
  #answer(line: string): boolean {
    try {
      const words = lineWords(line)
      if (words[0] !== undefined && !words[0].startsWith('#')) this.#execute(readCommand(words, this.#settings))
      return true
    } catch (error) {
      if (error instanceof Ended) return error.status !== 0
      if (error instanceof SetTextError && error.message.startsWith('No command'))
        this.#io.stdout('No command specified\n')
      else this.#report(error)
      return true
    }
  }
}

const PROMPT = 'ipset> '

const isSame = (pending: Pending, set: string, action: string, exist: boolean): boolean =>
  pending.set === set && pending.action === action && pending.exist === exist

function besideOf({ before, after }: Values): string[] {
  if (before !== undefined) return ['before', String(before)]
  return after === undefined ? [] : ['after', String(after)]
}

/** Whether a part of a text is a single word without quotes: printable ASCII that does not start with a hyphen. */
function isPlainWord(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code <= QUOTE || code > TILDE || (code === HYPHEN && i === start)) return false
  }
  return start < end
}

const [QUOTE, HYPHEN, TILDE] = [0x22, 0x2d, 0x7e] as const

interface Output {
  (text: string): void
  close(): void
}

/** Collects output, and writes it in large pieces. */
function buffered(write: (text: string) => void, close = (): void => {}): Output {
  let text = ''
  const output = (more: string): void => {
    text += more
    if (text.length < MAX_TEXT) return
    write(text)
    text = ''
  }
  return Object.assign(output, {
    close() {
      if (text !== '') write(text)
      close()
    },
  })
}

/** Converts an error of the library to one with the message of the tool. */
function refusalOf(error: unknown, action: Action, type: string | undefined): unknown {
  if (!(error instanceof IptcError) || error instanceof SetTextError) return error
  const { cause } = error
  if (cause instanceof Refusal) return new Refused(refusalWords(cause.errno, action, type as never), { cause: error })
  if (error instanceof PermissionError) return error
  return error instanceof SetError
    ? new SetTextError('syntax', `Syntax error: ${error.reason}`, { cause: error })
    : error
}

/**
 * Runs the command with these words.
 * @returns the exit status; messages have been printed already
 */
export const runIpset = (words: readonly string[], place: SetPlace, io: Streams): number =>
  new Session(place, io).run(words)
