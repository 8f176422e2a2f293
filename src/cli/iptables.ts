/** `iptables` and `ip6tables`: runs one command on a table, with the messages and exit statuses of the tool. */
import { FAMILIES, type Family, type FamilyName } from '../abi/family'
import { isTableName, isVerdict, TABLES } from '../abi/netfilter'
import { KernelError, LockTimeoutError, NotFoundError, PermissionError, RuleError } from '../errors'
import type { AnyTable } from '../iptc/table'
import { type Command, checkNewName, NO_NAT_DROP, parseCommand } from '../language/command'
import { describeCommand } from '../language/describe'
import { helpText } from '../language/help'
import { UsageError } from '../language/options'
import { foreignText } from '../language/save'
import { Editor } from '../ruleset/editor'
import { findRule } from '../ruleset/equal'
import { misplaced } from '../ruleset/iptables-refusals'
import { encodeRule } from '../ruleset/rule'
import { type Chain, type Draft, policyOf, type Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import { BUSY, Failure, failureOf, NO_TABLE, REFUSED, statusOf } from './failure'
import { type HeldChain, type Hold, refused, type Tool, toolOf } from './iptables-tools'
import type { Io } from './open-kernel'

const NO_SUCH = 'No chain/target/match by that name.'
const BAD_RULE = 'Bad rule (does a matching rule exist in that chain?).'

/**
 * Runs the command with these words, without the name of the program.
 * @returns the exit status; messages have been printed already
 */
export function runIptables(words: readonly string[], familyName: FamilyName, io: Io): number {
  const family = FAMILIES[familyName]
  const tool = toolOf(family, io.backend, 'command')
  try {
    execute(parseCommand(words, family, io.stderr), family, tool, io)
    return 0
  } catch (error) {
    const { status, message } = failureOf(error, tool)
    io.stderr(message)
    return status
  }
}

/** Undefined means to wait for ever, as iptables does without `-w SECONDS`. */
const lockTimeout = ({ wait }: Command): number | undefined => (typeof wait === 'number' ? wait * 1000 : undefined)

function execute(command: Command, family: Family, tool: Tool, io: Io): void {
  if (command.verbose > 1) io.stderr(`${tool.program}: there is no dump of the table with -vv; xtables show has one\n`)
  if (command.family !== undefined && command.family !== family.name) throw new UsageError('', { bare: true })
  if (command.kind === 'version') io.stdout(`${tool.title}\n`)
  else if (command.kind === 'help') io.stdout(helpText(tool.title, family, command.extensions))
  else executeOn(command, tool, io)
}

function executeOn(command: Command, tool: Tool, io: Io): void {
  using table = io.openTable(command.table ?? 'filter', lockTimeout(command))
  new Execution(command, table, tool, io).run()
}

class Execution {
  readonly #command: Command
  readonly #table: AnyTable
  readonly #io: Io
  readonly #tool: Tool
  /** The output of the command, collected so that it is printed only once, even if the transaction is repeated. */
  #told = ''

  constructor(command: Command, table: AnyTable, tool: Tool, io: Io) {
    this.#command = command
    this.#table = table
    this.#io = io
    this.#tool = tool
  }

  run(): void {
    const { kind } = this.#command
    const { words } = this.#tool
    if ((kind === 'list' || kind === 'list-rules') && words.alsoLegacy && this.#io.hasLegacyTables())
      this.#io.stderr(words.alsoLegacy(this.#tool, this.#table.context.family))
    try {
      // Invalid rules are refused before the kernel is accessed.
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
      // The only thing that a rule needs from the kernel is the index of a set.
      if (!(error instanceof PermissionError)) throw error
      throw new Failure(REFUSED, `${this.#tool.title}: Can't open socket to ipset.\n\n`)
    }
  }

  /** Converts an error to one with the message of the tool. */
  #explain(error: unknown): unknown {
    const { name } = this.#table
    if (error instanceof LockTimeoutError) {
      const { wait } = this.#command
      return new Failure(BUSY, `Another app is currently holding the xtables lock. Stopped waiting after ${wait}s.\n`)
    }
    const { words } = this.#tool
    if (error instanceof PermissionError && statusOf(error) === NO_TABLE) return words.mayNot(this.#tool, name)
    if (error instanceof NotFoundError && !isTableName(name)) return words.noTable(this.#tool, name)
    if (error instanceof RuleError || error instanceof KernelError) return this.#refused(error)
    return error instanceof NotFoundError ? this.#refusal(NO_SUCH) : error
  }

  #refused(error: RuleError | KernelError): Failure {
    return this.#tool.words.refused(this.#tool, this.#command.kind, error)
  }

  #refusal(message: string): Failure {
    if (!this.#tool.words.tellsFirst) this.#told = ''
    return refused(this.#tool, message)
  }

  #look(ruleset: Ruleset, rules: readonly Entry[]): void {
    const command = this.#command
    this.#check(ruleset, rules)
    this.#checkListed(ruleset)
    this.#told = this.#describe(ruleset)
    if (command.kind !== 'check') return
    for (const rule of rules) this.#find(ruleset, command.chain, rule)
  }

  #describe(ruleset: Ruleset): string {
    const command = this.#command
    const isListed = command.kind === 'list' || command.kind === 'list-rules'
    const isWarned = isListed && (command.chain === undefined || isBuiltinReplaced(ruleset))
    return `${isWarned ? foreignText(ruleset) : ''}${describeCommand(command, ruleset, this.#table.context)}`
  }

  #checkListed({ chains }: Ruleset): void {
    const { kind, ...command } = this.#command
    if (kind !== 'list' && kind !== 'list-rules') return
    const { chain } = command as { chain?: string }
    if (chain !== undefined && !chains.has(chain)) throw this.#tool.words.notListed(this.#tool, this.#table.name, chain)
  }

  /** The checks that iptables makes before it changes anything. */
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
    if (isBuiltin)
      throw this.#refused(
        new RuleError('XT_RULE_MISPLACED', { table: ruleset.table, chain: chain?.name, position: 0 }, reason),
      )
    throw new UsageError(reason.startsWith('the nat table') ? NO_NAT_DROP : reason)
  }

  #noDestination(chain: string): string {
    const command = this.#command as Extract<Command, { rules: unknown }>
    const goto = command.rules.some(({ target }) => target.kind === 'chain' && target.goto)
    return this.#tool.words.noDestination(chain, goto)
  }

  #chain(ruleset: Ruleset, name: string): Chain {
    return ruleset.chains.get(name) ?? this.#throw(NO_SUCH)
  }

  /** A chain that exists in the kernel: nf_tables creates built-in chains only when they are used. */
  #usedChain(ruleset: Ruleset, name: string, otherwise = NO_SUCH): Chain {
    const chain = ruleset.chains.get(name)
    return chain === undefined || chain.isUnused ? this.#throw(otherwise) : chain
  }

  #throw(message: string): never {
    throw this.#refusal(message)
  }

  #find(ruleset: Ruleset, name: string, rule: Entry): void {
    const chain = ruleset.chains.get(name)
    if (chain === undefined || findRule(ruleset, chain.rules, rule) < 0) this.#throw(BAD_RULE)
  }

  /** @returns false if there is nothing to write */
  #edit(draft: Draft, rules: readonly Entry[]): boolean {
    this.#check(draft, rules)
    this.#checkListed(draft)
    this.#told = this.#describe(draft)
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
    if (kind === 'replace' && command.number > this.#usedChain(draft, name).rules.length)
      this.#throw('Index of replacement too big.')
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
    if (number > this.#usedChain(draft, name).rules.length) this.#throw('Index of deletion too big.')
    editor.deleteNumber(name, number)
  }

  #zero(editor: Editor, draft: Ruleset, name: string | undefined, number: number | undefined): void {
    const isAlone = this.#command.kind === 'zero'
    if (name !== undefined && (isAlone || number !== undefined)) {
      const { rules } = this.#usedChain(draft, name, number === undefined ? NO_SUCH : this.#tool.words.nothingToZero)
      if (number !== undefined && number > rules.length) this.#throw('Index of counter too big.')
    }
    editor.zero(name, number)
  }

  #setPolicy(editor: Editor, draft: Ruleset, command: Extract<Command, { kind: 'policy' }>): void {
    const { chain, policy, counters } = command
    if (draft.chains.get(chain)?.hook === undefined) this.#throw('Bad built-in chain name.')
    if (policy === 'ACCEPT' || policy === 'DROP') editor.setPolicy(chain, policy, counters)
    else this.#throw("Bad policy name. Run `dmesg' for more information.")
  }

  #deleteChains(editor: Editor, draft: Ruleset, name: string | undefined): void {
    const these = name === undefined ? editor.userChains : [this.#usedChain(draft, name)]
    const [first, ...others] = these.flatMap((chain) => heldChain(draft, chain))
    if (first !== undefined) throw this.#tool.words.kept(this.#tool, [first, ...others])
    if (name === undefined) editor.removeAll()
    else editor.remove(name)
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

/** Whether a built-in chain is replaced by a chain of nft with the same name, but with another hook or none. */
const isBuiltinReplaced = ({ table, foreign }: Ruleset): boolean =>
  isTableName(table) && TABLES[table].some((name) => foreign?.chains.has(name))

/** The chain, if it cannot be deleted; else empty. */
function heldChain(ruleset: Ruleset, chain: Chain): HeldChain[] {
  const hold = holdOf(ruleset, chain)
  return hold === undefined ? [] : [{ chain: chain.name, hold }]
}

function holdOf({ family, chains, unusedChain }: Ruleset, chain: Chain): Hold | undefined {
  const { name, hook, rules } = chain
  if (hook !== undefined && unusedChain === undefined) return 'built in'
  for (const { rules: others } of chains.values()) if (others.some(({ jump }) => jump === name)) return 'referred to'
  if (rules.length > 0) return 'not empty'
  return hook !== undefined && policyOf(family, chain) !== 'ACCEPT' ? 'has a policy' : undefined
}
