/** Ten writers in one table at the same time: at the end exactly the expected rules stand, each once and in its order. */
import { Chain, Table } from '../src'
import { SHARED } from './chains'
import { type Outcome, resultOf, Stage } from './stage'

interface Result {
  readonly edits: number
  readonly rules: Readonly<Record<string, readonly string[]>>
}

/** Each process, with the writers that it is. */
const PROCESSES: readonly (readonly [string, string, string])[] = [
  ['write', 'a', 'edits'],
  ['write', 'b', 'transactions'],
  ['write', 'c,d', 'async'],
  ['write', 'e', 'deferred'],
  ['write-in-threads', 'f,g', 'edits'],
  ['write', 'h', 'legacy'],
  ['write', 'i', 'legacy'],
  ['write', 'j', 'legacy'],
]

const writerOf = (mark: string): string => mark.slice(0, mark.indexOf('-'))

/** Marks of the rules that stand there, in their order. */
function marksIn(table: Table): string[] {
  return new Chain(table, SHARED).rules.map(({ matches }) => String(matches[0]?.parameters['comment']))
}

function compare(marks: readonly string[], results: readonly Result[]): number {
  const expected: Readonly<Record<string, readonly string[]>> = Object.assign({}, ...results.map(({ rules }) => rules))
  for (const [name, wanted] of Object.entries(expected)) {
    const found = marks.filter((mark) => writerOf(mark) === name)
    if (found.join() !== wanted.join())
      throw new Error(`writer ${name}: expected ${wanted.join()}, found ${found.join()}`)
  }
  const count = Object.values(expected).reduce((sum, { length }) => sum + length, 0)
  if (marks.length !== count) throw new Error(`${marks.length} rules, expected ${count}`)
  return count
}

/** @param seconds how long they write */
export async function writers(seconds: number): Promise<string> {
  using stage = new Stage()
  using table = new Table('filter', { namespace: stage.namespace })
  table.createChain(SHARED)
  const outcomes: Outcome[] = await Promise.all(PROCESSES.map((args) => stage.runActor(...args, String(seconds))))
  const results = outcomes.map((outcome) => resultOf<Result>(outcome))
  table.refresh()
  const chains = table.chains.map(String).join(' ')
  if (chains !== `INPUT FORWARD OUTPUT ${SHARED}`) throw new Error(`chains left: ${chains}`)
  const rules = compare(marksIn(table), results)
  const idle = PROCESSES.filter((_, i) => results[i]?.edits === 0).map(([, names]) => names)
  if (idle.length > 0) throw new Error(`writers ${idle.join()} came to write nothing`)
  const edits = PROCESSES.map(([, names, hand], i) => `${hand} (${names}) ${results[i]?.edits}`).join(', ')
  return `${rules} of ${rules} rules stand, each once and in order, after ${seconds} s of edits: ${edits}`
}
