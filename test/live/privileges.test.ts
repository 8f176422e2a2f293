/**
 * docs/privileges.md, line by line: runs each operation with exactly the listed capabilities, with each of them
 * missing, and compares the files that it opens, according to strace.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NetworkNamespace } from '../../src/index'
import { bundle } from '../support/bundle'
import { attempt, newNamespace, run } from './legacy'

const PAGE = readFileSync(join(__dirname, '../../docs/privileges.md'), 'utf8')

/** The operations of the page as programs. `x` is the library, `folder` a directory with a namespace. */
const OPERATIONS: Readonly<Record<string, string>> = {
  'reading a table': "new x.Table('filter').chains",
  'listing the tables': "new x.LinuxKernel().tables('ipv4')",
  'saving all tables': 'x.save()',
  'capturing a table': "x.captureTable(new x.LinuxKernel(), 'ipv4', 'filter')",
  'editing a table': "new x.Chain(new x.Table('filter'), 'INPUT').appendRule(x.Rule.parse('-j ACCEPT'))",
  'reading a table of nf_tables': "new x.Table('filter', { backend: 'nft' }).chains",
  'editing a table of nf_tables':
    "new x.Chain(new x.Table('filter', { backend: 'nft' }), 'INPUT').appendRule(x.Rule.parse('-j ACCEPT'))",
  'watching a table': `const events = new x.Table('filter', { backend: 'nft' }).watch()
    new x.Table('filter', { backend: 'nft' }).createChain('one')
    await events.next()
    await events.return()`,
  '`xtables monitor`': `const open = openKernel({})
    const work = monitor(['-e', '-t', '--count=1'], open, { stdout() {} }, new AbortController().signal)
    await Promise.race([work, new Promise((done) => setImmediate(done))])
    new x.Table('filter', { backend: 'nft' }).createChain('one')
    await work`,
  '`xtables migrate`': "x.migrate({ from: 'legacy', to: 'nft', clear: true })",
  'finding the backend': 'outcome = x.detectBackend()',
  'names of sets': "new x.Chain(new x.Table('filter'), 'INPUT').rules[0].matches[0].getAllParameters()",
  'reading and changing sets': `const set = x.IpSet.open('one')
    set.add('10.0.0.1')
    set.list()`,
  'sets in a namespace': "x.IpSet.open('one', { namespace: folder + '/netns' }).replaceContents(['10.0.0.1'])",
  'taking the lock': 'new x.LinuxKernel().lock(0).release()',
  'entering a namespace': "x.NetworkNamespace.open(folder + '/netns').run(() => {})",
  'entering the namespace of another process': 'x.NetworkNamespace.open(process.ppid).run(() => {})',
  'a table in a namespace': "new x.Table('filter', { namespace: folder + '/netns' }).chains",
  'making a namespace': 'x.NetworkNamespace.create()',
  'finding the refused rule': `try {
    const table = new x.Table('filter', { findRefused: true })
    const rules = ['-j ACCEPT', '-m cgroup --path /no/such/group'].map((line) => x.Rule.parse(line))
    table.transaction(() => rules.forEach((rule) => new x.Chain(table, 'OUTPUT').appendRule(rule)))
  } catch (error) { outcome = /could not be tried: .*CAP_SYS_ADMIN/.test(error.message) ? 'not tried' : error.name }`,
  'the kernel log': 'new x.LinuxKernel().log()',
  'loading a module': "new x.LinuxKernel().loadModule('ipv6')",
  'names of protocols, services, users and groups':
    "x.Rule.parse('-p tcp -m tcp --dport ssh -m owner --uid-owner root --gid-owner root')",
  'names of realms, groups of interfaces and labels':
    "x.Rule.parse('-m realm --realm cosmos -m devgroup --src-group default'); try { x.Rule.parse('-m connlabel --label nosuch') } catch {}",
  'names of hosts and networks': "x.Rule.parse('-s localhost -j ACCEPT')",
  'names of other hosts': "try { x.Rule.parse('-s nowhere.invalid -j ACCEPT') } catch {}",
  'the in-process kernel': "new x.Table('filter', { kernel: new x.MemoryKernel() }).createChain('one')",
  'a state file': `const { kernel, save } = openKernel({ kernel: 'memory', state: folder + '/state' })
    new x.Table('filter', { kernel }).createChain('one')
    save()`,
}

/** The outcomes of operations, if they differ from `done`, or from a PermissionError without a capability. */
const OUTCOMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'finding the backend': { all: 'legacy', CAP_NET_RAW: 'nft', CAP_NET_ADMIN: 'nft' },
  'finding the refused rule': { all: 'RuleError', CAP_SYS_ADMIN: 'not tried' },
}

interface Line {
  readonly operation: string
  readonly capabilities: readonly string[]
  readonly files: readonly string[]
}

const codes = (cell: string): string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, code]) => code as string)

const lines: Line[] = PAGE.split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter((cells) => cells.length === 5 && (cells[1] as string) in OPERATIONS)
  .map(([, operation, capabilities, files]) => ({
    operation: operation as string,
    capabilities: codes(capabilities as string),
    files: codes(files as string),
  }))

let folder: string
let namespace: NetworkNamespace

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xtables-privileges-'))
  writeFileSync(join(folder, 'lock'), '')
  namespace = newNamespace()
  run(namespace, 'ipset create one hash:ip', 'iptables-legacy -A INPUT -m set --match-set one src')
})

afterEach(() => rmSync(folder, { recursive: true }))

/** The program of an operation. Node and the library have opened their own files before it begins. */
const program = (operation: string): string => `
  const x = require(${JSON.stringify(bundle('src/index.ts'))})
  const { openKernel } = require(${JSON.stringify(bundle('src/cli/open-kernel.ts'))})
  const { monitor } = require(${JSON.stringify(bundle('src/cli/monitor.ts'))})
  const { statSync } = require('node:fs')
  const folder = ${JSON.stringify(folder)}
  const mark = (name) => statSync(name, { throwIfNoEntry: false })
  try { new x.LinuxKernel().connect('ipv4') } catch {}
  void (async () => {
    mark('/begin')
    let outcome = 'done'
    try { ${OPERATIONS[operation]} } catch (error) { outcome = error.name }
    mark('/end')
    console.log(outcome)
  })()
`

/** Runs an operation with a command before it. @returns its outcome, and the files that it opened */
function operate(operation: string, front: string): { outcome: string; opened: string[] } {
  const [script, trace] = [join(folder, 'script.js'), join(folder, 'trace')]
  writeFileSync(script, program(operation))
  const line = `touch ${folder}/netns && mount --bind /proc/self/ns/net ${folder}/netns
    export XTABLES_LOCKFILE=${folder}/lock
    strace -f -qq -e trace=%file -o ${trace} ${front} ${process.execPath} ${script}`
  writeFileSync(join(folder, 'line'), line)
  const { stdout, stderr } = attempt(namespace, `unshare -m bash -e ${folder}/line`)
  if (stdout === '') throw new Error(stderr)
  return { outcome: stdout.trim(), opened: filesIn(readFileSync(trace, 'utf8')) }
}

const withOnly = (capabilities: readonly string[]): string => {
  const kept = ['-all', ...capabilities.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`)]
  return `setpriv --inh-caps=-all --bounding-set=${kept.join()}`
}

/** Files that Node opens to start a thread, and libraries of libc's resolver. */
const OF_NODE = /\.so\b|^\/proc\/(self\/(cgroup|maps)|meminfo)$|^\/sys\/fs\/cgroup\/|^\/dev\/null$|\/node$/

/** The files that are opened or looked for, with the names that the page uses. */
function filesIn(trace: string): string[] {
  const [, during = ''] = /"\/begin"([\s\S]*)"\/end"/.exec(trace) ?? []
  const opened = Array.from(during.matchAll(/\bopen(?:at)?\((?:\w+, )?"([^"]+)"/g), ([, path]) => path as string)
  const named = opened
    .filter((path) => !path.startsWith(join(__dirname, '../..')) && !OF_NODE.test(path))
    .map((path) =>
      path
        .replace(`${folder}/lock`, '/run/xtables.lock')
        .replace(`${folder}/netns`, '/run/netns/NAME')
        .replace(folder, 'FOLDER')
        .replace(/^\/proc\/\d+\//, '/proc/PID/'),
    )
  return [...new Set(named)].sort()
}

test('the page has a line for each operation', () => {
  expect(lines.map(({ operation }) => operation)).toEqual(Object.keys(OPERATIONS))
})

describe.each(lines.map((line) => [line.operation, line] as const))('%s', (operation, { capabilities, files }) => {
  test('works with these capabilities, and opens these files', () => {
    const outcome = OUTCOMES[operation]?.['all'] ?? 'done'
    expect(operate(operation, withOnly(capabilities))).toEqual({ outcome, opened: [...files].sort() })
  })

  test('throws PermissionError without any one of them', () => {
    const outcomes = capabilities.map((name) => {
      const kept = capabilities.filter((other) => other !== name)
      return [name, operate(operation, withOnly(kept)).outcome]
    })
    expect(outcomes).toEqual(capabilities.map((name) => [name, OUTCOMES[operation]?.[name] ?? 'PermissionError']))
  })
})

test('capabilities count in the user namespace that owns the network namespace', () => {
  expect(operate('reading a table', 'unshare -r').outcome).toBe('PermissionError')
  expect(operate('reading a table', 'unshare -rn').outcome).toBe('done')
})

test('the tools of this test are installed', () => {
  for (const tool of ['strace', 'setpriv']) expect(spawnSync('which', [tool]).status).toBe(0)
})
