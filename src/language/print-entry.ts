/**
 * Prints rules in the iptables language directly from the bytes of a table, with the result of {@link printRule}. Most
 * rules are printed by the template of a similar one, as text with gaps.
 */
import type { Context } from '../extensions/context'
import type { Word } from '../extensions/option'
import { ByTemplates, type EntryTemplate, type Fill, type Mark, markGaps } from '../ruleset/entry-template'
import type { KernelEntries } from '../ruleset/kernel-entries'
import { describeRule } from '../ruleset/rule'
import type { Entry } from '../ruleset/table-entry'
import { printRule, printWord } from './print'
import { printName } from './quoting'

export const printEntry = (entry: Entry, context: Context): string =>
  printRule(describeRule(entry, context), context.family.name)

/** How to print the word for a mark. */
interface Blank {
  readonly mark: string
  /** When to quote it; undefined for names. */
  readonly quotes: Word['quotes']
}

const blankOf = ({ text, gap, index }: Mark): Blank => ({ mark: text, quotes: gap?.option.words[index]?.quotes })

/** The texts around the marks; undefined if the rule itself contains a mark character. */
function textsAround(text: string, blanks: readonly Blank[]): string[] | undefined {
  const texts: string[] = []
  let rest = text
  for (const { mark, quotes } of blanks) {
    const pieces = rest.split(printWord(mark, quotes))
    if (pieces.length !== 2) return undefined
    texts.push(pieces[0] as string)
    rest = pieces[1] as string
  }
  return [...texts, rest]
}

function compile(entry: Entry, template: EntryTemplate, context: Context): Fill<string> | undefined {
  const { rule, marks } = markGaps(entry, template, context)
  const blanks = marks.map(blankOf)
  const texts = textsAround(printRule(rule, context.family.name), blanks)
  return texts && ((words, jump) => fillIn(texts, blanks, words, jump))
}

function fillIn(
  texts: readonly string[],
  blanks: readonly Blank[],
  words: readonly (readonly string[])[],
  jump: string | undefined,
): string {
  let text = texts[0] as string
  let next = 0
  for (let i = 0; i < words.length; i++) {
    const ofGap = words[i] as readonly string[]
    for (let k = 0; k < ofGap.length; k++)
      text += printWord(ofGap[k] as string, (blanks[next] as Blank).quotes) + texts[++next]
  }
  return next < blanks.length ? text + printName(jump as string) + texts[next + 1] : text
}

/** A printer for the rules of a ruleset with this image. */
export const entryPrinter = (image: KernelEntries | undefined, context: Context): ByTemplates<string> =>
  new ByTemplates(image, context, {
    make: (entry) => printEntry(entry, context),
    compile: (entry, template) => compile(entry, template, context),
  })
