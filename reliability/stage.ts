/** Where a check plays: a network namespace, a lock and a folder of its own, and the processes that it starts there. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NetworkNamespace } from '../src'

const ROOT = join(__dirname, '..')
const ACTORS = join(ROOT, '.scratch/actors.js')

let built = false

/** The actors as one JavaScript file: a check starts thousands of them, and most of their life would be compilation. */
function buildActors(): void {
  if (built) return
  const options = ['--bundle', '--platform=node', '--target=node20', '--packages=external', '--log-level=warning']
  const entry = join(ROOT, 'reliability/actors/actors.ts')
  const esbuild = join(ROOT, 'node_modules/esbuild/bin/esbuild')
  const { status, stderr } = spawnSync(esbuild, [entry, ...options, `--outfile=${ACTORS}`], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`esbuild: ${stderr}`)
  built = true
}

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
  readonly #running = new Set<ChildProcess>()

  constructor() {
    buildActors()
    process.env['XTABLES_LOCKFILE'] = this.lockFile
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, XTABLES_LOCKFILE: this.lockFile, TMPDIR: this.folder }
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
    return this.start(process.execPath, [ACTORS, ...args])
  }

  /** Runs a program to its end. */
  async run(program: string, args: readonly string[]): Promise<Outcome> {
    return outcomeOf(this.start(program, args))
  }

  runActor(...args: readonly string[]): Promise<Outcome> {
    return this.run(process.execPath, [ACTORS, ...args])
  }

  /**
   * Runs an actor behind strace, with files for its input and output: Node asks sockets what they are, and would get
   * the answers that are meant for the library.
   */
  async runActorTraced(options: readonly string[], ...args: readonly string[]): Promise<Outcome> {
    const [stdout, stderr] = [join(this.folder, 'stdout'), join(this.folder, 'stderr')]
    const redirected = 'exec "$@" </dev/null >"$stdout" 2>"$stderr"'
    const command = ['strace', ...options, process.execPath, ACTORS, ...args]
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
