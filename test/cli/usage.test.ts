/** Tests help texts, and messages for mistyped commands. */
import { OWN } from '../../src/cli/applets/own-applets'
import { PLACE_OPTIONS } from '../../src/cli/applets/place-options'
import { TOOLS } from '../../src/cli/applets/tools'
import { findExtension } from '../../src/extensions/registry'
import { run } from './run'

const applets = [...OWN.values(), ...TOOLS.values()]

const ASK_NO_KERNEL = /-translate$|-xml$/

describe('help', () => {
  test.each(applets.map(({ name }) => name))('xtables %s --help', (name) => {
    const { status, stdout, stderr } = run('xtables', [
      ...(ASK_NO_KERNEL.test(name) ? [] : ['--kernel', 'memory']),
      name,
      '--help',
    ])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^(Usage: xtables|ip6?tables|ipset )/)
  })

  test.each([...OWN.values()].map((applet) => [applet.name, applet]))('lists every option of %s', (name, applet) => {
    const { stdout } = run('xtables', [name, '-h'])
    for (const [option, { short, takes, summary }] of Object.entries(applet.options)) {
      const names = `${short === undefined ? '' : `-${short}, `}--${option}${takes === undefined ? '' : ` ${takes}`}`
      expect(stdout).toContain(names)
      expect(stdout.replace(/\s+/g, ' ')).toContain(summary)
    }
    expect(stdout).toMatch(/Exit status:\n {2}0 /)
  })

  test('is printed wherever the option stands, and nothing else is done', () => {
    const { stdout } = run('xtables', ['list', '--help'])
    expect(run('xtables', ['list', '-t', 'nat', '--nope', '--help'])).toEqual({ status: 0, stdout, stderr: '' })
    expect(run('xtables', ['help', 'list'])).toEqual({ status: 0, stdout, stderr: '' })
    expect(run('xtables', ['--netns', 'no-such-namespace', 'list', '-h'])).toEqual({ status: 0, stdout, stderr: '' })
    expect(run('xtables', ['apply', '--', '--help'])).toMatchObject({ status: 1, stdout: '' })
  })

  test('of the whole command lists every applet and place option', () => {
    const { status, stdout, stderr } = run('xtables', [])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    for (const words of [['help'], ['--help'], ['-h']]) expect(run('xtables', words).stdout).toBe(stdout)
    const named = applets.filter(({ name, isHidden }) => !isHidden && !/-(legacy|nft)/.test(name))
    for (const { name } of named) expect(stdout).toMatch(new RegExp(`(^|[ ,])${name}[ ,\n]`, 'm'))
    for (const name of Object.keys(PLACE_OPTIONS)) expect(stdout).toContain(`--${name}`)
    expect(stdout.split('\n').filter((line) => line.length > 105)).toEqual([])
  })

  test('no applet has the name of a match or target', () => {
    const clashes = applets.filter(({ name }) => findExtension('match', name) ?? findExtension('target', name))
    expect(clashes).toEqual([])
  })

  test.each(['iptables-save', 'iptables-restore', 'iptables-xml'])(
    '%s run by its own name prints what the tool prints',
    (name) => {
      const own = run('xtables', [name, '--help'])
      expect(own.stdout).toContain('Exit status:')
      expect(run(name, [...(name === 'iptables-xml' ? [] : ['--kernel', 'memory']), '--help'])).not.toEqual(own)
    },
  )
})

describe('mistyped commands', () => {
  test.each([
    ['lst', 'there is no applet "lst"; similar names: list; '],
    ['iptable-save -c', 'there is no applet "iptable-save"; similar names: iptables-save; '],
    ['--netns', '--netns requires a value: NAME|PATH|PID'],
    ['--netn blue list', 'there is no option "--netn"'],
    ['frobnicate', 'there is no applet "frobnicate"; see xtables help'],
    ['help conntrak', 'there is no applet, match or target conntrak; similar names: conntrack'],
    [
      'help lint extra',
      'help: unexpected operand "extra"; expected only [APPLET|MATCH|TARGET]; see xtables help --help',
    ],
    ['list --tabel nat', 'list: there is no option --tabel; similar names: --table; see xtables list --help'],
    ['show -x file', 'show: there is no option -x; it has no options; see xtables show --help'],
    ['lint --frobnicate', 'lint: there is no option --frobnicate; it takes -6, --ipv6, --no-session, --json; see'],
    ['list -t', "list: Option '-t, --table <value>' argument missing; see xtables list --help"],
    ['list --json=yes', "list: Option '--json' does not take an argument; see"],
    ['graph --format png', 'graph: --format must be mermaid, dot or svg, not "png"; see'],
    ['migrate legacy nftables', 'migrate: TO must be legacy or nft, not "nftables"; see'],
    ['migrate legacy', 'migrate: expected FROM TO; see'],
    ['--kernel memory show file', '--kernel cannot be used with show: it does not use the kernel'],
    ['--netns blue iptables-xml', '--netns cannot be used with iptables-xml: it does not use the kernel'],
  ])('xtables %s', (line, message) => {
    const said = run('xtables', line.split(' '))
    expect(said).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining(`xtables: ${message.split('; ')[0]}`),
    })
    expect(said.stderr).toContain(message)
  })
})
