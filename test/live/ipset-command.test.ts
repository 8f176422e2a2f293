/**
 * Compares `xtables ipset` with ipset(8): both run generated command lines in their own network namespaces. Status,
 * output and sets must be the same. XTABLES_TEST_COMMANDS sets how many for each type, XTABLES_TEST_SEED which ones.
 */
import { SET_TYPES, type SetTypeName } from '../../src/ipset/types'
import { run as runOurs } from '../cli/run'
import { deviations } from '../ipset/deviations'
import { Random } from '../kernel/random'
import { createLine, entryLine, plainCreateLine } from '../support/generated-sets'
import { type Outcome, run } from '../support/run-program'
import { newNamespace } from './legacy'

const { XTABLES_TEST_COMMANDS = '40', XTABLES_TEST_SEED = '1' } = process.env
const COUNT = Number(XTABLES_TEST_COMMANDS)

const times = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Removes timeouts: time passes between the two listings. */
const timeless = (text: string): string =>
  text.replace(/(timeout[ >])(\d{4,})/g, (_, word, left) => `${word}${Math.ceil(Number(left) / 1000)}k`)

/** Two namespaces that are expected to behave in the same way. */
class Pair {
  readonly #ours = newNamespace()
  readonly #theirs = newNamespace()

  ours(words: readonly string[], input = ''): Outcome {
    return this.#ours.run(() => runOurs('ipset', words, input))
  }

  theirs(words: readonly string[], input = ''): Outcome {
    return this.#theirs.run(() => run('ipset', words, input))
  }

  /** Unlisted differences, as text. Empty if there are none. */
  compare(words: readonly string[], input = ''): string[] {
    const listed = deviationsOf(words)
    if (listed.includes('status')) return []
    const [mine, other] = [this.ours(words, input), this.theirs(words, input)]
    return KINDS.filter(
      (what) => !listed.includes(what) && timeless(String(mine[what])) !== timeless(String(other[what])),
    ).map((what) => `${words.join(' ')}\n+ ${what} ${mine[what]}\n- ${what} ${other[what]}`)
  }
}

const KINDS = ['status', 'stdout', 'stderr'] as const

const lineOf = (words: readonly string[]): string => words.map((word) => word || '""').join(' ')

/** What may differ for a line. If it is the status, only one of the two changes its sets. */
const deviationsOf = (words: readonly string[]): string[] =>
  deviations.filter(({ lines }) => lines.test(lineOf(words))).flatMap(({ what }) => what)

const hasType = (type: SetTypeName): boolean => {
  const needed = type.startsWith('bitmap') ? ['range', type === 'bitmap:port' ? '1-2' : '10.0.0.0/30'] : []
  return new Pair().theirs(['create', 'x', type, ...needed]).status === 0
}

const cases = Object.entries(SET_TYPES).flatMap(([type, { families }]) =>
  families.map((family) => [type as SetTypeName, family] as const),
)

const LISTINGS = [
  ['save'],
  ['list'],
  ['list', '-t'],
  ['list', '-n'],
  ['list', '-o', 'xml'],
  ['list', '-n', '-o', 'xml'],
  ['save', 's'],
]

describe.each(cases)('%s of %s', (type, family) => {
  test('entries in all forms', () => {
    const random = new Random(Number(XTABLES_TEST_SEED))
    const different: string[] = []
    let accepted = 0
    for (const extended of [false, true]) {
      const pair = new Pair()
      for (const name of ['one', 'two', 'three']) pair.compare(['create', name, 'hash:ip', 'initval', '5'])
      different.push(
        ...pair.compare(['create', 'list', 'list:set']),
        ...pair.compare(plainCreateLine('s', type, family, extended)),
      )
      for (const _ of times(COUNT)) {
        const words = entryLine(random, 's', type, family)
        different.push(...pair.compare(words))
      }
      for (const words of LISTINGS) different.push(...pair.compare(words))
      accepted += pair.ours(['save', 's']).stdout.split('\n').length
    }
    expect(different.slice(0, 5).join('\n')).toBe('')
    expect(accepted > 2 * 2).toBe(hasType(type))
  })

  test('create options', () => {
    const random = new Random(Number(XTABLES_TEST_SEED))
    const pair = new Pair()
    const different = times(COUNT).flatMap((i) => {
      const words = createLine(random, `s${i}`, type)
      return pair.compare(words)
    })
    for (const words of LISTINGS) different.push(...pair.compare(words))
    expect(different.slice(0, 5).join('\n')).toBe('')
  })
})

test.each(deviations.map((one) => [one.why, one] as const))('%s', (_, { lines, what, shown, text }) => {
  const pair = new Pair()
  const last = shown.at(-1) as readonly string[]
  for (const words of shown.slice(0, -1)) expect([pair.ours(words).status, pair.theirs(words).status]).toEqual([0, 0])
  if (text === undefined) expect(shown.map(lineOf).some((line) => lines.test(line))).toBe(true)
  const [mine, other] = [pair.ours(last, text), pair.theirs(last, text)]
  expect(KINDS.filter((kind) => mine[kind] !== other[kind])).toEqual(expect.arrayContaining([...what]))
})

/** Texts to restore. Sets and messages must be the same. */
const TEXTS: readonly string[] = [
  'create a hash:ip initval 5\nadd a 10.9.0.1\nadd a 10.9.0.2\n',
  '# first\n\n  # second\n\tcreate a hash:ip initval 5\t\n add a 10.9.0.1 \nCOMMIT\n',
  'create a hash:ip initval 5\r\nadd a 10.9.0.1\r\n',
  'create a hash:ip initval 5\nadd a 10.9.0.1\nadd a 10.9.0.1\nadd a 10.9.0.2\n',
  'create a hash:ip initval 5\nadd a 10.9.0.1\nadd a nobody.invalid\nadd a 10.9.0.2\n',
  'create a hash:ip initval 5\nadd a 10.9.0.1\nadd a 10.9.0.2 foo\n',
  'create a hash:ip initval 5\nadd a 10.9.0.1\nadd b 10.9.0.1\n',
  'create a hash:ip initval 5\nfoo\n',
  'create a hash:ip initval 5\nhelp\n',
  'create a hash:ip initval 5 -exist\nadd a 10.9.0.1\nadd a 10.9.0.1\n',
  'create a hash:ip initval 5 comment\nadd a 10.9.0.1 comment "a b"\nadd a 10.9.0.2 comment a"b c"d\nadd a 10.9.0.3 comment x\\\n',
  'create a hash:ip initval 5\ncreate b hash:net initval 5\nadd a 10.9.0.1\nadd b 10.9.0.0/24\nadd a 10.9.0.2\nswap a b\n',
  'create a hash:ip initval 5\nadd a 10.9.0.1\nrename a b\nadd b 10.9.0.2\ndel b 10.9.0.1\nflush b\nadd b 10.9.0.3\n',
  'create a hash:ip initval 5\nadd a 10.9.0.1\nlist a\nadd a 10.9.0.2\ndestroy\n',
  'create a hash:ip initval 5\nadd a 10.9.0.1 timeout 5\n',
  'create a hash:ip maxelem 1 initval 5\nadd a 10.9.0.1\nadd a 10.9.0.2\n',
]

test.each(TEXTS)('restore: %j', (text) => {
  const pair = new Pair()
  expect(pair.compare(['restore'], text)).toEqual([])
  expect(pair.compare(['save'])).toEqual([])
  expect(pair.compare(['-exist', 'restore'], text)).toEqual([])
  expect(pair.compare(['save'])).toEqual([])
})

/** Command lines with all commands, run one after the other. */
const LINES: readonly string[] = [
  'create',
  'create a',
  'create a foo',
  'create a hash:ip initval 5',
  'create a hash:ip initval 5',
  '-! create a hash:ip initval 5',
  '-exist create a hash:net',
  'create b iphash initval 5',
  'create c setlist',
  'create d netnethash',
  'add',
  'a a 10.9.0.1',
  '-A a 10.9.0.2',
  '--ad a 10.9.0.3',
  '-ad a 10.9.0.3',
  'add a 10.9.0.3 -exist',
  'add a -! 10.9.0.3',
  'add nope 10.9.0.3',
  'add a 10.9.0.4 comment -q',
  'add c b',
  'add c a before b',
  't a 10.9.0.1',
  '-T a 10.9.0.9',
  '-q test a 10.9.0.9',
  'd a 10.9.0.9',
  '-exist del a 10.9.0.9',
  '-D a 10.9.0.1',
  'rename a b',
  'rename nope x',
  'e a x',
  'rename b y',
  '-E x a',
  'swap a nope',
  'swap nope a',
  'w a b',
  'swap a c',
  '-W a b',
  'destroy a',
  'destroy nope',
  'destroy a b',
  'destroy',
  'flush nope',
  'flush b',
  '-F',
  'f a b',
  'list nope',
  'list a b',
  'l',
  '-L a',
  'list a -s',
  's',
  '-S c',
  'list -n',
  '-name list a',
  'list -n nope',
  '-terse list',
  '-t -n list',
  '-t save a',
  '-o xml list',
  '-o plain save a',
  'list --output save',
  '-o foo list',
  '-o',
  'list -f',
  '-f x -f y list',
  '-f /nope/x list',
  '-oxml list',
  're a b',
  'restore x',
  'foo',
  '-foo',
  '--',
  '-exist',
  '',
  'version',
  '-v',
  'quit',
  'r',
  'list 01234567890123456789012345678901',
  'rename a 01234567890123456789012345678901',
]

test('every command, its aliases, and errors in it', () => {
  const pair = new Pair()
  expect(LINES.flatMap((line) => pair.compare(line === '' ? [] : line.split(' ')))).toEqual([])
})
