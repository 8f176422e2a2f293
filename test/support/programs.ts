/** Programs in TypeScript that the docs show, as a reader would run them. */
import { format } from 'node:util'
import { transformSync } from '@swc/core'
import * as xtables from '../../src/index'

/** Runs a program. @returns what it prints, a call of `console.log` each */
export async function printedBy(program: string): Promise<string[]> {
  const { code } = transformSync(program, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  })
  const lines: string[] = []
  const console = { log: (...values: unknown[]) => void lines.push(format(...values)) }
  const load = (name: string): unknown => (name === 'xtables' ? xtables : require(name))
  await new Function('require', 'console', 'exports', `return (async () => {${code}})()`)(load, console, {})
  return lines
}
