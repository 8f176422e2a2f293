/** The legacy iptables commands: another writer of the same tables, and the oracle for what we write. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AnyTable, NetworkNamespace } from '../../src/index'
import { type Outcome, run as runProgram } from '../support/run-program'

/** Test files run in parallel. With a single lock, one could time out because of another. */
const directory = mkdtempSync(join(tmpdir(), 'xtables-legacy-'))
process.env['XTABLES_LOCKFILE'] = join(directory, 'lock')
afterAll(() => rmSync(directory, { recursive: true }))

/** Jest gives each test file its own `process.env`, which child processes only see if it is passed on. */
const environment = () => ({ env: { ...process.env } })

const shell = (command: string): [string, string[]] => ['bash', ['-ec', command]]

/** Runs a command line in a namespace, whether it succeeds or not. */
export const attempt = (namespace: NetworkNamespace, command: string): Outcome =>
  namespace.run(() => runProgram(...shell(command)))

/** Runs command lines in a namespace. @throws Error if one fails */
export function run(namespace: NetworkNamespace, ...commands: readonly string[]): string {
  return commands
    .map((command) => {
      const { status, stdout, stderr } = attempt(namespace, command)
      if (status !== 0) throw new Error(`${command}: exit status ${status}: ${stderr}`)
      return stdout
    })
    .join('')
}

/** As {@link run}, without blocking this process. */
export async function runAside(namespace: NetworkNamespace, command: string): Promise<void> {
  const child = namespace.run(() => spawn(...shell(command), { stdio: ['ignore', 'ignore', 'pipe'], ...environment() }))
  let complaint = ''
  child.stderr?.on('data', (text) => {
    complaint += text
  })
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`${command}: exit status ${status}: ${complaint}`)
}

/** The output of `iptables-legacy -S` for one table, without counters. */
export const listed = (namespace: NetworkNamespace, table = 'filter', command = 'iptables-legacy'): string[] =>
  run(namespace, `${command} -t ${table} -S`).trim().split('\n')

/** All tables of both families with all counters, as listed by the legacy commands. */
export const everything = (namespace: NetworkNamespace): string =>
  run(
    namespace,
    AnyTable.ALL.flatMap((table) =>
      ['iptables-legacy', 'ip6tables-legacy'].map(
        (command) => `echo "# ${command} ${table}"; ${command} -t ${table} -vS`,
      ),
    ).join('\n'),
  )

/** Namespaces and tables that a test opened. They are closed when it ends. */
const opened: Disposable[] = []

export function keep<T extends Disposable>(resource: T): T {
  opened.push(resource)
  return resource
}

export const newNamespace = (): NetworkNamespace => keep(NetworkNamespace.create())

afterEach(() => {
  for (const resource of opened.splice(0).reverse()) resource[Symbol.dispose]()
})
