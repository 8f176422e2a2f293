/** Pages of docs whose programs need no kernel: each program and command prints what the page says. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './cli/run'
import { follow, newProject, shellIn, stepsOf } from './support/followed-page'
import { blocksOf, pageText, printedBy, promisedBy } from './support/programs'

/** The number of programs in each page. */
const PAGES = { reconciling: 2, seeing: 5, tracing: 2 }

const programs = Object.keys(PAGES).flatMap((page) =>
  blocksOf(pageText(`docs/${page}.md`), 'ts').map((program) => ({
    page,
    program,
    name: program.split('\n').find((line) => line.includes('(')) ?? program,
  })),
)

test.each(programs)('$page: $name', async ({ program }) => {
  const promised = promisedBy(program)
  const printed = await printedBy(program)
  expect(printed.length).toBeGreaterThan(0)
  // Output without a comment is not checked.
  expect(printed.filter((line) => promised.includes(line))).toEqual(promised)
})

test('the programs of the pages are found', () => {
  const counts = Object.keys(PAGES).map((page) => [page, programs.filter((one) => one.page === page).length])
  expect(Object.fromEntries(counts)).toEqual(PAGES)
  expect(programs.flatMap(({ program }) => promisedBy(program)).length).toBeGreaterThan(8)
})

describe('the commands of seeing.md', () => {
  const directory = mkdtempSync(join(tmpdir(), 'xtables-seeing-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  const xtablesCommand = (words: readonly string[], input?: string) =>
    run('xtables', ['--kernel', 'memory', '--state', join(directory, 'state.json'), ...words], input)

  const page = pageText('docs/seeing.md')
  const [text] = blocksOf(page, 'text')
  const commands = blocksOf(page, 'console')

  test('are found', () => {
    expect(page.match(/^```\w+$/gm)).toHaveLength(1 + commands.length + PAGES.seeing)
    expect(commands).toHaveLength(3)
  })

  test.each(commands.map((block) => block.split(/\n(.*)/s)))('%s', (line, output) => {
    expect(xtablesCommand(['iptables-restore', '-c'], text).status).toBe(0)
    const [prompt, name, ...words] = (line as string).split(' ')
    expect([prompt, name]).toEqual(['$', 'xtables'])
    expect(xtablesCommand(words)).toEqual({ status: 0, stdout: output, stderr: '' })
  })
})

describe('recipes/unit-testing.md', () => {
  const steps = stepsOf(pageText('docs/recipes/unit-testing.md'))
  let project: ReturnType<typeof newProject>
  beforeEach(() => {
    project = newProject()
  })
  afterEach(() => rmSync(project.directory, { recursive: true }))

  test('can be followed from beginning to end', async () => {
    await follow(steps, project, shellIn(project))
  }, 120_000)

  test('its tests fail if the policy lacks a rule', async () => {
    const spoilt = steps.map((step) => {
      if (step.kind !== 'file' || step.name !== 'policy.mjs') return step
      const text = step.text.replace(/^.*ESTABLISHED.*\n/m, '')
      expect(text).not.toBe(step.text)
      return { ...step, text }
    })
    await expect(follow(spoilt, project, shellIn(project))).rejects.toThrow('# pass 7\n# fail 1\n')
  }, 120_000)
})
