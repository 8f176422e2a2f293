/** Where a check plays: a network namespace, a lock and a folder of its own, and the processes that it starts there. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NetworkNamespace } from '../src/index'
import { bundle } from '../test/support/bundle'

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export class Stage implements Disposable {
  readonly namespace = NetworkNamespace.create()
  /** Holds the lock file, and is the folder for temporary files of whoever is started here. */
  readonly folder = mkdtempSync(join(tmpdir(), 'xtables-reliability-'))
  readonly lockFile = join(this.folder, 'lock')
  readonly #outerLockFile = process.env['XTABLES_LOCKFILE']
  /** The actors refuse to work in this one. */
  readonly #host = readlinkSync('/proc/thread-self/ns/net')
  readonly #running = new Set<ChildProcess>()
  readonly #actors = bundle('reliability/actors/actors.ts')

  constructor() {
    process.env['XTABLES_LOCKFILE'] = this.lockFile
  }

  get environment(): NodeJS.ProcessEnv {
    const host = { XTABLES_TEST_HOST_NETNS: this.#host }
    return { ...process.env, ...host, XTABLES_LOCKFILE: this.lockFile, TMPDIR: this.folder }
  }

  /** Starts a program inside, with pipes for its input and output. */
  start(program: string, args: readonly string[]): ChildProcess {
    const child = this.namespace.run(() => spawn(program, args, { env: this.environment, stdio: 'pipe' }))
    this.#running.add(child)
    child.once('close', () => this.#running.delete(child))
    return child
  }

  /** Starts one of `actors/`. */
  startActor(...args: readonly string[]): ChildProcess {
    return this.start(process.execPath, [this.#actors, ...args])
  }

  /** Runs a program to its end. */
  async run(program: string, args: readonly string[]): Promise<Outcome> {
    return outcomeOf(this.start(program, args))
  }

  runActor(...args: readonly string[]): Promise<Outcome> {
    return this.run(process.execPath, [this.#actors, ...args])
  }

  /** @param front the words of a command that runs another */
  runActorBehind([program, ...words]: readonly string[], ...args: readonly string[]): Promise<Outcome> {
    return this.run(program as string, [...words, process.execPath, this.#actors, ...args])
  }

  /**
   * Runs an actor behind strace, with files for its input and output: Node asks sockets what they are, and would get
   * the answers that are meant for the library.
   */
  async runActorTraced(options: readonly string[], ...args: readonly string[]): Promise<Outcome> {
    const [stdout, stderr] = [join(this.folder, 'stdout'), join(this.folder, 'stderr')]
    const redirected = 'exec "$@" </dev/null >"$stdout" 2>"$stderr"'
    const command = ['strace', ...options, process.execPath, this.#actors, ...args]
    const { status } = await this.run('env', [
      `stdout=${stdout}`,
      `stderr=${stderr}`,
      'bash',
      '-c',
      redirected,
      ...['bash', ...command],
    ])
    return { status, stdout: readFileSync(stdout, 'utf8'), stderr: readFileSync(stderr, 'utf8') }
  }

  /** @throws where a line of the shell fails */
  shell(line: string): string {
    const { status, stdout, stderr } = this.namespace.run(() =>
      spawnSync('bash', ['-ec', line], { env: this.environment, encoding: 'utf8' }),
    )
    if (status !== 0) throw new Error(`${line}: exit status ${status}: ${stderr}`)
    return stdout
  }

  [Symbol.dispose](): void {
    for (const child of this.#running) child.kill('SIGKILL')
    this.namespace.close()
    if (this.#outerLockFile === undefined) Reflect.deleteProperty(process.env, 'XTABLES_LOCKFILE')
    else process.env['XTABLES_LOCKFILE'] = this.#outerLockFile
    rmSync(this.folder, { recursive: true })
  }
}

export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
    })
  const [status] = await once(child, 'close')
  return { status, ...text }
}

/** What an actor prints at its end. @throws where it failed */
export function resultOf<T>({ status, stdout, stderr }: Outcome): T {
  if (status !== 0) throw new Error(`exit status ${status}: ${stderr}${stdout}`)
  return JSON.parse(stdout)
}
