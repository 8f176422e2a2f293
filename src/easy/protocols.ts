/**
 * Names of protocols in dictionaries. They are those of python-iptables, which uses its own list instead of
 * protocols(5), and are the same on every machine. Other names that iptables accepts are understood, and read back as
 * numbers.
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

/** `ipip` is 4 in python-iptables and 94 in iptables: an error instead of a guess. */
const AMBIGUOUS = 'ipip'

const canonical = new Map<string, string>()

/** The dictionary name of a protocol that iptables prints as `word`. */
export function protocolKey(word: string): string {
  const known = canonical.get(word)
  if (known !== undefined) return known
  const number = /^\d+$/.test(word) ? Number(word) : protocolNumber(word)
  const name = number === undefined ? word : (numbers.get(number) ?? String(number))
  canonical.set(word, name)
  return name
}

/** The iptables name of a protocol in a dictionary. @throws XtablesError for `ipip` */
export function protocolWord(word: string): string {
  if (word === AMBIGUOUS)
    throw new XtablesError(
      'XT_BAD_VALUE',
      'rule: protocol ipip means 4 in python-iptables and 94 in iptables; give the number instead',
      {
        extension: 'rule',
        parameter: 'protocol',
        value: word,
        expected: '4 or 94',
      },
    )
  return Object.hasOwn(NAMES, word) ? String(NAMES[word]) : word
}
