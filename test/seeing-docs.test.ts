/** What docs/seeing.md shows: every command prints that, and every block of TypeScript runs and prints what it says. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './cli/run'
import { printedBy } from './support/programs'

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

test.each(programs)('%s', async (block) => {
  const printed = await printedBy(block)
  const promised = Array.from(block.matchAll(/(?:^| )\/\/ (.*)$/gm), ([, comment]) => comment as string)
  expect(printed.length).toBeGreaterThan(0)
  for (const line of promised) expect(printed).toContain(line)
})
