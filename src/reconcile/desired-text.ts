/** What is desired, as files have it. */
import { parseJson } from '../json'
import type { Desired } from './desired'

/** A dump in JSON, or a text of iptables-save as it is. @param from where it comes from, for messages. @throws IptcError */
export const desiredOfText = (text: string, from: string): Desired =>
  text.trimStart().startsWith('{') ? (parseJson(text, from) as Desired) : text
