/**
 * Checks the package as its users get it: its contents; how it is required, imported and compiled against in an empty
 * project; its command; and the reports of publint and arethetypeswrong.
 *
 *   npm run check:package                         build, and run all checks
 *   npm run check:package -- contents publint     run some of them
 */
import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { projectIn } from '../test/support/followed-page'
import { followGuide } from '../test/support/guide'
import { checkContents } from './package/contents'
import { install, type Packed, pack, ROOT } from './package/pack'

const project = mkdtempSync(join(tmpdir(), 'xtables-package-'))
const tool = (path: string): string => join(ROOT, 'node_modules', path)

/** Runs a program and returns its standard output. If it fails, the error contains its output. */
async function run(command: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd: project, timeout: 400_000 })
  return stdout
}

const NAMES = 'Table, Table6, Chain, Rule, Rule6, Match, Target, Policy, easy, MemoryKernel, LinuxKernel, ruleSchema'
const MISSING = `const missing = Object.entries({ ${NAMES} }).filter(([, value]) => value === undefined)
if (missing.length > 0) throw new Error('not exported: ' + missing)`

const REQUIRED = `const { ${NAMES} } = require('xtables')
${MISSING}
for (const path of ['xtables/package.json', 'xtables/schema/rule.schema.json']) require(path)
try {
  require('xtables/dist/errors.js')
} catch ({ code }) {
  if (code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return
}
throw new Error('internals are within reach')
`

/** Checks named imports. Node detects the export names of a CommonJS module from its source text, and may miss some. */
const IMPORTED = `import { createRequire } from 'node:module'
import * as named from 'xtables'
import whole, { ${NAMES} } from 'xtables'
${MISSING}
const required = createRequire(import.meta.url)('xtables')
if (whole !== required) throw new Error('the default import is not what is required')
const lost = Object.keys(required).filter((name) => named[name] !== required[name])
if (lost.length > 0) throw new Error('cannot be imported by name: ' + lost)
`

/** Checks that the graph layout library is in the package, and is only loaded for SVG. */
const GRAPH = `const { MemoryKernel, easy, printGraph, snapshot } = require('xtables')
const kernel = new MemoryKernel()
easy.addRule('filter', 'INPUT', { target: 'DROP' }, 0, { kernel })
const isLoaded = () => Object.keys(require.cache).some((file) => file.endsWith('dagre.js'))
printGraph(snapshot({ kernel }), 'dot')
if (isLoaded()) throw new Error('the layout of graphs is loaded before it is wanted')
if (!printGraph(snapshot({ kernel }), 'svg').startsWith('<svg ') || !isLoaded()) throw new Error('no SVG')
`

/** Checks that the page of `xtables ui` and its files are in the package. */
const UI = `const { spawn } = require('node:child_process')
const command = spawn(process.execPath, ['node_modules/xtables/dist/xtables.js', '--kernel', 'memory', 'ui'])
command.stderr.pipe(process.stderr)
command.stdout.once('data', async (data) => {
  const { origin, search } = new URL(String(data).trim())
  for (const path of ['/', '/page.css', '/page.js']) {
    const { status } = await fetch(origin + path + search)
    if (status !== 200) throw new Error('the page has no ' + path + ': ' + status)
  }
  command.kill('SIGTERM')
})
command.once('exit', (status) => {
  if (status !== 0) throw new Error('xtables ui ended with ' + status)
})
`

/** The part that all consumers share. */
const CONSUMED = `const table: Table = new Table('filter', { kernel: new MemoryKernel() })
const match = new Rule().createMatch('tcp')
match.dport = '80'
// @ts-expect-error a misspelt parameter does not compile
match.dprot = '80'
// @ts-expect-error internals are not for users
table.edit((ruleset) => ruleset)
`

const CONSUMERS = {
  'consumer.mts': `import { MemoryKernel, Rule, Table } from 'xtables'\n${CONSUMED}`,
  'consumer.cts': `import xtables = require('xtables')
const { MemoryKernel, Rule, Table } = xtables
type Table = xtables.Table
${CONSUMED}`,
  'default.mts': `import xtables from 'xtables'
const { MemoryKernel, Rule, Table } = xtables
type Table = InstanceType<typeof xtables.Table>
${CONSUMED}`,
}

const FILES = Object.keys(CONSUMERS) as (keyof typeof CONSUMERS)[]

/** `default.mts` is left out for bundlers: they disagree on the default import of a CommonJS module. */
const RESOLUTIONS = {
  node16: { module: 'node16', files: FILES, types: [] },
  nodenext: { module: 'nodenext', files: FILES, types: ['node'] },
  bundler: { module: 'preserve', files: ['consumer.mts', 'consumer.cts'], types: ['node'] },
}

function configOf(moduleResolution: keyof typeof RESOLUTIONS): string {
  const { module, files, types } = RESOLUTIONS[moduleResolution]
  // AbortSignal comes from the types of Node or, without them, of browsers.
  const lib = ['ES2023', 'ESNext.Disposable', ...(types.length === 0 ? ['DOM'] : [])]
  const checked = { strict: true, skipLibCheck: false, noEmit: true }
  const compilerOptions = { module, moduleResolution, lib, types, typeRoots: [tool('@types')], ...checked }
  return JSON.stringify({ compilerOptions, files })
}

async function compile(resolution: keyof typeof RESOLUTIONS): Promise<void> {
  const config = `tsconfig.${resolution}.json`
  writeFileSync(join(project, config), configOf(resolution))
  await run(process.execPath, tool('typescript/bin/tsc'), '-p', config)
}

async function checkCommand(): Promise<void> {
  const command = join(project, 'node_modules/.bin/xtables')
  const applet = join(project, 'iptables')
  symlinkSync(command, applet)
  const { version } = JSON.parse(readFileSync(join(project, 'node_modules/xtables/package.json'), 'utf8'))
  const demand = async (begin: string, ...words: readonly [string, ...string[]]): Promise<void> => {
    const text = await run(...words)
    if (!text.startsWith(begin)) throw new Error(`${words.map((word) => basename(word)).join(' ')}: ${text}`)
  }
  await demand(`xtables ${version}\n`, command, '--version')
  await demand('xtables', command, '--help')
  await demand('<svg ', command, '--kernel', 'memory', 'graph', '--format', 'svg')
  await demand('iptables v', applet, '--version')
}

/**
 * Follows the agent's README: copies it next to the package, compiles it and starts it. An invalid option keeps it from
 * changing rules.
 */
async function checkAgent(): Promise<void> {
  const agent = join(project, 'agent')
  cpSync(join(project, 'node_modules/xtables/examples/agent'), agent, { recursive: true })
  const compiler = [tool('typescript/bin/tsc'), '-p', agent, '--typeRoots', tool('@types')]
  await run(process.execPath, ...compiler)
  const started = await run(process.execPath, join(agent, 'dist/agent.js'), '--wrong').catch((error) => error)
  if (started.code !== 2 || !started.stderr.includes('usage: agent ')) throw new Error(`the agent: ${started.stderr}`)
}

/** Follows the guide with the packed package, as a new user would. */
async function checkGuide(): Promise<void> {
  const front = process.getuid?.() === 0 ? [] : ['-r']
  if (spawnSync('unshare', [...front, '-n', 'true']).status === 0)
    await followGuide(projectIn(project), front.length === 0 ? 'env' : 'unshare -r')
  else if (process.env['XTABLES_LIVE'] === '1') throw new Error('no network namespace can be made')
  else console.warn('guide: not followed, as no network namespace can be made')
}

/** The checks by name. */
const checks = (packed: Packed): Readonly<Record<string, () => Promise<unknown>>> => ({
  contents: async () => checkContents(packed, project),
  require: () => run(process.execPath, 'required.cjs'),
  import: () => run(process.execPath, 'imported.mjs'),
  graph: () => run(process.execPath, 'graph.cjs'),
  page: () => run(process.execPath, 'ui.cjs'),
  node16: () => compile('node16'),
  nodenext: () => compile('nodenext'),
  bundler: () => compile('bundler'),
  command: checkCommand,
  agent: checkAgent,
  guide: checkGuide,
  publint: () => run(process.execPath, tool('publint/src/cli.js'), 'run', packed.tarball, '--strict'),
  arethetypeswrong: () => run(process.execPath, tool('@arethetypeswrong/cli/dist/index.js'), packed.tarball),
})

/** Runs a check and prints its error. @returns whether it succeeded */
async function passes(name: string, check: () => Promise<unknown>): Promise<boolean> {
  try {
    await check()
    return true
  } catch (error) {
    const { message, stdout = '' } = error as Error & { stdout?: string }
    console.error(`${name}: ${message}\n${stdout}`)
    return false
  }
}

async function main(): Promise<void> {
  const packed = pack(project)
  install(packed, project)
  const programs = {
    'required.cjs': REQUIRED,
    'imported.mjs': IMPORTED,
    'graph.cjs': GRAPH,
    'ui.cjs': UI,
    ...CONSUMERS,
  }
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(project, name), text)
  const chosen = process.argv.slice(2)
  const entries = Object.entries(checks(packed)).filter(([name]) => chosen.length === 0 || chosen.includes(name))
  if (entries.length < chosen.length) throw new Error(`the checks are ${Object.keys(checks(packed)).join(', ')}`)
  const results = await Promise.all(entries.map(([name, check]) => passes(name, check)))
  const failed = entries.filter((_, i) => !results[i]).map(([name]) => name)
  if (failed.length > 0) throw new Error(`the package fails: ${failed.join(', ')}`)
  const { tarball, size, files } = packed
  console.log(`${basename(tarball)}: ${size} bytes, ${files.length} files; ${entries.map(([name]) => name).join(', ')}`)
}

main()
  .catch((error) => {
    console.error(error)
    process.exitCode = 1
  })
  .finally(() => rmSync(project, { recursive: true, force: true }))
