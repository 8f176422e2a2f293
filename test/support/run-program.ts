/**
 * Starts programs from a small process. Node forks itself for each one, and copying the page tables of a test worker of
 * hundreds of megabytes takes many times longer than what the program does.
 */
import { execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Reads words that end with NUL, their number first: variables, a program and its arguments. Replies with the exit status.
 * It ends when this process does.
 */
const LOOP = `
directory=$1
start() {
  while [[ $1 == *=* ]]; do export "$1"; shift; done
  exec "$@"
}
exec 3<"$directory/request" 4>"$directory/reply"
while IFS= read -rd '' count <&3; do
  words=()
  for ((; count > 0; count--)); do IFS= read -rd '' word <&3; words+=("$word"); done
  (start "\${words[@]}" <"$directory/stdin" >"$directory/stdout" 2>"$directory/stderr" 3<&- 4>&-)
  printf '%s\\n' $? >&4
done
rm -r "$directory"`

/** The exit status of bash if there is no such program, and the lowest one after a signal. */
const NOT_FOUND = 127
const SIGNALED = 129

/** The namespace of the main thread, in which tests run. */
const NAMESPACE = `/proc/${process.pid}/ns/net`

/** The namespace in which the shell is started: that of the test file. */
const home = readlinkSync(NAMESPACE)

/** The variables with which the shell is started. Jest gives each test file its own `process.env`. */
const inherited = { ...process.env }

/** What a program printed, and its exit status; null after a signal. */
export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

class SmallShell {
  readonly #directory = mkdtempSync(join(tmpdir(), 'xtables-shell-'))
  readonly #request: number
  readonly #reply: number

  constructor() {
    execFileSync('mkfifo', ['request', 'reply'].map(this.#path))
    spawn('bash', ['-c', LOOP, 'bash', this.#directory], { stdio: 'ignore', env: inherited }).unref()
    this.#request = openSync(this.#path('request'), 'w')
    this.#reply = openSync(this.#path('reply'), 'r')
  }

  readonly #path = (name: string): string => join(this.#directory, name)

  run(words: readonly string[], input: string | Uint8Array): Outcome {
    writeFileSync(this.#path('stdin'), input)
    writeSync(this.#request, [String(words.length), ...words].map((word) => `${word}\0`).join(''))
    const reply = Buffer.alloc(8)
    const length = readSync(this.#reply, reply)
    if (length === 0) throw new Error(`the shell that starts programs has ended: ${words.join(' ')}`)
    const status = Number(reply.toString('latin1', 0, length))
    const printed = (name: string): string => readFileSync(this.#path(name), 'utf8')
    return { status: status < SIGNALED ? status : null, stdout: printed('stdout'), stderr: printed('stderr') }
  }

  close(): void {
    closeSync(this.#request)
    closeSync(this.#reply)
  }
}

let shell: SmallShell | undefined

if (typeof afterAll === 'function') afterAll(() => shell?.close())

/**
 * Runs a program in this process's network namespace, with the variables that it has set.
 * @throws Error if there is no such program
 */
export function run(command: string, args: readonly string[], input: string | Uint8Array = ''): Outcome {
  const changed = Object.entries(process.env).filter(([name, value]) => inherited[name] !== value)
  const entered = readlinkSync(NAMESPACE) === home ? [] : ['nsenter', `--net=${NAMESPACE}`]
  shell ??= new SmallShell()
  const outcome = shell.run([...changed.map((pair) => pair.join('=')), ...entered, command, ...args], input)
  if (outcome.status === NOT_FOUND) throw new Error(`${command}: ${outcome.stderr}`)
  return outcome
}
