/** Reads the desired state from the text of a file. */
import { parseJson } from '../json'
import type { Desired } from './desired'

/**
 * Accepts a dump in JSON, or the text of iptables-save. @param from the source of the text, for messages. @throws
 * IptcError
 */
export const desiredOfText = (text: string, from: string): Desired =>
  text.trimStart().startsWith('{') ? (parseJson(text, from) as Desired) : text
