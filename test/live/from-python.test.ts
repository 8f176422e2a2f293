/**
 * docs/from-python-iptables.md: it lists every name of python-iptables, and both columns of its examples do the same.
 */
import { spawnSync } from 'node:child_process'
import { easy, MemoryKernel, NotFoundError, Policy, Rule, Rule6, RuleError, Table, XtablesError } from '../../src/index'
import { blocksOf, IMPORTS, pageText, runProgram } from '../support/programs'
import { everything, newNamespace, run } from './legacy'

const page = pageText('docs/from-python-iptables.md')
const [python, typescript] = [blocksOf(page, 'python'), blocksOf(page, 'ts')]
const titles = Array.from(page.matchAll(/<th colspan="2">\s*(.*?)\s*<\/th>/g), ([, title]) => title as string)

const PYTHON = '/usr/bin/python3'
const runPython = (program: string) => spawnSync(PYTHON, ['-c', `import iptc\n${program}`], { encoding: 'utf8' })

// If python-iptables is not installed, the tests are skipped, unless everything must run: nothing else needs it.
const hasPython = runPython('').status === 0
const compare = hasPython || process.env['XTABLES_LIVE'] === '1' ? test : test.skip

const log = jest.spyOn(console, 'log').mockImplementation()
afterAll(() => log.mockRestore())

test('the page is parsed correctly', () => {
  expect([python.length, typescript.length]).toEqual([titles.length, titles.length])
  expect(titles.length).toBeGreaterThan(20)
})

/** Examples that must not change the tables. */
const LOOKS = ['Iterating']

describe('side by side', () => {
  compare.each(titles.map((title, i) => [title, python[i] as string, typescript[i] as string]))(
    '%s',
    (title, left, right) => {
      const [theirs, ours] = [newNamespace(), newNamespace()]
      const before = everything(theirs)
      if (title.includes('ipset')) for (const one of [theirs, ours]) run(one, 'ipset create blacklist hash:ip')
      const { status, stderr } = theirs.run(() => runPython(left))
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      ours.run(() => runProgram(IMPORTS + right))
      expect(everything(ours)).toBe(everything(theirs))
      expect(everything(ours) === before).toBe(LOOKS.includes(title))
    },
  )
})

/** Prints the public names of python-iptables as JSON, by the headings of the page. */
const NAMES = `
import json
def public(*objects):
    return sorted({name for one in objects for name in dir(one) if not name.startswith('_')})
table = iptc.Table('filter')
rule = iptc.Rule()
functions = [name for name in public(iptc.easy)
             if getattr(getattr(iptc.easy, name), '__module__', '') == 'iptc.easy']
print(json.dumps({
    'The module \`iptc\`': public(iptc),
    'Tables': public(table, iptc.Table6('filter')),
    'Chains': public(iptc.Chain(table, 'INPUT')),
    'Rules': public(rule, iptc.Rule6()),
    'Matches and targets': public(rule.create_match('comment'), rule.create_target('LOG'),
                                  iptc.Match, iptc.Target),
    'Policies': public(iptc.Policy('DROP')),
    'Dictionaries': functions,
}))
`

/** The names in the rows under a heading. */
const namesUnder = (heading: string): string[] => {
  const [, section = ''] = page.split(`\n### ${heading}\n`)
  const [rows = ''] = section.split(/^#/m)
  const cells = Array.from(rows.matchAll(/^\| (`.*?) \|/gm), ([, cell]) => cell as string).slice(1)
  return cells.flatMap((cell) => Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name as string)).sort()
}

compare('has every public name of python-iptables, and no other', () => {
  const { stdout, stderr } = newNamespace().run(() => runPython(NAMES))
  expect(stderr).toBe('')
  const names = JSON.parse(stdout) as Record<string, string[]>
  const listed = Object.fromEntries(Object.keys(names).map((heading) => [heading, namesUnder(heading)]))
  expect(listed).toEqual(names)
})

/** The differences that the page mentions, and what python-iptables prints for them. */
const DIFFERS: readonly [what: string, python: string, printed: string][] = [
  ['one table in the process', "print(iptc.Table('filter') is iptc.Table('filter'))", 'True'],
  [
    'keys and attributes that are not known',
    "rule = iptc.Rule(); rule.nosuch = 1; iptc.easy.add_rule('filter', 'INPUT', {'protocl': 'tcp'}); print(rule.nosuch)",
    '1',
  ],
  [
    'a flag that looks off',
    "t = iptc.Rule().create_target('MASQUERADE'); t.random = '0'; print(t.parameters)",
    "{'random': ''}",
  ],
  [
    'addresses',
    "rule = iptc.Rule(); rule.src = '10.0.0.0/8'; print(rule.src, rule.dst)",
    '10.0.0.0/255.0.0.0 0.0.0.0/0.0.0.0',
  ],
  [
    'protocols',
    "r6 = iptc.Rule6(); r6.protocol = '58'; r = iptc.Rule(); r.protocol = '4'; print(r6.protocol, r.protocol)",
    'icmpv6 ipip',
  ],
  ['DROP in nat', "print(iptc.Table('nat').set_policy('POSTROUTING', 'DROP'))", 'None'],
  ['policies', "print([iptc.Policy(name).name for name in ('QUEUE', 'X')])", "['QUEUE', 'X']"],
  ['tables that looking makes', 'print(len(iptc.easy.get_tables()))', '5'],
]

compare.each(DIFFERS)('python-iptables differs: %s', (_, program, printed) => {
  const { stdout, stderr } = newNamespace().run(() => runPython(program))
  expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: printed, stderr: '' })
})

compare('python-iptables ends by a signal where a value is missing', () => {
  const program = "r = iptc.Rule(); r.protocol = 'tcp'; r.create_match('tcp').set_parameter('dport')"
  expect(newNamespace().run(() => runPython(program)).signal).toBe('SIGSEGV')
})

test('we differ as the page says', () => {
  const [rule, rule6] = [new Rule(), new Rule6()]
  rule.src = '10.0.0.0/255.0.0.0'
  rule6.protocol = 58
  expect([rule.src, rule.dst, rule6.protocol]).toEqual(['10.0.0.0/8', undefined, 'ipv6-icmp'])
  expect(easy.decodeRule(rule6)).toMatchObject({ protocol: 'icmpv6' })
  const kernel = new MemoryKernel()
  expect(() => new Table('nat', { kernel }).setPolicy('POSTROUTING', 'DROP')).toThrow(RuleError)
  expect(() => new Policy('QUEUE' as never)).toThrow(XtablesError)
  expect(() => easy.encodeRule({ protocl: 'tcp' } as never)).toThrow(XtablesError)
  expect(() => easy.getRule('filter', 'INPUT', 9, { kernel })).toThrow(NotFoundError)
})
