/**
 * Checks the package and its tests on all supported versions of Node, and the package on Bun and Deno. The runtimes are
 * npm packages, which npm unpacks into its own cache. It packs `dist`, so build first.
 *
 *   npm run nodes                     everything: offline tests on each Node, live tests on the oldest and the newest
 *   npm run nodes -- node26 deno      only these runtimes
 *   npm run nodes -- --short          only a few offline tests, and not on the current Node, on which npm test runs all
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { transformSync } from 'esbuild'
import { install, pack, ROOT } from './package/pack'

interface Runtime {
  /** The npm package, and the path of the program in it. */
  readonly spec: string
  readonly program: string
  /** Arguments between the program and the script. */
  readonly words: readonly string[]
  readonly tests: 'none' | 'offline' | 'all'
}

const [bunCpu, denoCpu] = process.arch === 'arm64' ? ['aarch64', 'arm64'] : ['x64', 'x64']

const node = (version: number, tests: Runtime['tests']): Runtime => {
  return { spec: `node-linux-${process.arch}@${version}`, program: 'bin/node', words: [], tests }
}

const RUNTIMES: Readonly<Record<string, Runtime>> = {
  node20: node(20, 'all'),
  node22: node(22, 'offline'),
  node24: node(24, 'offline'),
  node26: node(26, 'all'),
  bun: { spec: `@oven/bun-linux-${bunCpu}@1`, program: 'bin/bun', words: [], tests: 'none' },
  deno: { spec: `@deno/linux-${denoCpu}-glibc@2`, program: 'deno', words: ['run', '--allow-all'], tests: 'none' },
}

/** Fast tests that do not depend on time: events of Node, JSON, the dictionary API, calls to the kernel. */
const FEW = ['test/diagnostics', 'test/json', 'test/easy/easy', 'test/kernel/client']

/** Uses what works on an in-process kernel: objects, dictionaries, asynchronous transactions, both backends. */
const IN_MEMORY = `const { easy, MemoryKernel, Rule, Table } = require('xtables')
async function main() {
  for (const backend of ['legacy', 'nft']) {
    const place = { kernel: new MemoryKernel(), backend }
    easy.addRule('filter', 'INPUT', { protocol: 'tcp', tcp: { dport: '22' }, target: 'ACCEPT' }, 0, place)
    const table = new Table('filter', place)
    await table.transactionAsync(async () => {
      table.createChain('web').appendRule(Rule.parse('-s 192.0.2.0/24 -m comment --comment "a b" -j DROP'))
    })
    try {
      table.createChain('web')
    } catch ({ name, message }) {
      console.log(name, message)
    }
    console.log(JSON.stringify(easy.dumpTable('filter', place)))
  }
}
main()
`

/** An ES module: importing a missing name is an error at load time. */
const IMPORTED = `import xtables, { easy, MemoryKernel, Table } from 'xtables'
console.log(xtables.Table === Table, easy.getPolicy('filter', 'INPUT', { kernel: new MemoryKernel() }))
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { short: { type: 'boolean', default: false } },
})

const scratch = mkdtempSync(join(tmpdir(), 'xtables-nodes-'))
const project = join(scratch, 'project')
const isolate = process.getuid?.() === 0 ? ['unshare', '-n'] : ['unshare', '-r', 'unshare', '-n']

/** Lets npm unpack a runtime, and returns the path of its program. */
function unpacked({ spec, program }: Runtime): string {
  const words = ['exec', '--yes', '--prefer-offline', '--package', spec, '--call', 'printf %s "$PATH"']
  const path = execFileSync('npm', words, { cwd: scratch, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  const [bin = ''] = path.split(delimiter)
  return join(bin, '..', spec.slice(0, spec.lastIndexOf('@')), program)
}

/** Runs a program in a new network namespace and returns its output. */
function output(words: readonly string[]): string {
  const [command = '', ...rest] = [...isolate, ...words]
  const env = { ...process.env, XTABLES_LOCKFILE: join(scratch, 'lock'), NO_COLOR: '1' }
  const { status, stdout, stderr } = spawnSync(command, rest, { cwd: project, encoding: 'utf8', env, timeout: 120_000 })
  if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stdout}${stderr}`)
  return stdout + stderr
}

const COMMAND = 'node_modules/xtables/dist/xtables.js'

/** Scripts with their arguments. The command runs twice, because the second run starts from V8's code cache. */
const TRIALS: Readonly<Record<string, readonly string[]>> = {
  quickstart: ['quickstart.cjs'],
  'in-process kernel': ['in-memory.cjs'],
  import: ['imported.mjs'],
  command: [COMMAND, 'iptables', '-S'],
  'command again': [COMMAND, 'iptables', '-S'],
}

/** The expected output is that on the current Node. */
function expectations(): Readonly<Record<string, string>> {
  const expected = Object.entries(TRIALS).map(([name, words]) => [name, output([process.execPath, ...words])])
  return Object.fromEntries(expected)
}

function tryPackage(program: string, words: readonly string[], expected: Readonly<Record<string, string>>): void {
  const caches = (): string[] => readdirSync(join(project, 'node_modules/xtables/dist/cache'))
  const before = caches()
  for (const [name, script] of Object.entries(TRIALS)) {
    const printed = output([program, ...words, ...script])
    if (printed !== expected[name]) throw new Error(`${name} prints:\n${printed}\nand is to print:\n${expected[name]}`)
  }
  const isOwn = program === process.execPath || caches().length === before.length + 1
  if (!isOwn) throw new Error(`the command has no code cache of its own beside ${before.join(', ')}`)
}

/** Runs tests of the repository on this Node. */
function runTests(program: string, tests: Runtime['tests']): void {
  // Tests start programs with `node`, which must be found in PATH.
  const env = { ...process.env, PATH: `${dirname(program)}${delimiter}${process.env['PATH']}` }
  const offline = ['node_modules/jest/bin/jest.js', ...(values.short ? FEW : []), '--selectProjects', 'offline']
  const all = ['node_modules/ts-node/dist/bin.js', 'scripts/test.ts']
  const isWhole = tests === 'all' && !values.short
  const words = isWhole ? all : [...offline, '--maxWorkers', '100%']
  const { status } = spawnSync(program, words, { cwd: ROOT, stdio: 'inherit', env: { ...env, XTABLES_LIVE: '1' } })
  if (status !== 0) throw new Error(`${isWhole ? 'tests' : 'offline tests'} fail`)
}

function tryRuntime(name: string, expected: Readonly<Record<string, string>>): boolean {
  const runtime = RUNTIMES[name]
  if (runtime === undefined) throw new Error(`no runtime ${name}; there are ${Object.keys(RUNTIMES).join(', ')}`)
  const program = unpacked(runtime)
  const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n')[0]
  try {
    tryPackage(program, runtime.words, expected)
    if (runtime.tests !== 'none') runTests(program, runtime.tests)
    console.log(`${name}, ${version}: ${Object.keys(TRIALS).join(', ')}`)
    return true
  } catch (error) {
    console.error(`${name}, ${version}: ${(error as Error).message}`)
    return false
  }
}

function chosen(): readonly string[] {
  if (positionals.length > 0) return positionals
  const running = `node${process.versions.node.split('.')[0]}`
  return Object.keys(RUNTIMES).filter((name) => !values.short || name !== running)
}

try {
  install(pack(scratch), project)
  const quickstart = readFileSync(join(ROOT, 'examples/quickstart.ts'), 'utf8').replace('../src/index', 'xtables')
  const { code } = transformSync(quickstart, { loader: 'ts', format: 'cjs', target: 'node20' })
  const programs = { 'quickstart.cjs': code, 'in-memory.cjs': IN_MEMORY, 'imported.mjs': IMPORTED }
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(project, name), text)
  const expected = expectations()
  const failed = chosen().filter((name) => !tryRuntime(name, expected))
  if (failed.length > 0) throw new Error(`not as on Node ${process.version}: ${failed.join(', ')}`)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
