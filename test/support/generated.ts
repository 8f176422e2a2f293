/**
 * Generated rule lines: those of the cases with one or two words changed, and the result of iptables-legacy for each.
 */
import type { Random } from '../kernel/random'
import { type Case, ruleLine, splitLine } from './cases'
import { prepare, refusedOf, restore, restoreText } from './oracle'
import type { Outcome } from './run-program'

type Words = readonly string[]
type Change = (random: Random, words: Words, pool: readonly Words[]) => Words

/** The characters in numbers, ranges, lists and masks. */
const CHARACTERS = '0123456789afx:-/,.!+ '
/** Limits of number ranges. */
const ENDS = [
  '0',
  '1',
  '255',
  '256',
  '65535',
  '65536',
  '4294967294',
  '4294967295',
  '4294967296',
  '010',
  '08',
  '0x1f',
  '',
]

const isOption = (word: string): boolean => word.startsWith('-') || word === '!'

/** The index of a word that is a value, if any. */
const valuePlace = (random: Random, words: Words): number | undefined =>
  random.pick(words.flatMap((word, i) => (isOption(word) ? [] : [i])))

const changeValue =
  (change: (random: Random, word: string) => string): Change =>
  (random, words) => {
    const at = valuePlace(random, words)
    return at === undefined ? words : words.with(at, change(random, words[at] as string))
  }

function changeCharacter(random: Random, word: string): string {
  const at = random.below(word.length + 1)
  const character = random.pick(Array.from(CHARACTERS))
  return `${word.slice(0, at)}${character}${word.slice(at + random.below(2))}`
}

const changeNumber = (random: Random, word: string): string => {
  const numbers = Array.from(word.matchAll(/\w+/g))
  const number = random.pick(numbers)
  if (number === undefined) return word
  return `${word.slice(0, number.index)}${random.pick(ENDS)}${word.slice(number.index + number[0].length)}`
}

/** Splits words into options, each with its `!` and its values. */
function optionsOf(words: Words): Words[] {
  const options: string[][] = []
  for (const [i, word] of words.entries()) {
    const opens = word === '!' || (isOption(word) && words[i - 1] !== '!')
    if (opens || options.length === 0) options.push([word])
    else options.at(-1)?.push(word)
  }
  return options
}

const changeOptions =
  (change: (random: Random, options: Words[], pool: readonly Words[]) => void): Change =>
  (random, words, pool) => {
    const options = optionsOf(words)
    change(random, options, pool)
    return options.flat()
  }

const CHANGES: readonly Change[] = [
  changeValue(changeCharacter),
  changeValue(changeNumber),
  changeOptions((random, options) => {
    const [moved = []] = options.splice(random.below(options.length), 1)
    options.splice(random.below(options.length + 1), 0, moved)
  }),
  changeOptions((random, options, pool) => {
    const others = optionsOf(random.pick(pool) ?? [])
    options.splice(random.below(options.length + 1), random.below(2), random.pick(others) ?? [])
  }),
  changeOptions((random, options) => {
    const at = random.below(options.length)
    const option = options[at] ?? []
    options[at] = option[0] === '!' ? option.slice(1) : ['!', ...option]
  }),
  changeOptions((random, options) => {
    options.splice(random.below(options.length), 1)
  }),
]

const quoted = (word: string): string => (word === '' || /\s/.test(word) ? `"${word}"` : word)

/**
 * Distinct lines similar to those of a case, in the same chains. Lines with quotes are not used, because they cannot be
 * split at spaces; generated words are quoted if needed.
 */
export function generateLines(random: Random, { accepted, refused }: Case, count: number): string[] {
  const lines = [...accepted, ...refused].filter((line) => splitLine(line) !== undefined && !/["\\\n]/.test(line))
  const pool = lines.map((line) => ruleLine(line).rule.split(/\s+/))
  const generated = Array.from({ length: lines.length === 0 ? 0 : count }, () => {
    const { chain, rule } = ruleLine(random.pick(lines) as string)
    let words: Words = rule.split(/\s+/)
    for (let left = 1 + random.below(2); left > 0; left--) words = random.pick([...CHANGES])(random, words, pool)
    return `-A ${chain} ${words.map(quoted).join(' ')}`.trimEnd()
  })
  return [...new Set(generated)]
}

/** Whether a line has a list of addresses, which creates several rules. The tests read only one rule per line. */
const isSeveralRules = (line: string): boolean => / (?:-[sd]|--(?:src|dst|source|destination))[ =]?\S*,/.test(line)

/** Whether the kernel refused the line. The reason may be other rules in the table. */
const isByKernel = ({ stderr }: Outcome): boolean => /line \d+ failed/.test(stderr)

/**
 * A case with generated lines, sorted by whether iptables-legacy accepts them. Lines that only fail because of others
 * are left out.
 */
export function generatedCase(random: Random, one: Case, count: number): Case {
  const { family, table } = one
  prepare(one)
  const lines = generateLines(random, one, count).filter((line) => !isSeveralRules(line))
  const refused = refusedOf((text) => restoreText(family, text), table, lines)
  const isAcceptedAlone = (line: string): boolean => {
    prepare(one)
    return restore(family, table, [line]).status === 0
  }
  return {
    ...one,
    accepted: lines.filter((line) => !refused.has(line)),
    refused: [...refused]
      .filter(([line, outcome]) => !isByKernel(outcome) || !isAcceptedAlone(line))
      .map(([line]) => line),
  }
}
