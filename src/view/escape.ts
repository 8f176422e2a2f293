/** Escapes names and rules for output: the name of a chain can be any text, such as a control sequence for terminals. */

/** Most text matches this, and the check is much faster. */
const PLAIN = /^[ -~]*$/
const UNSEEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Noncharacter_Code_Point}]/gu
const NO_TEXT = /\p{Cs}/gu

function escaped(char: string): string {
  const code = char.codePointAt(0) as number
  // A byte that is not UTF-8: see binary/text.ts.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** Escapes control characters, characters that change the direction of text, and invalid characters. */
export const visible = (text: string): string => (PLAIN.test(text) ? text : text.replace(UNSEEN, escaped))

/** Escapes only bytes that are not UTF-8. */
export const wellFormed = (text: string): string => (PLAIN.test(text) ? text : text.replace(NO_TEXT, escaped))
