/** Splits and quotes words as iptables-restore(8) does. */
import { XtablesError } from '../errors'
import { quoteWord } from '../extensions/values/string'

const malformed = (line: string, reason: string): XtablesError =>
  new XtablesError('XT_SYNTAX', `cannot read ${JSON.stringify(line)}: ${reason}`, { extension: 'rule', value: line })

/** A word, and whether it was quoted. */
export interface QuotedWord {
  readonly text: string
  readonly quoted: boolean
}

/** The words of a line without their quotes. @throws as {@link splitQuoted} */
export const splitWords = (line: string): string[] => splitQuoted(line).map(({ text }) => text)

/**
 * Splits a line at white space. Double quotes keep words together, and a backslash in them escapes the next character;
 * single quotes have no meaning.
 * @throws XtablesError for an unterminated quote, or text directly after a closing one
 */
export function splitQuoted(line: string): QuotedWord[] {
  if (line.includes('\0')) throw malformed(line, 'it contains a NUL byte')
  const words: QuotedWord[] = []
  // An unquoted word, or any text directly before a quoted part, which ends the word.
  const word = /\s*(?:([^\s"]*)"((?:[^"\\]|\\[\s\S])*)"(?=\s|$)|([^\s"]+)(?=\s|$)|$)/y
  while (word.lastIndex < line.length) {
    const start = word.lastIndex
    const found = word.exec(line)
    if (found === null) throw malformed(line, `unmatched or misplaced quote after byte ${start}`)
    const [, before, quoted, bare] = found
    if (bare !== undefined) words.push({ text: bare, quoted: false })
    else if (quoted !== undefined) words.push({ text: `${before}${quoted.replace(/\\([\s\S])/g, '$1')}`, quoted: true })
  }
  return words
}

/**
 * Prints a name: bare, like iptables, unless it would not read back the same. Names of interfaces and chains may
 * contain anything.
 */
export const printName = (word: string): string => (isBare(word) || !/[\s"\\]/.test(word) ? word : quoteWord(word))

const [BLANK, QUOTE, BACKSLASH, LAST] = [0x20, 0x22, 0x5c, 0x7e] as const

/** Whether every character is ASCII and none needs quotes. This holds for most words, and takes a third of the time. */
function isBare(word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i)
    if (code <= BLANK || code === QUOTE || code === BACKSLASH || code > LAST) return false
  }
  return true
}
