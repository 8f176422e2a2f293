/** Runs the TypeScript programs in the docs as a reader would. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { format } from 'node:util'
import { transformSync } from '@swc/core'
import * as ts from 'typescript'
import * as xtables from '../../src/index'

const ROOT = join(__dirname, '..', '..')

/** The text of a page of the docs, or of the README. */
export const pageText = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The code blocks of a page in one language. */
export const blocksOf = (page: string, language: string): string[] =>
  Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms')), ([, block]) => block as string)

/** Imports for examples that omit them. */
export const IMPORTS = `import { ${Object.keys(xtables).join(', ')} } from 'xtables'\n`

const loadXtables = (name: string): unknown => (name === 'xtables' ? xtables : require(name))

interface Surroundings {
  /** The function that `import` calls. */
  readonly load?: (name: string) => unknown
  readonly console?: { readonly log: (...values: unknown[]) => void }
  /** Whether the program uses `await`. Then a promise is returned. */
  readonly waits?: boolean
}

/** Runs a program that can only access what it imports. */
export function runProgram(
  program: string,
  { load = loadXtables, console = globalThis.console, waits = false }: Surroundings = {},
): unknown {
  const { code } = transformSync(program, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  })
  const body = waits ? `return (async () => {${code}})()` : code
  return new Function('require', 'console', 'exports', body)(load, console, {})
}

/** Runs a program. @returns its output, one element for each call of `console.log` */
export async function printedBy(program: string): Promise<string[]> {
  const lines: string[] = []
  const console = { log: (...values: unknown[]) => void lines.push(format(...values)) }
  await runProgram(program, { console, waits: true })
  return lines
}

/** The output that a program claims: comments after a call of `console.log`, or on the line below it. */
export const promisedBy = (program: string): string[] =>
  Array.from(program.matchAll(/console\.log\(.*\)(?: |\n\s*)\/\/ (.*)$/gm), ([, text = '']) => text)

/** Compiler errors in programs. */
export function complaintsOf(programs: readonly string[]): string[] {
  const files = new Map(programs.map((program, i) => [join(ROOT, `program-${i}.mts`), program]))
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  const compilerOptions: ts.CompilerOptions = {
    ...options,
    noUnusedLocals: false,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    paths: { xtables: [join(ROOT, 'src/index.ts')] },
  }
  const host = ts.createCompilerHost(compilerOptions)
  const { readFile, fileExists } = host
  host.readFile = (name) => files.get(name) ?? readFile.call(host, name)
  host.fileExists = (name) => files.has(name) || fileExists.call(host, name)
  const program = ts.createProgram([...files.keys()], compilerOptions, host)
  return [...files.keys()]
    .flatMap((name) => ts.getPreEmitDiagnostics(program, program.getSourceFile(name)))
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`)
}
