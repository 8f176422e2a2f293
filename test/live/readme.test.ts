/** The README: every block of TypeScript compiles, runs, and prints what it says. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import * as xtables from '../../src/index'
import { blocksOf, complaintsOf, pageText, runProgram } from '../support/programs'
import { newNamespace } from './legacy'

const readme = pageText('README.md')

const IMPORT = /^import \{([^}]*)\} from 'xtables'$/m
const blocks = blocksOf(readme, 'ts')

const subscribed: Parameters<typeof unsubscribe>[] = []
/** Diagnostics channels are global: those of other tests would be heard, too. */
const channels = {
  subscribe(...args: Parameters<typeof subscribe>) {
    subscribed.push(args)
    subscribe(...args)
  },
}
afterEach(() => {
  for (const args of subscribed.splice(0)) unsubscribe(...args)
})

const LOADED: Readonly<Record<string, unknown>> = { xtables, 'node:diagnostics_channel': channels }
const load = (name: string): unknown => LOADED[name] ?? require(name)

const WAITS = /^(for )?await /m

const runBlock = (block: string): unknown => runProgram(block, { load, waits: WAITS.test(block) })

const log = jest.spyOn(console, 'log').mockImplementation()
beforeEach(() => log.mockClear())
afterAll(() => log.mockRestore())

test('the page is parsed correctly', () => {
  expect(readme.match(/^```ts$/gm)).toHaveLength(blocks.length)
  expect(blocks.length).toBeGreaterThan(10)
})

test.each(blocks.map((block) => [IMPORT.exec(block)?.[1]?.trim(), block]))('a block with %s runs', async (_, block) => {
  expect(block).toMatch(IMPORT)
  const namespace = newNamespace()
  if (!WAITS.test(block as string)) {
    namespace.run(() => runBlock(block as string))
    return
  }
  // A block that waits cannot be run inside a namespace. It uses the namespace of this test file.
  await runBlock(block as string)
})

/** Comments of the blocks, each with the output that the block must have. */
test.each([
  ['console.log(tcp.dport) // 443', '443'],
  ['// -A INPUT -s 192.168.1.0/24', '-A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 22 -j ACCEPT'],
  ['// table filter chain OUTPUT rule 1', 'table filter chain OUTPUT rule 1: match tcp: needs -p tcp'],
  ['// true false', 'true false'],
  ['// INPUT 1 limit limit-burst', 'INPUT 1 limit limit-burst'],
  ['console.log(rule.equals(Rule.parse(String(rule)))) // true', 'true'],
  ["console.log(table.isChain('web')) // false", 'false'],
])('prints what the comment %j says', (comment, printed) => {
  const block = blocks.find((one) => one.includes(comment)) ?? ''
  expect(block).toContain(`// ${printed}`)
  newNamespace().run(() => runBlock(block))
  expect(log.mock.calls.map((words) => words.map(String).join(' '))).toContain(printed)
})

test('every block compiles', () => {
  expect(complaintsOf(blocks)).toEqual([])
}, 300_000)
