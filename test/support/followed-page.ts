/**
 * Follows pages like a reader with a shell. Each code block is either a file, which begins with a comment with its
 * name, or commands with their output. In output, `…` matches text that differs each time. In a command, a word with
 * `…` is replaced by the last printed word that it matches.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle, bundledCommand } from './bundle'
import { comesTrue } from './until'

export type Step =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'command'; readonly command: string; readonly output: string }

const BLOCK = /^```(\w*)\n(.*?)^```/gms
const NAME = /^(?:\/\/|#) ([\w.-]+\.(?:mjs|rules|sh|txt))$/m

function commandsOf(block: string): Step[] {
  if (!block.startsWith('$ ')) throw new Error(`commands begin with "$ ":\n${block}`)
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [command = '', ...lines] = text.split('\n')
      return { kind: 'command', command, output: lines.join('\n') }
    })
}

/** The steps of a page, in order. @throws Error for a block that is neither a file nor commands */
export const stepsOf = (page: string): Step[] =>
  Array.from(page.matchAll(BLOCK), ([, language = '', block = '']): Step[] => {
    if (language === 'console') return commandsOf(block)
    const name = block.split('\n', 1)[0]?.match(NAME)?.[1]
    if (name === undefined) throw new Error(`this block has neither a name nor commands:\n${block}`)
    return [{ kind: 'file', name, text: block }]
  }).flat()

export interface Project {
  readonly directory: string
  readonly env: NodeJS.ProcessEnv
}

const BIN = 'node_modules/.bin'

/** A project in a directory. Its programs and the current Node are in PATH. */
export function projectIn(directory: string): Project {
  const project = { directory, env: { ...process.env, PATH: `${join(directory, BIN)}:${process.env['PATH']}` } }
  addProgram(project, 'node', process.execPath)
  return project
}

/** Adds a program to a project, which runs a command with its own arguments appended. */
export function addProgram({ directory }: Project, name: string, command: string): void {
  mkdirSync(join(directory, BIN), { recursive: true })
  writeFileSync(join(directory, BIN, name), `#!/bin/sh\nexec ${command} "$@"\n`)
  chmodSync(join(directory, BIN, name), 0o755)
}

/** A directory as after `npm install xtables`. */
export function newProject(): Project {
  const project = projectIn(mkdtempSync(join(tmpdir(), 'xtables-page-')))
  addProgram(project, 'xtables', `${process.execPath} ${bundledCommand()}`)
  const installed = join(project.directory, 'node_modules/xtables')
  mkdirSync(installed)
  writeFileSync(join(installed, 'package.json'), '{ "main": "index.js" }')
  symlinkSync(bundle('src/index.ts'), join(installed, 'index.js'))
  return project
}

const END = /<ended with (\d+)>\n/g

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')

/** A line with only `…` matches any number of lines. */
const patternOf = (output: string): RegExp =>
  new RegExp(`^${escaped(output).replace(/^…\n/gm, '(?:.*\\n)*').replaceAll('…', '.*')}$`)

/** Texts of a page with their replacements in the test, such as directories. */
export type Substitutes = Readonly<Record<string, string>>

const replaceAll = (text: string, pairs: Iterable<readonly [string, string]>): string =>
  [...pairs].reduce((sum, [from, to]) => sum.replaceAll(from, to), text)

/** A shell that runs commands one after the other. */
class Shell {
  readonly #child: ChildProcess
  readonly #substitutes: readonly (readonly [string, string])[]
  #printed = ''
  #isOver = false

  /** @param child the leader of a process group, which reads commands from standard input */
  constructor(child: ChildProcess, substitutes: Substitutes) {
    this.#child = child
    this.#substitutes = Object.entries(substitutes)
    child.stdin?.on('error', () => {})
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => {
        this.#printed += text
      })
    child.once('exit', () => {
      this.#isOver = true
    })
    child.stdin?.write('exec 2>&1\n')
  }

  get printed(): string {
    return this.#printed.replace(END, '')
  }

  /** @throws Error if the command fails or prints something else */
  async run(command: string, page: string): Promise<void> {
    const output = replaceAll(page, this.#substitutes)
    const start = this.#printed.length
    const since = (): string => this.#printed.slice(start)
    this.#child.stdin?.write(`${this.#filled(command)}\nprintf '<ended with %s>\\n' "$?"\n`)
    const pattern = patternOf(output)
    const status = (): string | undefined => [...since().matchAll(END)][0]?.[1]
    const printed = (): string => since().replace(END, '')
    // After a command has ended, a program that it left in the background may still print.
    const isDecided = (): boolean =>
      this.#isOver || (status() ?? '0') !== '0' || (status() === '0' && pattern.test(printed()))
    await comesTrue(isDecided)
    if (status() !== '0' || !pattern.test(printed()))
      throw new Error(`$ ${command}\nstatus ${status()}, and printed:\n${printed()}\nThe page has:\n${output}`)
  }

  /** Replaces words with `…` by earlier output. */
  #filled(command: string): string {
    return replaceAll(command, this.#substitutes).replace(/\S*…\S*/g, (word) => {
      const [...all] = this.#printed.matchAll(new RegExp(escaped(word).replaceAll('…', '\\S*'), 'g'))
      const last = all.at(-1)?.[0]
      if (last === undefined) throw new Error(`nothing was printed that fits ${word}`)
      return last
    })
  }

  /** Ends the shell and everything that it left running. */
  async end(): Promise<void> {
    this.#child.stdin?.end()
    await comesTrue(() => this.#isOver)
    try {
      process.kill(-(this.#child.pid as number), 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** A shell in a project, for {@link follow}, or a command that starts one. */
export const shellIn = ({ directory, env }: Project, command = 'exec sh'): ChildProcess =>
  spawn('sh', ['-c', command], { cwd: directory, env, detached: true })

/** Follows a page. @returns the output. @throws Error if a command fails or prints something else than the page says */
export async function follow(
  steps: readonly Step[],
  { directory }: Project,
  child: ChildProcess,
  substitutes: Substitutes = {},
): Promise<string> {
  const shell = new Shell(child, substitutes)
  try {
    for (const step of steps)
      if (step.kind === 'file') writeFileSync(join(directory, step.name), step.text)
      else await shell.run(step.command, step.output)
    return shell.printed
  } finally {
    await shell.end()
  }
}
