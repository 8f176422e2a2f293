/**
 * Intended differences from iptables-legacy 1.8.9. Each is a bug in it that would drop or change input, or a spelling
 * that it accepts by accident. A test fails if one no longer applies. Differences of a single extension may be next to
 * its lines, in test/extensions/cases.
 */
import { isIP } from 'node:net'
import { caseDeviations, type Deviation } from './cases'

/** An address with an all-zero mask, quoted or not. */
const UNMASKED = /(?: -[sd]|--(?:src|dst|source|destination))[ =](?:"([^"]*)|(\S*))\/(?:0+|0x0+|0\.0\.0\.0|::)"?(?: |$)/
/** One to four numbers in C syntax. All but the last have eight bits. */
const IPV4 = /^(?:(?:0x[\da-f]{1,2}|0[0-7]*|1?\d?\d|2[0-4]\d|25[0-5])\.){0,3}(?:0x[\da-f]+|0[0-7]*|[1-9]\d*)$/i

/** Whether a line contains an invalid address before an all-zero mask. */
function isMasking(line: string): boolean {
  const [found, quoted, bare] = UNMASKED.exec(line) ?? []
  const address = quoted ?? bare ?? ''
  // If there are four numbers, the last one also has eight bits.
  const isGreat = /^(?:\d+\.){3}(?:25[6-9]|2[6-9]\d|[3-9]\d\d|\d{4,})$/.test(address)
  return found !== undefined && isIP(address) === 0 && (!IPV4.test(address) || isGreat)
}

const general: readonly Deviation[] = [
  {
    what: 'refused',
    lines: { test: isMasking },
    why: 'no address: 1.8.9 does not look at what stands before a mask of no bits',
  },
  {
    what: 'text',
    lines: /! --[sd]port (?:0:65535|:)(?: |$)/,
    why: '1.8.9 prints a negated full range as nothing: such a rule matches no packet, the printed one all',
  },
  {
    what: 'text',
    lines: / --tcp-flags NONE (?:SYN|ALL)/,
    why: '1.8.9 prints flags behind an empty mask as nothing: such a rule matches no packet, the printed one all',
  },
  { what: 'text', lines: /-[io] \+/, why: '1.8.9 prints a lone + as nothing, negated too, where it matches no packet' },
  {
    what: 'text',
    lines: /-p (?:all|ip|0|00|ALL|hopopt)(?: |$)/,
    why: 'IPv6 stores that -p was given; without it printed, the rule would not be the same bytes again',
  },
  {
    what: 'text',
    lines: /--icmp-type[ =]\S*255\/\S/,
    why: '1.8.9 prints any for every code of type 255, and any is stored otherwise',
  },
  { what: 'text', lines: /--zone-(?:orig|reply) 0$/, why: '1.8.9 prints zone 0 as nothing, and drops its direction' },
  { what: 'text', lines: /! --ctorigsrcport 65535:0/, why: '1.8.9 prints the first port of a reversed range alone' },
  {
    what: 'refused',
    lines: /-j CT .*--zone(?:-orig|-reply)? \S+ --zone/,
    why: 'a rule has one zone: 1.8.9 silently keeps the last',
  },
  {
    what: 'refused',
    lines: /--reject-with (?:net|host|icmp-net|icmp-host|icmp)$/,
    why: 'several types begin so: 1.8.9 takes the first of its table',
  },
  {
    what: 'refused',
    lines: /(?: -[io]|--(?:in|out)-interface|--oif) (?:\S*\/|"e[^"]* [^"]*")/,
    why: 'no interface has such a name: 1.8.9 only warns',
  },
  { what: 'text', lines: /-i "eth 0"/, why: 'bare, as 1.8.9 prints it, the name could not be read again' },
  {
    what: 'refused',
    lines: /--match-set[ =]\S+ (?:\S+,)*(?:src|dst)[^,\s]/,
    why: '1.8.9 looks at the first three letters alone',
  },
  {
    what: 'refused',
    lines: /(--return-nomatch|! --update-counters|! --update-subcounters) (?:.* )?\1/,
    why: 'an option that stands twice: 1.8.9 overlooks it for these three',
  },
  {
    what: 'refused',
    lines:
      /port (?:\S*:)?\+?(?:0[0-7]*[89]\d{4,}|6553[6-9]|655[4-9]\d|65[6-9]\d\d|6[6-9]\d{3}|[7-9]\d{4}|[1-9]\d{5,})(?::|\s|$)/,
    why: 'no port is so great: 1.8.9 keeps sixteen bits of it',
  },
  { what: 'refused', lines: /--tcp-flags SYN ""/, why: 'a list of nothing is no list: 1.8.9 takes it for NONE' },
  {
    what: 'accepted',
    lines: /^(?!.*-p .*-[jm] ).* -(?:j (?:MASQUERADE|REDIRECT|SNAT|DNAT)|m multiport) .*-p \S+/,
    why: '1.8.9 wants the protocol before what needs it; the rule is the same',
  },
  {
    what: 'accepted',
    lines: /-A INPUT (?:! )?(?:--in-interface=eth0|-ptcp|-jDROP)| -[sd]\d/,
    why: '1.8.9 cannot read a value right behind these options; later ones can',
  },
  { what: 'bytes', lines: / -[io]eth0/, why: '1.8.9 takes -ieth0 for an interface of the name -ieth0' },
  { what: 'text', lines: / -[io]eth0/, why: 'the same' },
  { what: 'listed', lines: / --tcp-flags NONE (?:SYN|ALL)/, why: 'as in what is printed' },
  { what: 'listed', lines: /-j CT --zone-(?:orig|reply) 0$/, why: 'as in what is printed' },
  { what: 'listed', lines: /! --ctorigsrcport 65535:0/, why: 'as in what is printed' },
  {
    what: 'listed',
    lines: /-c (?:18446744073709551615|\d{21,}) /,
    why: '1.8.9 rounds the greatest counters up past what 64 bits hold, to 0K',
  },
]

export const deviations: readonly Deviation[] = [
  ...general,
  ...caseDeviations.map(({ what, lines, why }) => ({ what, lines: new RegExp(lines), why })),
]

/** The deviation that explains a difference, if any. */
export const explained = (what: Deviation['what'], line: string): Deviation | undefined =>
  deviations.find((one) => one.what === what && one.lines.test(line))
