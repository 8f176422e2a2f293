/**
 * Names of protocols in dictionaries: those of python-iptables, which has its own and knows none of protocols(5). They
 * are the same on every machine. Any other name that iptables takes is understood, and comes out as its number.
 */
import { XtablesError } from '../errors'
import { protocolNumber } from '../extensions/values/databases'

const NAMES: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  egp: 8,
  pup: 12,
  udp: 17,
  idp: 22,
  tp: 29,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  none: 59,
  dstopts: 60,
  pim: 103,
  sctp: 132,
}
const numbers = new Map(Object.entries(NAMES).map(([name, number]) => [number, name]))

/** What python-iptables calls protocol 4 is 94 for iptables: neither is guessed. */
const AMBIGUOUS = 'ipip'

const canonical = new Map<string, string>()

/** How a dictionary calls the protocol that iptables prints as `word`. */
export function protocolKey(word: string): string {
  const known = canonical.get(word)
  if (known !== undefined) return known
  const number = /^\d+$/.test(word) ? Number(word) : protocolNumber(word)
  const name = number === undefined ? word : (numbers.get(number) ?? String(number))
  canonical.set(word, name)
  return name
}

/** The protocol of a dictionary as iptables understands it. @throws XtablesError for `ipip` */
export function protocolWord(word: string): string {
  if (word === AMBIGUOUS)
    throw new XtablesError(
      'XT_BAD_VALUE',
      'rule: protocol ipip is 4 for python-iptables and 94 for iptables; write the number',
      {
        extension: 'rule',
        parameter: 'protocol',
        value: word,
        expected: '4 or 94',
      },
    )
  return Object.hasOwn(NAMES, word) ? String(NAMES[word]) : word
}
