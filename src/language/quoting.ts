/** Words of a line, as iptables-restore(8) groups and quotes them. */
import { XtablesError } from '../errors'
import { quoteWord } from '../extensions/values/string'

const malformed = (line: string, reason: string): XtablesError =>
  new XtablesError('XT_SYNTAX', `cannot read ${JSON.stringify(line)}: ${reason}`, { extension: 'rule', value: line })

/** A word, and whether it stood in quotes. */
export interface QuotedWord {
  readonly text: string
  readonly quoted: boolean
}

/** The words of a line without their quotes. @throws as {@link splitQuoted} */
export const splitWords = (line: string): string[] => splitQuoted(line).map(({ text }) => text)

/**
 * Splits a line at white space. Double quotes keep words together, and within them a backslash takes the next character
 * as it is; single quotes mean nothing.
 * @throws XtablesError for an unterminated quote, or text right behind a closing one
 */
export function splitQuoted(line: string): QuotedWord[] {
  if (line.includes('\0')) throw malformed(line, 'it holds a NUL byte')
  const words: QuotedWord[] = []
  // A word without quotes, or any text that runs into one quoted piece, which ends the word.
  const word = /\s*(?:([^\s"]*)"((?:[^"\\]|\\[\s\S])*)"(?=\s|$)|([^\s"]+)(?=\s|$)|$)/y
  while (word.lastIndex < line.length) {
    const start = word.lastIndex
    const found = word.exec(line)
    if (found === null) throw malformed(line, `unmatched or misplaced quote behind byte ${start}`)
    const [, before, quoted, bare] = found
    if (bare !== undefined) words.push({ text: bare, quoted: false })
    else if (quoted !== undefined) words.push({ text: `${before}${quoted.replace(/\\([\s\S])/g, '$1')}`, quoted: true })
  }
  return words
}

/**
 * A name as it is printed: bare, as iptables does, unless it could not be read again so. Interfaces and chains may have
 * names that hold anything.
 */
export const printName = (word: string): string => (isBare(word) || !/[\s"\\]/.test(word) ? word : quoteWord(word))

const [BLANK, QUOTE, BACKSLASH, LAST] = [0x20, 0x22, 0x5c, 0x7e] as const

/** Whether every character is of ASCII, and none asks for quotes. Most words are, and this is found in a third of the time. */
function isBare(word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i)
    if (code <= BLANK || code === QUOTE || code === BACKSLASH || code > LAST) return false
  }
  return true
}
