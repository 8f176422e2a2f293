/** What docs/seeing.md shows: every command prints that, and every block of TypeScript runs and prints what it says. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { transformSync } from '@swc/core'
import * as xtables from '../src/index'
import { run } from './cli/run'

const page = readFileSync(join(__dirname, '../docs/seeing.md'), 'utf8')
const blocksOf = (language: string): string[] =>
  Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms')), ([, block]) => block as string)

const directory = mkdtempSync(join(tmpdir(), 'xtables-seeing-'))
afterAll(() => rmSync(directory, { recursive: true }))
const xtablesCommand = (words: readonly string[], input?: string) =>
  run('xtables', ['--kernel', 'memory', '--state', join(directory, 'state.json'), ...words], input)

const [text] = blocksOf('text')
const commands = blocksOf('console')
const programs = blocksOf('ts')

test('is taken apart rightly', () => {
  expect(page.match(/^```\w+$/gm)).toHaveLength(1 + commands.length + programs.length)
  expect([commands.length, programs.length]).toEqual([3, 5])
})

test.each(commands.map((block) => block.split(/\n(.*)/s)))('%s', (line, output) => {
  expect(xtablesCommand(['iptables-restore', '-c'], text).status).toBe(0)
  const [prompt, name, ...words] = (line as string).split(' ')
  expect([prompt, name]).toEqual(['$', 'xtables'])
  expect(xtablesCommand(words)).toEqual({ status: 0, stdout: output, stderr: '' })
})

const log = jest.spyOn(console, 'log').mockImplementation()
beforeEach(() => log.mockClear())
afterAll(() => log.mockRestore())

const load = (name: string): unknown => (name === 'xtables' ? xtables : require(name))

async function runBlock(block: string): Promise<string[]> {
  const { code } = transformSync(block, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  })
  await new Function('require', 'exports', `return (async () => {${code}})()`)(load, {})
  return log.mock.calls.map((words) => require('node:util').format(...words))
}

test.each(programs)('%s', async (block) => {
  const printed = await runBlock(block)
  const promised = Array.from(block.matchAll(/(?:^| )\/\/ (.*)$/gm), ([, comment]) => comment as string)
  expect(printed.length).toBeGreaterThan(0)
  for (const line of promised) expect(printed).toContain(line)
})
