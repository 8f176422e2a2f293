/**
 * Starts programs from a small process. Node forks itself for each one, and copying the page tables of a test worker of
 * hundreds of megabytes takes many times longer than what the program does.
 */
import { execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The namespace of the main thread, in which tests run. */
const NAMESPACE = `/proc/${process.pid}/ns/net`

/** What a program printed, and its exit status; null after a signal. */
export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

class Starter {
  readonly #directory = mkdtempSync(join(tmpdir(), 'xtables-programs-'))
  readonly #request: number
  readonly #reply: number

  constructor() {
    execFileSync('mkfifo', ['request', 'reply'].map(this.#path))
    const options: SpawnOptions = { cwd: this.#directory, stdio: ['ignore', 'ignore', 'inherit'] }
    // If Python fails before it opens the pipe, the shell does so in its place: the reader would wait forever.
    const command = 'python3 "$0" || : >reply'
    spawn('sh', ['-c', command, join(__dirname, 'run-programs.py')], options).unref()
    // For reading too, because this does not wait for a reader.
    this.#request = openSync(this.#path('request'), 'r+')
    this.#reply = openSync(this.#path('reply'), 'r')
  }

  readonly #path = (name: string): string => join(this.#directory, name)

  run(words: readonly string[], input: string | Uint8Array): Outcome {
    writeFileSync(this.#path('stdin'), input)
    // Jest gives each test file its own `process.env`.
    const request = { words, environment: { ...process.env }, directory: process.cwd(), namespace: NAMESPACE }
    writeSync(this.#request, `${JSON.stringify(request)}\n`)
    const reply = Buffer.alloc(4096)
    const length = readSync(this.#reply, reply)
    if (length === 0)
      throw new Error(`python3, which starts programs for the tests, is not installed or has ended: ${words.join(' ')}`)
    const { status, error } = JSON.parse(reply.toString('utf8', 0, length))
    if (error !== undefined) throw new Error(error)
    const printed = (name: string): string => readFileSync(this.#path(name), 'utf8')
    return { status: status < 0 ? null : status, stdout: printed('stdout'), stderr: printed('stderr') }
  }

  close(): void {
    closeSync(this.#request)
    closeSync(this.#reply)
  }
}

let starter: Starter | undefined

if (typeof afterAll === 'function') afterAll(() => starter?.close())

/**
 * Runs a program in this process's network namespace, with the variables that it has set.
 * @throws Error if it cannot be started
 */
export function run(command: string, args: readonly string[], input: string | Uint8Array = ''): Outcome {
  starter ??= new Starter()
  return starter.run([command, ...args], input)
}
