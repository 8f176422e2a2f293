/**
 * `xtables ipset` against ipset(8): generated command lines, each carried out by both in a network namespace of its own, give
 * the same status and output, and leave the same sets. XTABLES_TEST_COMMANDS tries more of each type, XTABLES_TEST_SEED others.
 */
import { SET_TYPES, type SetTypeName } from '../../src/ipset/types'
import { run as runOurs } from '../cli/run'
import { deviations } from '../ipset/deviations'
import { Random } from '../kernel/random'
import { createLine, entryLine, plainCreateLine } from '../support/generated-sets'
import { type Outcome, run } from '../support/oracle'
import { newNamespace } from './legacy'

const { XTABLES_TEST_COMMANDS = '40', XTABLES_TEST_SEED = '1' } = process.env
const COUNT = Number(XTABLES_TEST_COMMANDS)

const times = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Seconds go by between what the one lists and the other. */
const timeless = (text: string): string =>
  text.replace(/(timeout[ >])(\d{4,})/g, (_, word, left) => `${word}${Math.ceil(Number(left) / 1000)}k`)

/** Two namespaces in which the same is to happen. */
class Pair {
  readonly #ours = newNamespace()
  readonly #theirs = newNamespace()

  ours(words: readonly string[], input = ''): Outcome {
    return this.#ours.run(() => runOurs('ipset', words, input))
  }

  theirs(words: readonly string[], input = ''): Outcome {
    return this.#theirs.run(() => run('ipset', words, input))
  }

  /** What differs, as text; nothing where all is the same. */
  compare(words: readonly string[], input = ''): string[] {
    const [mine, other] = [this.ours(words, input), this.theirs(words, input)]
    return (['status', 'stdout', 'stderr'] as const)
      .filter((what) => timeless(String(mine[what])) !== timeless(String(other[what])))
      .map(
        (what) =>
          `${words.join(' ')}${input === '' ? '' : ` <<< ${input}`}\n+ ${what} ${mine[what]}\n- ${what} ${other[what]}`,
      )
  }
}

const explained = (words: readonly string[]): boolean => {
  const line = words.join(' ')
  return deviations.some(({ lines }) => lines.test(line))
}

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
  test('entries, in all their forms', () => {
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
        if (explained(words)) continue
        different.push(...pair.compare(words))
        if (pair.ours(['-exist', ...words]).status === 0) accepted++
        pair.theirs(['-exist', ...words])
      }
      for (const words of LISTINGS) different.push(...pair.compare(words))
    }
    expect(different.slice(0, 5).join('\n')).toBe('')
    expect(accepted > 0).toBe(hasType(type))
  })

  test('what sets are made with', () => {
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

test.each(deviations.map((one) => [one.why, one] as const))('%s', (_, { lines, what, shown }) => {
  const pair = new Pair()
  const last = shown.at(-1) as readonly string[]
  for (const words of shown.slice(0, -1)) expect(pair.compare(words)).toEqual([])
  expect(last.map((word) => word || '""').join(' ')).toMatch(lines)
  const [mine, other] = [pair.ours(last), pair.theirs(last)]
  for (const kind of what) expect(mine[kind]).not.toEqual(other[kind])
})
