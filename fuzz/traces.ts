/**
 * Whether everything that was said is in the rule. The oracle knows nothing of options. It says of what has been
 * accepted a little more, or a little less: that must be refused, or be another rule. Where leaving an option out makes
 * no difference, what it says may go without saying; then another value for it must make one, or be refused. Else it has been passed
 * over, and the rule is wider than what it says.
 */
import { pick } from './kind'

/** None of these can be added to a value and leave its meaning as it was. */
const JUNK: readonly string[] = ['#', '~', '\x01', 'é', ';']

export const withJunk = (word: string, where: number): string => {
  const at = where % (word.length + 1)
  return word.slice(0, at) + pick(JUNK, where) + word.slice(at)
}

const isOption = (word: string | undefined): boolean => word !== undefined && /^-./.test(word)

/** Flags that say what holds without them too; they may be cut short. */
const USUAL: readonly string[] = ['--utc', '--rsource']

const isUsual = (option: string): boolean => option.length > 2 && USUAL.some((one) => one.startsWith(option))

/** The words from an option up to the next. */
interface Group {
  readonly at: number
  readonly words: readonly string[]
}

function groupsOf(words: readonly string[]): Group[] {
  const starts = [...words.keys()].filter((i) => isOption(words[i]))
  return starts.map((at, i) => {
    const next = starts[i + 1] ?? words.length
    return { at, words: words.slice(at, words[next - 1] === '!' && next - 1 > at ? next - 1 : next) }
  })
}

/** What has ever followed an option, by its name. */
export type Vocabulary = ReadonlyMap<string, readonly (readonly string[])[]>

export function vocabularyOf(lines: readonly (readonly string[])[]): Vocabulary {
  const known = new Map<string, Map<string, readonly string[]>>()
  for (const line of lines)
    for (const { words } of groupsOf(line)) {
      const [option = '', ...values] = words
      known.set(option, (known.get(option) ?? new Map()).set(values.join(' '), values))
    }
  return new Map([...known].map(([option, values]) => [option, [...values.values()]]))
}

/** The option of a word, without a value that sticks to it. */
const optionIn = (word: string): string => (word.startsWith('--') ? (word.split('=')[0] as string) : word.slice(0, 2))

/** What else might follow it; an option that is cut short may be any that begins so. */
function alternatives(vocabulary: Vocabulary, word: string): string[][] {
  const option = optionIn(word)
  const names = vocabulary.has(option) ? [option] : [...vocabulary.keys()].filter((one) => one.startsWith(option))
  return names.flatMap((name) => (vocabulary.get(name) ?? []).map((values) => [name, ...values]))
}

/** How the words of one rule are judged. */
export interface Judge {
  /** Whether these words are accepted, and make the same rule, or another. */
  readonly isSame: (words: readonly string[]) => boolean | undefined
  /** The rule as it is printed: what is in there was heard. */
  readonly printed: readonly string[]
  readonly vocabulary: Vocabulary
}

/** @returns what was passed over, if something was */
export function passedOver(
  words: readonly string[],
  choice: number,
  { isSame, printed, vocabulary }: Judge,
): string | undefined {
  const [how, which] = [choice % 3, choice >>> 3]
  if (words.length === 0) return undefined
  if (how === 0) {
    const at = which % words.length
    const varied = words.with(at, withJunk(words[at] as string, which >>> 4))
    return isSame(varied) ? `junk in ${JSON.stringify(varied[at])}` : undefined
  }
  if (how === 1) {
    const signs = [...words.keys()].filter((at) => words[at] === '!')
    if (signs.length === 0) return undefined
    const at = pick(signs, which)
    return isSame(words.toSpliced(at, 1)) ? `! before ${JSON.stringify(words[at + 1])}` : undefined
  }
  const groups = groupsOf(words).filter(({ words: [option] }) => option !== '--')
  if (groups.length === 0) return undefined
  const { at, words: said } = pick(groups, which)
  const option = said[0] as string
  if (isUsual(option) || printed.includes(option) || !isSame(words.toSpliced(at, said.length))) return undefined
  const instead = (other: readonly string[]): boolean | undefined => isSame(words.toSpliced(at, said.length, ...other))
  // To refuse what is good elsewhere is to have heard it; an option that cannot be negated is refused with ! whatever it says.
  const isHeard =
    alternatives(vocabulary, option).some((other) => instead(other) !== true) || instead(['!', ...said]) === false
  return isHeard ? undefined : JSON.stringify(said.join(' '))
}
