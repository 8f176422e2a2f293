/** What ipset(8) refuses, in its words. */
import { SetTextError } from '../../errors'

/** Words that cannot be what they should; the lines behind the first say more of it. */
export const syntax = (reason: string, ...more: readonly string[]): SetTextError =>
  new SetTextError('syntax', [`Syntax error: ${reason}`, ...more].join('\n'))

/** As {@link syntax}, where ipset does not call it so. */
export const refused = (reason: string): SetTextError => new SetTextError('syntax', reason)

/** A word that has no place, or is missing. */
export const usage = (reason: string): SetTextError => new SetTextError('usage', reason)
