/** docs/from-python-iptables.md: it has every name of python-iptables, and both columns of its examples do the same. */
import { spawnSync } from 'node:child_process'
import { blocksOf, IMPORTS, pageText, runProgram } from '../support/programs'
import { everything, newNamespace, run } from './legacy'

const page = pageText('docs/from-python-iptables.md')
const [python, typescript] = [blocksOf(page, 'python'), blocksOf(page, 'ts')]
const titles = Array.from(page.matchAll(/<th colspan="2">\s*(.*?)\s*<\/th>/g), ([, title]) => title as string)

const PYTHON = '/usr/bin/python3'
const runPython = (program: string) => spawnSync(PYTHON, ['-c', `import iptc\n${program}`], { encoding: 'utf8' })

// Nothing else needs python-iptables, so that its absence is no failure, unless everything is to run.
const hasPython = runPython('').status === 0
const compare = hasPython || process.env['XTABLES_LIVE'] === '1' ? test : test.skip

const log = jest.spyOn(console, 'log').mockImplementation()
afterAll(() => log.mockRestore())

test('is taken apart rightly', () => {
  expect([python.length, typescript.length]).toEqual([titles.length, titles.length])
  expect(titles.length).toBeGreaterThan(20)
})

/** What has to leave the tables as they were. */
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

/** Prints the public names of python-iptables by the headings of the page, as JSON. */
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

/** The parameters of the match and target that are asked are no names of the classes. */
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
