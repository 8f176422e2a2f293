/** The examples of the docs that are whole programs: each does what it says, line by line. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { format } from 'node:util'
import { transformSync } from '@swc/core'
import * as xtables from '../src/index'

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

/** Runs a program. @returns what it prints, a call a line */
function printed(program: string): string[] {
  const { code } = transformSync(program, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  })
  const lines: string[] = []
  const console = { log: (...values: unknown[]) => void lines.push(format(...values)) }
  const require = (name: string): unknown => (name === 'xtables' ? xtables : jest.requireActual(name))
  new Function('require', 'console', 'exports', code)(require, console, {})
  return lines
}

test.each(programs)('$page: $name', ({ program }) => {
  const wanted = expected(program)
  expect(wanted.length).toBeGreaterThan(0)
  const lines = printed(program)
  // What is printed without a comment may be anything.
  expect(lines.filter((line) => wanted.includes(line))).toEqual(wanted)
})

test('each page has programs', () => {
  expect(new Set(programs.map(({ page }) => page))).toEqual(new Set(PAGES))
})
