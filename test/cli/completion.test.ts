/**
 * Tests completion: the output of `xtables complete`, and what bash, zsh and fish offer with the completion scripts.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OWN, SHELLS } from '../../src/cli/applets/own-applets'
import { TOOLS } from '../../src/cli/applets/tools'
import { bundledCommand } from '../support/bundle'
import { candidates, type Shell, withProgram } from '../support/shells'
import { run } from './run'

jest.setTimeout(300_000)

const directory = mkdtempSync(join(tmpdir(), 'xtables-completion-'))
afterAll(() => rmSync(directory, { recursive: true }))
const state = 'state.json'
const PLACE = `--kernel memory --state ${state}`

beforeAll(() => {
  process.chdir(directory)
  const place = PLACE.split(' ')
  for (const words of ['iptables -N web', 'iptables -t nat -N web-nat', 'ipset create blocked hash:ip'])
    run('xtables', [...place, ...words.split(' ')])
  run('xtables', [...place, 'iptables', '-N', 'odd$(x)'])
})
afterAll(() => process.chdir(join(__dirname, '../..')))

/** The candidates for the last word of a line. */
function offered(line: string): string[] {
  const { status, stdout, stderr } = run('xtables', ['complete', '--', ...line.split(' ')])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout.split('\n').flatMap((text) => text.split('\t')[0] || [])
}

const BUILTIN = ['INPUT', 'FORWARD', 'OUTPUT']

/** For all shells. Bash treats the text after = as a separate word. */
const LINES: readonly (readonly [line: string, candidates: readonly string[]])[] = [
  ['xtables li', ['list', 'lint']],
  ['xtables --ke', ['--kernel']],
  ['xtables --kernel ', ['linux', 'memory']],
  ['xtables list --ta', ['--table']],
  ['xtables list --table=n', ['--table=nat']],
  ['xtables help connt', ['conntrack']],
  [`xtables ${PLACE} iptables -t nat -A web`, ['web-nat']],
  [`xtables ${PLACE} iptables -A INPUT -p tcp -j we`, ['web']],
  [`xtables ${PLACE} ipset add `, ['blocked']],
  ['iptables -t na', ['nat']],
  ['xtables show sta', ['state.json']],
]

describe('xtables complete', () => {
  test.each<readonly [line: string, candidates: readonly string[]]>([
    ...LINES.filter(([line]) => !line.startsWith('xtables show')),
    ['xtables show sta', [':file']],
    ['xtables confirm ', [':directory']],
    [`xtables ${PLACE} iptables -A `, [...BUILTIN, 'odd$(x)', 'web']],
    ['xtables iptables -P INPUT ', ['ACCEPT', 'DROP']],
    ['xtables --kernel memory ip6tables -A INPUT -j MASQ', ['MASQUERADE']],
    ['iptables -m conntrack --ctst', ['--ctstate', '--ctstatus']],
    ['iptables -j REJECT --reject-with tcp', ['tcp-reset', 'tcp-rst']],
    [`xtables ${PLACE} iptables -A INPUT -m set --match-set `, ['blocked']],
    [`xtables ${PLACE} iptables -A INPUT -m set --match-set blocked `, ['src', 'dst']],
    ['xtables migrate legacy ', ['legacy', 'nft']],
    ['xtables trace --way=f', ['--way=forward']],
    ['xtables graph --format ', ['mermaid', 'dot', 'svg']],
    ['xtables list -6t ', ['filter', 'nat', 'mangle', 'raw', 'security']],
    ['iptables-save -f ', [':file']],
    ['iptables-restore --noch', []],
    ['ipset de', ['del', 'destroy']],
    ['ipset create x hash:ip,p', ['hash:ip,port', 'hash:ip,port,ip', 'hash:ip,port,net']],
    ['/usr/local/bin/xtables mig', ['migrate']],
  ])('%s', (line, expected) => {
    expect(offered(line).sort()).toEqual([...expected].sort())
  })

  test('all applets are candidates, except internal ones', () => {
    const told = [...OWN.values()].filter(({ isHidden }) => !isHidden).map(({ name }) => name)
    expect(offered('xtables ').sort()).toEqual([...told, ...TOOLS.keys()].sort())
  })

  test.each([...OWN.values()].map((applet) => [applet.name, applet]))(
    'all options of %s are candidates',
    (name, applet) => {
      const long = Object.keys(applet.options).map((option) => `--${option}`)
      if (!applet.isHidden) expect(offered(`xtables ${name} --`)).toEqual(expect.arrayContaining([...long, '--help']))
    },
  )

  test.each([
    'xtables --kernel nonsense iptables -A ',
    `xtables --kernel memory --state ${join(directory, 'none', 'x')} iptables -A `,
    'xtables --netns no-such-namespace iptables -A ',
    'xtables --kernel memory --state . iptables -A ',
  ])('values that cannot be looked up have no candidates: %s', (line) => {
    expect(offered(line)).toEqual(BUILTIN)
  })

  test('has no side effects', () => {
    const before = readFileSync(state, 'utf8')
    const fresh = join(directory, 'fresh.json')
    offered(`xtables --kernel memory --state ${fresh} iptables -A `)
    offered(`xtables ${PLACE} iptables -t mangle -A `)
    expect(existsSync(fresh)).toBe(false)
    expect(readFileSync(state, 'utf8')).toBe(before)
  })

  test('prints nothing for nonsense', () => {
    for (const line of [
      '',
      'xtables',
      'xtables nope ',
      'xtables list -',
      'nope',
      'xtables iptables -m nope --',
      '-- --',
    ])
      expect(run('xtables', ['complete', '--', ...line.split(' ')])).toMatchObject({ status: 0, stderr: '' })
    expect(run('xtables', ['complete'])).toMatchObject({ status: 0, stderr: '' })
  })
})

describe('xtables completion', () => {
  test('refuses unknown shells and tools', () => {
    expect(run('xtables', ['completion', 'csh'])).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('unknown shell "csh": expected bash, zsh or fish'),
    })
    expect(run('xtables', ['completion', 'bash', 'nft'])).toMatchObject({ status: 2, stdout: '' })
  })

  test.each(SHELLS)('%s: other names are only completed on request', (shell) => {
    const plain = run('xtables', ['completion', shell]).stdout
    expect(plain).not.toContain('iptables')
    expect(run('xtables', ['completion', shell, 'iptables', 'ipset']).stdout).toMatch(/iptables.*\n.* ipset/)
  })
})

const bin = join(directory, 'bin')
beforeAll(() => {
  mkdirSync(bin)
  const program = `#!/bin/sh\nexec ${process.execPath} ${bundledCommand()} "$@"\n`
  writeFileSync(join(bin, 'xtables'), program, { mode: 0o755 })
})

for (const shell of SHELLS)
  withProgram(shell)(shell, () => {
    const complete = (line: string): string[] => {
      const script = run('xtables', ['completion', shell, 'iptables']).stdout
      return candidates(shell, script, line, bin, directory).sort()
    }

    test.each(LINES)('%s', (line, expected) => {
      const words = shell === 'bash' ? expected.map((word) => word.replace(/^.*=/, '')) : expected
      expect(complete(line)).toEqual([...words].sort())
    })

    test('prints no errors', () => {
      expect(complete('xtables --kernel nonsense iptables -A ')).toEqual([...BUILTIN].sort())
    })
  })

withProgram('bash')('bash', () => {
  test('names with shell metacharacters are quoted', () => {
    const script = run('xtables', ['completion', 'bash']).stdout
    expect(candidates('bash' as Shell, script, `xtables ${PLACE} iptables -A odd`, bin, directory)).toEqual([
      'odd\\$\\(x\\)',
    ])
  })

  test('on a terminal, the Tab key completes the word', () => {
    writeFileSync(join(directory, '.script'), run('xtables', ['completion', 'bash']).stdout)
    const typed = 'xtables mig\t--hel\t | head -1\nexit\n'
    const { stdout } = spawnSync('script', ['-qec', `bash --rcfile ${join(directory, '.script')} -i`, '/dev/null'], {
      encoding: 'utf8',
      input: typed,
      env: { PATH: `${bin}:${process.env['PATH']}`, HOME: directory, TERM: 'dumb', PS1: '' },
      timeout: 120_000,
    })
    expect(stdout).toContain('Usage: xtables migrate')
  })
})
