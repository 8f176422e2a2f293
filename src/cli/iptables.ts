/** `iptables` and `ip6tables`: one command carried out on a table, with the messages and exit statuses of the tool. */
import { FAMILIES, type Family, type FamilyName } from '../abi/family'
import { isTableName, isVerdict } from '../abi/netfilter'
import { LockTimeoutError, NotFoundError, PermissionError } from '../errors'
import type { AnyTable } from '../iptc/table'
import { type Command, checkNewName, NO_NAT_DROP, parseCommand } from '../language/command'
import { describeCommand } from '../language/describe'
import { helpText, programOf, VERSION } from '../language/help'
import { UsageError } from '../language/options'
import { Editor } from '../ruleset/editor'
import { findRule } from '../ruleset/equal'
import { misplaced } from '../ruleset/place'
import { encodeRule } from '../ruleset/rule'
import type { Chain, Draft, Entry, Ruleset } from '../ruleset/ruleset'
import { BUSY, Failure, failureOf, NO_TABLE, NOT_ROOT, REFUSED, refused, statusOf } from './failure'
import type { Io } from './kernel'

const NO_SUCH = 'No chain/target/match by that name.'
const BAD_RULE = 'Bad rule (does a matching rule exist in that chain?).'
const INVALID = 'Invalid argument'

/**
 * Runs the command with these words, the name of the program not among them.
 * @returns the exit status; whatever is to be said has been
 */
export function runIptables(words: readonly string[], familyName: FamilyName, io: Io): number {
  const family = FAMILIES[familyName]
  const program = programOf(family)
  try {
    execute(parseCommand(words, family, io.stderr), family, io)
    return 0
  } catch (error) {
    const { status, message } = failureOf(error, program)
    io.stderr(message)
    return status
  }
}

/** Waiting for the lock without end is what iptables does unless told otherwise. */
const lockTimeout = ({ wait }: Command): number | undefined => (typeof wait === 'number' ? wait * 1000 : undefined)

function execute(command: Command, family: Family, io: Io): void {
  if (command.verbose > 1)
    io.stderr(`${programOf(family)}: there is no dump of the table with -vv; xtables show has one\n`)
  if (command.family !== undefined && command.family !== family.name) throw new UsageError('', { bare: true })
  if (command.kind === 'version') io.stdout(`${programOf(family)} ${VERSION}\n`)
  else if (command.kind === 'help') io.stdout(helpText(family, command.extensions))
  else executeOn(command, io)
}

function executeOn(command: Command, io: Io): void {
  using table = io.openTable(command.table ?? 'filter', lockTimeout(command))
  new Execution(command, table, io).run()
}

class Execution {
  readonly #command: Command
  readonly #table: AnyTable
  readonly #io: Io
  readonly #program: string
  /** What the command says: once, however often a transaction has to begin anew. */
  #told = ''

  constructor(command: Command, table: AnyTable, io: Io) {
    this.#command = command
    this.#table = table
    this.#io = io
    this.#program = programOf(table.context.family)
  }

  run(): void {
    try {
      // Words that make no rule are refused before anything is asked of the kernel.
      const rules = this.#encode()
      if (this.#changes()) this.#table.transaction(() => this.#table.edit((draft) => this.#edit(draft, rules)))
      else this.#table.transaction(() => this.#look(this.#table.ruleset, rules))
    } catch (error) {
      throw this.#explain(error)
    } finally {
      this.#io.stdout(this.#told)
    }
  }

  #changes(): boolean {
    const { kind } = this.#command
    return kind === 'list' || kind === 'list-rules' ? this.#command.zero : kind !== 'check'
  }

  #encode(): Entry[] {
    const command = this.#command
    if (!('rules' in command)) return []
    try {
      return command.rules.map((rule) => encodeRule(rule, this.#table.context))
    } catch (error) {
      // A rule asks the kernel for nothing but sets.
      if (!(error instanceof PermissionError)) throw error
      throw new Failure(REFUSED, `${this.#program} ${VERSION}: Can't open socket to ipset.\n\n`)
    }
  }

  /** Errors that are about the table itself, not about what the command says. */
  #explain(error: unknown): unknown {
    const { name } = this.#table
    if (error instanceof LockTimeoutError) {
      const { wait } = this.#command
      return new Failure(BUSY, `Another app is currently holding the xtables lock. Stopped waiting after ${wait}s.\n`)
    }
    if (error instanceof PermissionError && statusOf(error) === NO_TABLE) return this.#noTable(NOT_ROOT)
    if (error instanceof NotFoundError && !isTableName(name))
      return this.#noTable('Table does not exist (do you need to insmod?)')
    return error instanceof NotFoundError ? this.#refusal(NO_SUCH) : error
  }

  #noTable(reason: string): Failure {
    const { name } = this.#table
    return new Failure(
      NO_TABLE,
      `${this.#program} ${VERSION}: can't initialize ${this.#program} table \`${name}': ${reason}\n` +
        `Perhaps ${this.#program} or your kernel needs to be upgraded.\n`,
    )
  }

  #refusal(message: string): Failure {
    return refused(this.#program, message)
  }

  #look(ruleset: Ruleset, rules: readonly Entry[]): void {
    const command = this.#command
    this.#check(ruleset, rules)
    this.#told = describeCommand(command, ruleset, this.#table.context)
    if (command.kind !== 'check') return
    for (const rule of rules) this.#find(ruleset, command.chain, rule)
  }

  /** What iptables looks at before it begins. */
  #check(ruleset: Ruleset, rules: readonly Entry[]): void {
    for (const rule of rules) this.#checkRule(ruleset, rule)
  }

  #checkRule(ruleset: Ruleset, rule: Entry): void {
    const { jump } = rule
    if (jump !== undefined && jump !== '' && !ruleset.chains.has(jump)) throw new UsageError(this.#noDestination(jump))
    const chain = 'chain' in this.#command ? ruleset.chains.get(this.#command.chain as string) : undefined
    const reason = chain === undefined ? undefined : misplaced(ruleset, chain, rule)?.reason
    if (reason === undefined) return
    const isBuiltin = jump !== undefined && ruleset.chains.get(jump)?.hook !== undefined
    if (isBuiltin) throw this.#refusal(`${INVALID}: ${reason}`)
    throw new UsageError(reason.startsWith('the nat table') ? NO_NAT_DROP : reason)
  }

  #noDestination(chain: string): string {
    const command = this.#command as Extract<Command, { rules: unknown }>
    const goto = command.rules.some(({ target }) => target.kind === 'chain' && target.goto)
    return goto ? `goto '${chain}' is not a chain` : `Couldn't load target \`${chain}':No such file or directory\n`
  }

  #chain(ruleset: Ruleset, name: string): Chain {
    return ruleset.chains.get(name) ?? this.#throw(NO_SUCH)
  }

  #throw(message: string): never {
    throw this.#refusal(message)
  }

  #find(ruleset: Ruleset, name: string, rule: Entry): void {
    const chain = ruleset.chains.get(name)
    if (chain === undefined || findRule(ruleset, chain.rules, rule) < 0) this.#throw(BAD_RULE)
  }

  /** @returns false where nothing is to be written */
  #edit(draft: Draft, rules: readonly Entry[]): boolean {
    this.#check(draft, rules)
    this.#told = describeCommand(this.#command, draft, this.#table.context)
    const editor = new Editor(draft)
    if ('rules' in this.#command) this.#changeRules(editor, draft, this.#command, rules)
    else this.#change(editor, draft, this.#command)
    editor.finish()
    return editor.edits > 0
  }

  #changeRules(
    editor: Editor,
    draft: Ruleset,
    command: Extract<Command, { rules: unknown }>,
    rules: readonly Entry[],
  ): void {
    const { kind, chain: name } = command
    const count = kind === 'delete' ? 0 : this.#chain(draft, name).rules.length
    if (kind === 'insert' && command.number > count + 1) this.#throw('Index of insertion too big.')
    if (kind === 'replace' && command.number > count) this.#throw('Index of replacement too big.')
    for (const rule of rules)
      if (kind === 'append') editor.append(name, rule)
      else if (kind === 'insert') editor.insert(name, command.number, rule)
      else if (kind === 'replace') editor.replace(name, command.number, rule)
      else if (kind === 'delete') this.#delete(editor, draft, name, rule)
  }

  #delete(editor: Editor, draft: Ruleset, name: string, rule: Entry): void {
    this.#find(draft, name, rule)
    editor.delete(name, rule)
  }

  #change(editor: Editor, draft: Ruleset, command: Exclude<Command, { rules: unknown }>): void {
    if (command.kind === 'delete-number') this.#deleteNumber(editor, draft, command.chain, command.number)
    else if (command.kind === 'flush') editor.flush(command.chain)
    else if (command.kind === 'zero') this.#zero(editor, draft, command.chain, command.number)
    else if (command.kind === 'list' || command.kind === 'list-rules')
      this.#zero(editor, draft, command.chain, command.zeroNumber)
    else if (command.kind === 'policy') this.#setPolicy(editor, draft, command)
    else if (command.kind === 'delete-chain') this.#deleteChains(editor, draft, command.chain)
    else if (command.kind === 'new-chain') this.#create(editor, command.chain)
    else if (command.kind === 'rename-chain') this.#rename(editor, command.chain, command.newName)
  }

  #deleteNumber(editor: Editor, draft: Ruleset, name: string, number: number): void {
    if (number > this.#chain(draft, name).rules.length) this.#throw('Index of deletion too big.')
    editor.deleteNumber(name, number)
  }

  #zero(editor: Editor, draft: Ruleset, name: string | undefined, number: number | undefined): void {
    if (name !== undefined && number !== undefined && number > this.#chain(draft, name).rules.length)
      this.#throw('Index of counter too big.')
    editor.zero(name, number)
  }

  #setPolicy(editor: Editor, draft: Ruleset, command: Extract<Command, { kind: 'policy' }>): void {
    const { chain, policy, counters } = command
    if (draft.chains.get(chain)?.hook === undefined) this.#throw('Bad built-in chain name.')
    if (policy === 'ACCEPT' || policy === 'DROP') editor.setPolicy(chain, policy, counters)
    else this.#throw("Bad policy name. Run `dmesg' for more information.")
  }

  #deleteChains(editor: Editor, draft: Ruleset, name: string | undefined): void {
    const all = [...draft.chains.values()].filter(({ hook }) => hook === undefined)
    const these = name === undefined ? all : [this.#chain(draft, name)]
    // Of several reasons, iptables tells the last.
    const reason = these.map((chain) => undeletable(draft, chain)).findLast((one) => one !== undefined)
    if (reason !== undefined) this.#throw(reason)
    for (const chain of these) editor.remove(chain.name)
  }

  #create(editor: Editor, name: string): void {
    if (editor.has(name)) this.#throw('Chain already exists.')
    editor.create(name)
  }

  #rename(editor: Editor, name: string, newName: string): void {
    if (editor.has(newName) || isVerdict(newName)) this.#throw('File exists.')
    if (!editor.has(name) || editor.isBuiltin(name)) this.#throw(NO_SUCH)
    checkNewName(newName)
    editor.rename(name, newName)
  }
}

/** Why a chain cannot be taken out, if it cannot. */
function undeletable({ chains }: Ruleset, { name, hook, rules }: Chain): string | undefined {
  if (hook !== undefined) return `${INVALID}. Run \`dmesg' for more information.`
  for (const { rules: others } of chains.values())
    if (others.some(({ jump }) => jump === name)) return 'Too many links.'
  return rules.length > 0 ? 'Directory not empty.' : undefined
}
