/**
 * The package as its users meet it: packed, installed into an empty project, required, imported, and compiled against.
 *
 *   npm run check:package
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(__dirname, '..')
const project = mkdtempSync(join(tmpdir(), 'xtables-package-'))
const run = (command: string, args: readonly string[], cwd = project): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

const NAMES = 'Table, Table6, Chain, Rule, Rule6, Match, Target, Policy, easy, MemoryKernel, LinuxKernel, ruleSchema'
const MISSING = `const missing = Object.entries({ ${NAMES} }).filter(([, value]) => value === undefined)
if (missing.length > 0) throw new Error('not exported: ' + missing)`

/** What lays graphs out is in the package, with its licence, and loaded by whoever asks for SVG alone. */
const GRAPH = `const { MemoryKernel, easy, printGraph, snapshot } = require('xtables')
const kernel = new MemoryKernel()
easy.addRule('filter', 'INPUT', { target: 'DROP' }, 0, { kernel })
const isLoaded = () => Object.keys(require.cache).some((file) => file.endsWith('dagre.js'))
printGraph(snapshot({ kernel }), 'dot')
if (isLoaded()) throw new Error('the layout of graphs is loaded before it is wanted')
if (!printGraph(snapshot({ kernel }), 'svg').startsWith('<svg ') || !isLoaded()) throw new Error('no SVG')
`

/** The page of `xtables ui` is in the package, with all that it is loaded from. */
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

const CONSUMER = `import { Rule, Table, MemoryKernel } from 'xtables'
const table: Table = new Table('filter', { kernel: new MemoryKernel() })
const match = new Rule().createMatch('tcp')
match.dport = '80'
// @ts-expect-error a misspelt parameter does not compile
match.dprot = '80'
// @ts-expect-error internals are not for users
table.edit((ruleset) => ruleset)
`

const tsconfig = {
  compilerOptions: {
    module: 'node20',
    strict: true,
    noEmit: true,
    types: [],
    lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
  },
  files: ['consumer.ts'],
}

try {
  run('npm', ['pack', '--pack-destination', project, '--loglevel=error'], root)
  const tarball = readdirSync(project).find((file) => file.endsWith('.tgz')) as string
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', `./${tarball}`])
  writeFileSync(join(project, 'required.cjs'), `const { ${NAMES} } = require('xtables')\n${MISSING}\n`)
  writeFileSync(join(project, 'imported.mjs'), `import { ${NAMES} } from 'xtables'\n${MISSING}\n`)
  writeFileSync(join(project, 'graph.cjs'), GRAPH)
  writeFileSync(join(project, 'ui.cjs'), UI)
  writeFileSync(join(project, 'consumer.ts'), CONSUMER)
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(tsconfig))
  run(process.execPath, ['required.cjs'])
  run(process.execPath, ['imported.mjs'])
  run(process.execPath, ['graph.cjs'])
  run(process.execPath, ['ui.cjs'])
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'])
  run('npx', ['--no-install', 'xtables', '--version'])
  if (!run('npx', ['--no-install', 'xtables', '--kernel', 'memory', 'graph', '--format', 'svg']).startsWith('<svg '))
    throw new Error('the command draws no graph')
  const layout = readFileSync(join(project, 'node_modules/xtables/dist/graph/dagre.js'), 'utf8')
  if (!layout.includes('The above copyright notice')) throw new Error('the layout of graphs has lost its licence')
  console.log(`${tarball}: required, imported, compiled against, and its command run`)
} finally {
  rmSync(project, { recursive: true, force: true })
}
