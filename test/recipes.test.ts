/** The examples of the docs that are whole programs: each does what it says, line by line. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { printedBy } from './support/programs'

const PAGES = ['reconciling', 'tracing']

/** Programs begin with what they import. */
const PROGRAM = /```ts\n(import .*?)\n```/gs

const programs = PAGES.flatMap((page) =>
  Array.from(readFileSync(join(__dirname, `../docs/${page}.md`), 'utf8').matchAll(PROGRAM), ([, program = '']) => ({
    page,
    program,
    name: program.split('\n').find((line) => line.includes('(')) ?? program,
  })),
)

/** What is printed, by the comments behind it. */
const expected = (program: string): string[] =>
  Array.from(program.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm), ([, text = '']) => text)

test.each(programs)('$page: $name', async ({ program }) => {
  const wanted = expected(program)
  expect(wanted.length).toBeGreaterThan(0)
  const lines = await printedBy(program)
  // What is printed without a comment may be anything.
  expect(lines.filter((line) => wanted.includes(line))).toEqual(wanted)
})

test('each page has programs', () => {
  expect(new Set(programs.map(({ page }) => page))).toEqual(new Set(PAGES))
})
