/** One of many who edit the same tables at the same time, each in its own way. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import {
  type AnyTable,
  Chain,
  ConflictError,
  LockTimeoutError,
  type PolicyName,
  Rule,
  Rule6,
  restore,
  Table,
  Table6,
  type TableOptions,
} from '../../src/index'
import { isNft, SHARED, toolOf } from '../chains'
import { commandText, type Edit, enter, type Ledger, originOf, PLACES, type Place, ruleText } from '../edits'

const open = ({ family, table }: Place, options: TableOptions = {}): AnyTable =>
  family === 'ipv4' ? new Table(table, options) : new Table6(table, options)

const chainOf = (table: AnyTable, name: string): Chain => new Chain(table, name)

function ruleOf(table: AnyTable, text: string): Rule | Rule6 {
  const rule = (table instanceof Table ? Rule : Rule6).parse(text)
  rule.counters = originOf(text).counters
  return rule
}

const COMMANDS: Readonly<Record<Edit['command'], (table: AnyTable, chain: string, rest: string) => void>> = {
  '-A': (table, chain, rule) => chainOf(table, chain).appendRule(ruleOf(table, rule)),
  '-I': (table, chain, rule) => chainOf(table, chain).insertRule(ruleOf(table, rule), 0),
  '-D': (table, chain, rule) => chainOf(table, chain).deleteRule(ruleOf(table, rule)),
  '-N': (table, chain) => table.createChain(chain),
  '-X': (table, chain) => table.deleteChain(chain),
  '-E': (table, chain, name) => table.renameChain(chain, name),
  '-P': (table, chain, policy) => table.setPolicy(chain, policy as PolicyName),
}

function makeAll(table: AnyTable, edits: readonly Edit[]): void {
  for (const { command, chain, rest } of edits) COMMANDS[command](table, chain, rest)
}

/** Lets others of the same thread come in between. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** Makes edits and commits them, on fresh readings until nobody has come in between. */
async function commit(table: AnyTable, edits: readonly Edit[]): Promise<void> {
  for (;;) {
    table.refresh()
    makeAll(table, edits)
    try {
      await table.commitAsync()
      return
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error
    }
  }
}

/** Makes an edit as soon as nobody of this thread is in the middle of another. */
async function makeInTurn(table: AnyTable, edit: Edit): Promise<void> {
  for (;;)
    try {
      makeAll(table, [edit])
      return
    } catch (error) {
      if (!(error instanceof LockTimeoutError)) throw error
      await turn()
    }
}

const textOf = ({ table }: Place, edits: readonly Edit[]): string =>
  [`*${table}`, ...edits.map(commandText), 'COMMIT', ''].join('\n')

function runTool({ family }: Place, program: string, args: readonly string[], input = ''): void {
  const tool = toolOf(family) + program
  const { status, stderr } = spawnSync(tool, args, { encoding: 'utf8', input })
  if (status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${stderr}${input}`)
}

/** The edits up to each renaming of a chain, and from there on: iptables-nft renames none that it makes in the same text. */
function beforeRenames(edits: readonly Edit[]): Edit[][] {
  const pieces: Edit[][] = [[]]
  for (const edit of edits) {
    if (edit.command === '-E') pieces.push([])
    pieces.at(-1)?.push(edit)
  }
  return pieces
}

/** Carries out edits of one table. */
type Hand = (edits: readonly Edit[]) => void | Promise<void>

/** The ways in which a table can be edited. */
const HANDS: Readonly<Record<string, (place: Place) => Hand>> = {
  edits(place) {
    const table = open(place)
    return (edits) => makeAll(table, edits)
  },
  'in-turn'(place) {
    const table = open(place)
    return async (edits) => {
      for (const edit of edits) await makeInTurn(table, edit)
    }
  },
  transactions(place) {
    const table = open(place)
    return (edits) => table.transaction(() => makeAll(table, edits))
  },
  async(place) {
    const table = open(place)
    const body = async (edits: readonly Edit[]): Promise<void> => {
      for (const edit of edits) {
        makeAll(table, [edit])
        await turn()
      }
    }
    return (edits) => table.transactionAsync(() => body(edits))
  },
  deferred(place) {
    const table = open(place, { autocommit: false })
    return (edits) => commit(table, edits)
  },
  restore: (place) => (edits) =>
    restore(textOf(place, edits), { ipv6: place.family === 'ipv6', noflush: true, counters: true }),
  tool: (place) => (edits) => {
    for (const edit of edits) runTool(place, '', ['-w', '-t', place.table, ...commandText(edit).split(' ')])
  },
  'tool-restore': (place) => (edits) => {
    for (const some of isNft() ? beforeRenames(edits) : [edits])
      runTool(place, '-restore', ['-w', '-n'], textOf(place, some))
  },
}

/** The policies that a writer sets, each the only one who does. */
const POLICIES: Readonly<Record<string, string>> = { a: 'FORWARD', b: 'OUTPUT', i: 'INPUT' }

/** Of a writer in a table; beyond that it takes out as many as it puts in. */
const MOST_RULES = 24
/** Soon as many as before: by another number of entries the kernel itself would find that an edit is lost. */
const MOST_OF_SIBLINGS = 4
const MOST_CHAINS = 2

/** One from the middle. Jumps go with the chain that they lead to. */
function oneOf(rules: readonly string[]): string {
  const plain = rules.filter((rule) => /-j (ACCEPT|RETURN)$/.test(rule))
  return plain[Math.floor(plain.length / 2)] as string
}

/** What a writer does in one table, one round after the other. */
class Script {
  readonly ledger: Ledger = { chains: { [SHARED]: [] }, policies: {} }
  readonly #writer: string
  readonly #mostRules: number
  #count = 0
  #edits: Edit[] = []

  constructor(writer: string, mostRules: number) {
    this.#writer = writer
    this.#mostRules = mostRules
  }

  #do(command: Edit['command'], chain: string, rest = ''): void {
    const edit = { command, chain, rest }
    enter(this.ledger, edit)
    this.#edits.push(edit)
  }

  #rule(target: string): string {
    return ruleText(this.#writer, ++this.#count, target)
  }

  /** Edits that belong together; they are in the ledger by now. */
  next(round: number): readonly Edit[] {
    this.#edits = []
    this.#do('-A', SHARED, this.#rule('RETURN'))
    this.#do('-I', SHARED, this.#rule('ACCEPT'))
    if (round % 3 === 0) this.#addChain()
    if (Object.keys(this.ledger.chains).length - 1 > MOST_CHAINS) this.#dropChain()
    const rules = this.ledger.chains[SHARED] as string[]
    if (round % 2 === 1) this.#do('-D', SHARED, oneOf(rules))
    while (rules.length > this.#mostRules) this.#do('-D', SHARED, oneOf(rules))
    const policy = POLICIES[this.#writer]
    if (policy !== undefined) this.#do('-P', policy, round % 2 === 0 ? 'DROP' : 'ACCEPT')
    return this.#edits
  }

  /** A chain with rules, and a jump to it, which gets another name in the end. */
  #addChain(): void {
    const name = `${this.#writer}_${this.#count}`
    this.#do('-N', name)
    this.#do('-A', name, this.#rule('DROP'))
    this.#do('-A', SHARED, this.#rule(name))
    this.#do('-I', name, this.#rule('ACCEPT'))
    this.#do('-E', name, `${name}_x`)
  }

  #dropChain(): void {
    const name = Object.keys(this.ledger.chains).find((chain) => chain !== SHARED) as string
    const jump = this.ledger.chains[SHARED]?.find((rule) => rule.endsWith(`-j ${name}`)) as string
    this.#do('-D', SHARED, jump)
    for (const rule of [...(this.ledger.chains[name] as string[])]) this.#do('-D', name, rule)
    this.#do('-X', name)
  }
}

export interface Written {
  readonly writer: string
  readonly edits: number
  /** One for each of {@link PLACES}. */
  readonly ledgers: readonly Ledger[]
}

/** A writer that goes from table to table. */
class Writer {
  readonly #name: string
  readonly #tables: readonly { script: Script; carryOut: Hand }[]
  #edits = 0

  /** @param words as `a:edits` */
  constructor(words: string, mostRules: number) {
    const [name, hand] = words.split(':') as [string, string]
    const make = HANDS[hand]
    if (make === undefined) throw new Error(`there is no hand ${hand}`)
    this.#name = name
    this.#tables = PLACES.map((place) => ({ script: new Script(name, mostRules), carryOut: make(place) }))
  }

  /** Makes the edits of a round, all in one table. */
  async write(round: number): Promise<void> {
    const { script, carryOut } = this.#tables[round % this.#tables.length] as { script: Script; carryOut: Hand }
    const edits = script.next(Math.floor(round / this.#tables.length))
    await carryOut(edits)
    this.#edits += edits.length
  }

  get written(): Written {
    return { writer: this.#name, edits: this.#edits, ledgers: this.#tables.map(({ script }) => script.ledger) }
  }
}

function tell(writers: readonly Writer[]): void {
  const written = writers.map((writer) => writer.written)
  if (isMainThread) process.stdout.write(JSON.stringify(written))
  else parentPort?.postMessage(written)
}

const writersOf = (words: string, mostRules = MOST_RULES): Writer[] =>
  words.split(',').map((one) => new Writer(one, mostRules))

/** Several writers in one thread, each with handles of its own. @param words as `a:edits,b:async` */
export async function write(words: string, seconds: number): Promise<void> {
  const end = Date.now() + 1000 * seconds
  const writers = writersOf(words)
  const writeOn = async (writer: Writer): Promise<void> => {
    for (let round = 0; Date.now() < end; round++) await writer.write(round)
  }
  await Promise.all(writers.map(writeOn))
  tell(writers)
}

/** Rounds of each sibling within one transaction. */
const SIBLING_ROUNDS = 12

/**
 * Several writers in one thread who edit the same tables beside each other, called by a transaction of another table, which
 * every other time does not wait for them.
 */
export async function writeAsSiblings(words: string, seconds: number): Promise<void> {
  const end = Date.now() + 1000 * seconds
  const writers = writersOf(words, MOST_OF_SIBLINGS)
  using outer = new Table('raw')
  const writeFrom = async (writer: Writer, first: number): Promise<void> => {
    for (let n = 0; n < SIBLING_ROUNDS; n++) await writer.write(first + n)
  }
  for (let n = 0; Date.now() < end; n++) {
    let all: Promise<unknown> | undefined
    await outer.transactionAsync(async () => {
      outer.setPolicy('OUTPUT', 'ACCEPT', [n, n])
      all = Promise.all(writers.map((writer) => writeFrom(writer, n * SIBLING_ROUNDS)))
      if (n % 2 === 0) await all
    })
    await all
  }
  tell(writers)
}

/** Several writers in one process, each in a thread of its own. */
export async function writeInThreads(writers: string, seconds: number, file: string): Promise<void> {
  const workers = writers.split(',').map((writer) => new Worker(file, { workerData: ['write', writer, `${seconds}`] }))
  const written = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]))
  process.stdout.write(JSON.stringify(written.flat()))
}
