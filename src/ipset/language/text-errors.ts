/** Errors in text, with the messages of ipset(8). */
import { SetTextError } from '../../errors'

/** A word with an invalid value. `more` adds lines to the message. */
export const syntax = (reason: string, ...more: readonly string[]): SetTextError =>
  new SetTextError('syntax', [`Syntax error: ${reason}`, ...more].join('\n'))

/** As {@link syntax}, for messages that ipset(8) prints without `Syntax error:`. */
export const refused = (reason: string): SetTextError => new SetTextError('syntax', reason)

/** An unexpected or missing word. */
export const usage = (reason: string): SetTextError => new SetTextError('usage', reason)
