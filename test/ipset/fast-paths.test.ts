/** Fast paths give the same result as the general ones. */
import { contentsOf } from '../../src/ipset/contents'
import { readEntries } from '../../src/ipset/entries'
import { Listing } from '../../src/ipset/language/listing'
import { FORMATS, SetPrinter } from '../../src/ipset/language/print'
import { SET_TYPES, type SetTypeName, setType } from '../../src/ipset/types'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { Random } from '../kernel/random'
import { element, entryLine, plainCreateLine } from '../support/generated-sets'
import { ipset } from '../support/memory-ipset'

const COUNT = 60
const TEXTS = 15

const cases = Object.entries(SET_TYPES).flatMap(([type, { families }]) =>
  families.map((family) => [type as SetTypeName, family] as const),
)

/** A kernel with a set, and other sets for lists. */
function filled(create: readonly string[], lines: readonly (readonly string[])[]): MemoryKernel {
  const kernel = new MemoryKernel()
  for (const name of ['one', 'two', 'three']) ipset(kernel, ['create', name, 'hash:ip', 'initval', '5'])
  expect(ipset(kernel, create)).toMatchObject({ status: 0 })
  for (const words of lines) ipset(kernel, words)
  return kernel
}

/** Host names are resolved, which takes long. */
const isNamed = (word: string | undefined): boolean => /localhost|^x/.test(word ?? '')

describe.each(cases)('%s of %s', (type, family) => {
  test.each([false, true])('a listing equals the printed entries (extended: %s)', (extended) => {
    const random = new Random(7)
    const lines = Array.from({ length: COUNT }, () => entryLine(random, 's', type, family))
    const added = lines.filter((words) => words.includes('add') && !isNamed(words[words.indexOf('s') + 1]))
    const kernel = filled(plainCreateLine('s', type, family, extended), added)
    const sets = contentsOf({ kernel }, 's', false)
    for (const format of Object.values(FORMATS))
      for (const { header, parts } of sets) {
        const printer = new SetPrinter(format, header)
        const listing = new Listing(printer, setType(type))
        let text = ''
        for (const part of parts)
          listing.print(part, (more) => {
            text += more
          })
        const entries = parts.flatMap((part) => readEntries(setType(header.type), part))
        expect(text).toBe(entries.map((entry, i) => printer.entry(entry, i === 0)).join(''))
        expect(entries.length).toBeGreaterThan(0)
      }
  })

  test('a line that adds to the same set equals the line with more spaces', () => {
    const random = new Random(8)
    const create = plainCreateLine('s', type, family, false)
    for (let i = 0; i < TEXTS; i++) {
      const words = Array.from({ length: 4 }, () => element(random, type, family))
      if (words.some(isNamed)) continue
      const lines = words.map((word) => `add s ${word}`)
      const [plain, spaced] = [lines, lines.map((line) => line.replaceAll(' ', '  '))].map((some) => {
        const kernel = filled(create, [])
        return [ipset(kernel, ['-exist', 'restore'], `${some.join('\n')}\n`), ipset(kernel, ['save'])]
      })
      expect(plain).toEqual(spaced)
    }
  })
})

/** Sets with unusual names, and what follows them. */
const LINES: readonly string[] = [
  'add s 10.9.0.2 ',
  'add s -exist',
  'add s -q',
  'add s "10.9.0.2"',
  'add s 10.9.0.2\r',
  'add s 10.9.0.2\t',
  'add s ',
  'add s\t10.9.0.2',
  'add s #',
  'add s 10.9.0.2#',
  'add s 10.9.0.2 timeout 5',
  'add s2 10.9.0.2',
  'add s 10.9.0.2,',
  'add s ü',
  'add "s" 10.9.0.2',
  'add s 10.9.0.2\u00a0',
]

test.each(LINES)('%j has the same effect as in a restore of its own', (line) => {
  const kernel = (): MemoryKernel => filled(['create', 's', 'hash:ip', 'initval', '5'], [])
  const [again, alone] = [kernel(), kernel()]
  const first = 'add s 10.9.0.1\n'
  // In a restore of its own, the line comes after a comment, so that it has the same line number in messages.
  const said = ipset(again, ['restore'], `${first}${line}\n`)
  ipset(alone, ['restore'], first)
  const other = ipset(alone, ['restore'], `#\n${line}\n`)
  expect([said.status, said.stderr]).toEqual([other.status, other.stderr])
  if (said.status === 0) expect(ipset(again, ['save'])).toEqual(ipset(alone, ['save']))
})

test('a name that has to be quoted is not confused with another', () => {
  const kernel = filled(['create', 's x', 'hash:ip', 'initval', '5'], [])
  expect(ipset(kernel, ['restore'], 'add "s x" 10.9.0.1\nadd s x 10.9.0.2\n')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('Error in line 2'),
  })
})

test('of similar entries, only one is printed part by part', () => {
  const lines = Array.from({ length: 50 }, (_, i) => ['add', 's', `10.9.0.${i}`])
  const kernel = filled(['create', 's', 'hash:ip', 'initval', '5'], lines)
  const printed = jest.spyOn(SetPrinter.prototype, 'entry')
  expect(ipset(kernel, ['save', 's']).stdout.split('\n')).toHaveLength(52)
  expect(printed.mock.calls.length).toBeLessThan(4)
  printed.mockRestore()
})

test.each([
  ['hash:mac', '00:00:00:00:00:01', '00:00:00:00:00:02'],
  ['list:set', 'some0001', 'some0002'],
])('another attribute in place of an address of %s is not read as one', (type, ...entries) => {
  const kernel = new MemoryKernel()
  if (type === 'list:set') for (const name of entries) ipset(kernel, ['create', name, 'hash:ip', 'initval', '5'])
  ipset(kernel, ['create', 's', type, ...(type === 'list:set' ? [] : ['initval', '5'])])
  for (const entry of entries) ipset(kernel, ['add', 's', entry])
  const { stdout } = ipset(kernel, ['save', 's'])
  expect(stdout.split('\n').slice(1, -1).sort()).toEqual(entries.map((entry) => `add s ${entry}`))
})

test('a set whose name looks like the placeholder for addresses is listed completely', () => {
  const lines = Array.from({ length: 5 }, (_, i) => ['add', 'ADDRESS', `10.9.0.${i}`])
  const kernel = filled(['create', 'ADDRESS', 'hash:ip', 'initval', '5'], lines)
  const { stdout } = ipset(kernel, ['save', 'ADDRESS'])
  expect(stdout.split('\n').slice(1, -1).sort()).toEqual(lines.map((words) => words.join(' ')))
})
