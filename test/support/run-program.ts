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

/** Reads words that end with NUL, their number first, and replies with the exit status. It ends when this process does. */
const LOOP = `
exec 3<"$1/request" 4>"$1/reply"
while IFS= read -rd '' count <&3; do
  words=()
  for ((; count > 0; count--)); do IFS= read -rd '' word <&3; words+=("$word"); done
  (exec "\${words[@]}" <"$1/stdin" >"$1/stdout" 2>"$1/stderr" 3<&- 4>&-)
  printf '%s\\n' $? >&4
done
rm -r "$1"`

/** The exit status of bash if there is no such program, and the lowest one after a signal. */
const NOT_FOUND = 127
const SIGNALED = 129

/** The namespace of the main thread, in which tests run. */
const NAMESPACE = `/proc/${process.pid}/ns/net`

/** The namespace in which the shell is started: that of the test file. */
const home = readlinkSync(NAMESPACE)

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
    spawn('bash', ['-c', LOOP, 'bash', this.#directory], { stdio: 'ignore' }).unref()
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

/** Runs a program in this process's network namespace. @throws Error if there is no such program */
export function run(command: string, args: readonly string[], input: string | Uint8Array = ''): Outcome {
  const program = [command, ...args]
  const isHome = readlinkSync(NAMESPACE) === home
  shell ??= new SmallShell()
  const outcome = shell.run(isHome ? program : ['nsenter', `--net=${NAMESPACE}`, ...program], input)
  if (outcome.status === NOT_FOUND) throw new Error(`${command}: ${outcome.stderr}`)
  return outcome
}
