/** Rules as text. */

import { quoteWord } from '../../src/extensions/values/string'
import { Rule, Rule6 } from '../../src/index'
import { splitWords } from '../../src/language/quoting'
import { lines } from '../corpus'
import { editText, editWords } from '../edit'
import { refused } from '../guard'
import { insist, type Kind, pick } from '../kind'
import { isAccepted, type Place } from '../table'
import { passedOver, vocabularyOf } from '../traces'

interface Input extends Place {
  readonly text: string
}

const wordLists = lines.map(({ words }) => words)
const vocabulary = vocabularyOf(wordLists)

const lineOf = (words: readonly string[]): string =>
  words.map((word) => (/^[^\s"\\]+$/.test(word) ? word : quoteWord(word, 'always'))).join(' ')

type AnyRule = Rule | Rule6

const parse = ({ family }: Input, text: string): AnyRule => (family === 'ipv4' ? Rule : Rule6).parse(text)

/** Rules are equal that differ in what the kernel does not hand out again: that is heard all the same. */
const isSame = (one: AnyRule, other: AnyRule): boolean =>
  one.equals(other) && String(one.counters) === String(other.counters) && String(one) === String(other)

function checkTraces(input: Input, rule: AnyRule, choice: number): void {
  const words = splitWords(input.text)
  const missed = passedOver(words, choice, {
    vocabulary,
    printed: splitWords(String(rule)),
    isSame(varied) {
      const other = refused(() => parse(input, lineOf(varied)))
      return other && isAccepted(input, other.entry) ? isSame(rule, other) : undefined
    },
  })
  insist(missed === undefined, () => `${missed} makes no difference to ${rule}`)
}

export const rule: Kind<Input> = {
  name: 'rule',
  make({ item, edits }) {
    const { words, ...place } = pick(lines, item)
    const isText = ([what]: readonly number[]): boolean => (what as number) % 5 === 0
    const edited = edits.filter((edit) => !isText(edit)).reduce((all, edit) => editWords(all, edit, wordLists), words)
    return { ...place, text: edits.filter(isText).reduce(editText, lineOf(edited)) }
  },
  examine(input, choice) {
    const rule = refused(() => parse(input, input.text))
    if (rule === undefined) return
    const printed = String(rule)
    if (!isAccepted(input, rule.entry)) return
    const again = parse(input, printed)
    insist(again.equals(rule), () => `printed as ${printed}\nit is another rule: ${again}`)
    insist(String(again) === printed, () => `printed as ${printed}\nand then as ${again}`)
    checkTraces(input, rule, choice)
  },
  size: ({ text }) => text.length,
  show: ({ family, table, chain, text }) => `${family} ${table} ${chain} ${JSON.stringify(text)}`,
}
