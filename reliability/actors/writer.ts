/**
 * One of many who edit a table at the same time. Each has rules of its own in a chain that all share, and knows the
 * order in which they must stand at the end.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { Chain, ConflictError, Rule, Table } from '../../src'
import { SHARED } from '../chains'

/** The edits that a writer makes, in one of the ways in which a table can be edited. */
interface Hand {
  append(mark: string): void | Promise<void>
  insert(mark: string): void | Promise<void>
  remove(mark: string): void | Promise<void>
  /** Makes a chain, gives it another name, and takes it away. */
  pass(chain: string): void | Promise<void>
}

const ruleOf = (mark: string): Rule => Rule.parse(`-s 10.0.0.1 -m comment --comment ${mark} -j RETURN`)
const wordsOf = (mark: string): string[] => ['-s', '10.0.0.1', '-m', 'comment', '--comment', mark, '-j', 'RETURN']

function edits(table: Table): Hand {
  const chain = new Chain(table, SHARED)
  return {
    append: (mark) => chain.appendRule(ruleOf(mark)),
    insert: (mark) => chain.insertRule(ruleOf(mark), 0),
    remove: (mark) => chain.deleteRule(ruleOf(mark)),
    pass(name) {
      table.createChain(name)
      table.renameChain(name, `${name}-x`)
      table.deleteChain(`${name}-x`)
    },
  }
}

/** The same edits, each inside of `wrap`. */
function wrapped(hand: Hand, wrap: (edit: () => void) => void | Promise<void>): Hand {
  return {
    append: (mark) => wrap(() => void hand.append(mark)),
    insert: (mark) => wrap(() => void hand.insert(mark)),
    remove: (mark) => wrap(() => void hand.remove(mark)),
    pass: (name) => wrap(() => void hand.pass(name)),
  }
}

/** Makes an edit and commits it, on fresh readings until nobody has come in between. */
async function commit(table: Table, edit: () => void): Promise<void> {
  for (;;) {
    table.refresh()
    edit()
    try {
      await table.commitAsync()
      return
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error
    }
  }
}

function legacy(...words: readonly string[]): void {
  const { status, stderr } = spawnSync('iptables-legacy', ['-w', ...words], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`iptables-legacy ${words.join(' ')}: ${stderr}`)
}

const HANDS: Readonly<Record<string, () => Hand>> = {
  edits: () => edits(new Table('filter')),
  transactions: () => {
    const table = new Table('filter')
    return wrapped(edits(table), (edit) => table.transaction(edit))
  },
  async: () => {
    const table = new Table('filter')
    return wrapped(edits(table), (edit) => table.transactionAsync(edit))
  },
  deferred: () => {
    const table = new Table('filter', { autocommit: false })
    return wrapped(edits(table), (edit) => commit(table, edit))
  },
  legacy: () => ({
    append: (mark) => legacy('-A', SHARED, ...wordsOf(mark)),
    insert: (mark) => legacy('-I', SHARED, ...wordsOf(mark)),
    remove: (mark) => legacy('-D', SHARED, ...wordsOf(mark)),
    pass(name) {
      legacy('-N', name)
      legacy('-E', name, `${name}-x`)
      legacy('-X', `${name}-x`)
    },
  }),
}

interface Result {
  readonly edits: number
  /** Marks of the writer's rules in their order, by its name. */
  readonly rules: Readonly<Record<string, readonly string[]>>
}

async function writeAs(name: string, hand: Hand, end: number): Promise<Result> {
  const rules: string[] = []
  let count = 0
  while (Date.now() < end) {
    const mark = `${name}-${count++}`
    if (count % 4 === 3) await hand.remove(rules.splice(Math.floor(rules.length / 2), 1)[0] as string)
    else if (count % 16 === 8) await hand.pass(mark)
    else if (count % 4 === 2) {
      await hand.insert(mark)
      rules.unshift(mark)
    } else {
      await hand.append(mark)
      rules.push(mark)
    }
  }
  return { edits: count, rules: { [name]: rules } }
}

const merged = (results: readonly Result[]): Result => ({
  edits: results.reduce((sum, { edits: count }) => sum + count, 0),
  rules: Object.assign({}, ...results.map(({ rules }) => rules)),
})

/** Several writers in one thread, each with a handle of its own. */
export async function write(names: readonly string[], hand: string, seconds: number): Promise<void> {
  const end = Date.now() + 1000 * seconds
  const make = HANDS[hand]
  if (make === undefined) throw new Error(`there is no hand ${hand}`)
  const result = merged(await Promise.all(names.map((name) => writeAs(name, make(), end))))
  if (isMainThread) process.stdout.write(JSON.stringify(result))
  else parentPort?.postMessage(result)
}

/** Several writers in one process, each in a thread of its own. */
export async function writeInThreads(
  names: readonly string[],
  hand: string,
  seconds: number,
  file: string,
): Promise<void> {
  const workers = names.map((name) => new Worker(file, { workerData: ['write', name, hand, String(seconds)] }))
  const results = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as Result))
  process.stdout.write(JSON.stringify(merged(results)))
}
