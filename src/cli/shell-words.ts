/** Splits a line into words like a shell, but without expansions. */
import { IptcError } from '../errors'

/** Text without quotes, text in single quotes, text in double quotes, or one character after a backslash. */
const PIECE = /([^\s'"\\$`;&|<>()*?[\]]+)|'([^']*)'|"((?:[^"\\$`]|\\[\s\S])*)"|\\([\s\S])/y

/** In double quotes, a backslash only escapes these characters. Before others it is kept. */
const unescaped = (text: string): string => text.replace(/\\([\\"$`\n])/g, (_, char) => (char === '\n' ? '' : char))

/**
 * Splits a line at white space, with the quotes and backslashes of sh(1). Anything that a shell would expand or execute is
 * refused instead of being taken literally. A word that begins with `#` starts a comment.
 * @throws IptcError
 */
export function shellWords(line: string): string[] {
  const words: string[] = []
  for (let at = 0; ; ) {
    while (/\s/.test(line[at] ?? '')) at++
    if (at >= line.length || line[at] === '#') return words
    let word = ''
    for (; at < line.length && !/\s/.test(line[at] as string); at = PIECE.lastIndex) {
      PIECE.lastIndex = at
      const [, bare, single, double, escaped] = PIECE.exec(line) ?? refuse(line, at)
      word += bare ?? single ?? (double === undefined ? escaped : unescaped(double))
    }
    words.push(word)
  }
}

function refuse(line: string, at: number): never {
  const char = line[at] as string
  const reason = /['"\\]/.test(char)
    ? `the ${char} at ${at + 1} is never closed, or a shell would replace something in it`
    : `a shell would not take the ${char} at ${at + 1} for text`
  throw new IptcError('XT_COMMAND', `cannot read ${JSON.stringify(line)}: ${reason}; quote it with '`)
}
