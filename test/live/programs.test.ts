/** The only program that the library runs to change something: how it is started, and that there is no other. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runScript } from './machine'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xtables-programs-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

// These tests mount a file over one in /proc, for which root of a user namespace has no permission.
const asRoot = readFileSync('/proc/self/uid_map', 'utf8').includes('4294967295') ? test : test.skip

/** Mounts a file with the name of a program over that of the kernel. */
const LAY = `mount -t tmpfs none /proc/sys/kernel && echo "$0" > /proc/sys/kernel/modprobe
exec env "$@"`

/** @returns the result of loading, and the arguments, environment and working directory of the program */
function load(named: 'absolute' | 'relative', options = '{}', given: readonly string[] = []) {
  const [program, seen] = [join(directory, 'modprobe'), join(directory, 'seen')]
  writeFileSync(program, `#!/bin/sh\n{ echo "$@"; /usr/bin/env; pwd; } > ${seen}\n`, { mode: 0o755 })
  const script = `
    const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
    console.log(new LinuxKernel(${options}).loadModule('ipv6'))
  `
  // The program is started in the root directory, where the relative name leads to it, too.
  const name = named === 'absolute' ? program : program.slice(1)
  const { stdout } = runScript(script, ['unshare', '-m', 'sh', '-c', LAY, name, ...given])
  return { answer: stdout.trim(), seen: existsSync(seen) ? readFileSync(seen, 'utf8').trim().split('\n') : [] }
}

asRoot('the program gets the same words and surroundings, whatever those of the caller are', () => {
  const { answer, seen } = load('absolute', '{}', ['EVIL=x', 'MODPROBE_OPTIONS=-C /tmp'])
  const [words, ...surroundings] = seen
  expect({ answer, words }).toEqual({ answer: 'true', words: '-q -- ip6_tables' })
  // The shell sets some variables itself.
  expect(surroundings.filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line)).sort()).toEqual([
    '/',
    'HOME=/',
    'PATH=/sbin:/usr/sbin:/bin:/usr/bin',
  ])
})

asRoot('a program by a relative path is not run', () => {
  expect(load('relative')).toEqual({ answer: 'false', seen: [] })
})

asRoot.each([
  ['the option', '{ loadModules: false }', []],
  ['the environment', '{}', ['XTABLES_MODPROBE=off']],
])('%s turns it off', (_, options, given) => {
  expect(load('absolute', options, given)).toEqual({ answer: 'false', seen: [] })
})

test('reading, editing, restoring and saving run no programs', () => {
  const trace = join(directory, 'trace')
  const script = `
    const { NetworkNamespace, easy, restore, save } = require('./src')
    const namespace = NetworkNamespace.create()
    const rule = { src: '10.0.0.1', protocol: 'tcp', tcp: { dport: 'ssh' }, target: 'DROP' }
    easy.addChain('filter', 'one', { namespace })
    easy.addRule('filter', 'one', rule, 0, { namespace })
    restore('*mangle\\n-A INPUT -s localhost -p udp --dport domain -j ACCEPT\\nCOMMIT\\n', { namespace })
    console.log(save({ namespace }).includes('dport 53'), easy.dumpChain('filter', 'one', { namespace }).length)
  `
  const strace = ['strace', '-f', '-qq', '-e', 'trace=execve,execveat', '-o', trace]
  const { stdout, stderr } = runScript(script, strace)
  expect({ stdout, stderr }).toEqual({ stdout: 'true 1\n', stderr: '' })
  expect(readFileSync(trace, 'utf8').match(/exec\w+\(.* = 0$/gm)).toHaveLength(1)
})
