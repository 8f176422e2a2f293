/**
 * The package as its users meet it: packed, installed into an empty project, required, imported, and compiled against.
 *
 *   npm run check:package
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(__dirname, '..')
const project = mkdtempSync(join(tmpdir(), 'xtables-package-'))
const run = (command: string, args: readonly string[], cwd = project): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

const NAMES = 'Table, Table6, Chain, Rule, Rule6, Match, Target, Policy, easy, MemoryKernel, LinuxKernel, ruleSchema'
const MISSING = `const missing = Object.entries({ ${NAMES} }).filter(([, value]) => value === undefined)
if (missing.length > 0) throw new Error('not exported: ' + missing)`

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
  writeFileSync(join(project, 'consumer.ts'), CONSUMER)
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(tsconfig))
  run(process.execPath, ['required.cjs'])
  run(process.execPath, ['imported.mjs'])
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'])
  run('npx', ['--no-install', 'xtables', '--version'])
  console.log(`${tarball}: required, imported, compiled against, and its command run`)
} finally {
  rmSync(project, { recursive: true, force: true })
}
