/**
 * Rules that nft creates from translated lines, but that we read differently, or can only keep as expressions. A test
 * fails if one no longer applies.
 */
import type { FamilyName } from '../../src/abi/family'

export interface Reading {
  readonly what: 'held' | 'otherwise'
  readonly lines: RegExp
  readonly family?: FamilyName
  readonly why: string
}

const held = (lines: RegExp, why: string, family?: FamilyName): Reading => ({
  what: 'held',
  lines,
  why,
  ...(family && { family }),
})
const otherwise = (lines: RegExp, why: string, family?: FamilyName): Reading => ({
  what: 'otherwise',
  lines,
  why,
  ...(family && { family }),
})

const MANY_TYPES = /--(?:src|dst)-type \S+,/

export const readings: readonly Reading[] = [
  held(/-(?:j|-jump) (?:AUDIT|TCPMSS) /, 'the target has no native form here'),
  held(/-j TEE .*--oif/, 'nf_tables has a number of an interface, and the target its name'),
  held(MANY_TYPES, 'the types are in a set', 'ipv4'),
  held(
    /-m addrtype /,
    'the match has UNICAST for local and anycast addresses too, and LOCAL for those of a link that nf_tables takes for unreachable',
    'ipv6',
  ),
  held(/-m ah |--ahspi/, 'the header stands before what nf_tables takes for the transport header', 'ipv6'),
  held(/-m (?:cluster|helper|quota|hashlimit) /, 'the match has no native form here'),
  held(/-m connbytes /, 'connections that are not counted have 0 in nf_tables, and are not found by the match'),
  held(/-m connlabel (?=.*(?:!|--set))/, 'a label is put on, or asked of packets without a connection, too'),
  held(/-m statistic .*--every/, 'nf_tables counts packets from another one on'),
  held(/-m (?:rpfilter|policy|time|socket|connlimit) /, 'the match has no native form here'),
  held(/-m mh |--mh-type/, 'the header has no native form here', 'ipv6'),
  otherwise(/--hbh-l/, 'the match counts bytes, and nf_tables has eights of them', 'ipv6'),
  held(/--rt-len/, 'the match counts bytes, and nf_tables has eights of them', 'ipv6'),
  held(/--fragres/, 'the translation looks at one of the reserved fields alone', 'ipv6'),
  held(/! --ecn-tcp/, 'the translation asks for one value of all flags'),
  held(/--ctexpire/, 'the translation asks for one thousandth of a second'),
  held(/--ctorigsrc (?:0\.0\.0\.0|10\.0\.0\.0|::)\/0/, 'nft looks at no bit of the address and compares nothing'),
  held(/--ctstate NEW --ctproto tcp --ctorigsrc \S+ --ctorigdst/, 'expiry, too, is asked for'),
  held(/--tcp-option|-m tcpmss /, 'options of TCP have no native form here'),
  held(/--chunk-types/, 'chunks have no native form here'),
  held(/--dccp-types \S*,/, 'the types are in a set'),
  held(
    /--(?:src|dst)-group 1\/0/,
    'bits outside of the mask are overlooked by the match, and never found by nf_tables',
  ),
  held(/-m multiport .*(?:,|--ports? )/, 'the ports are in a set'),
  held(/! --[ug]id-owner/, 'a packet that no socket sent matches, and has no owner in nf_tables'),
  held(/--(?:hl|ttl)-lt 0 |--(?:hl|ttl)-gt 255 /, 'no packet is so'),
  held(/-p tcp -m limit .* -m tcp --dport/, 'the translation limits packets before it asks for the protocol'),
  held(/! -[sd] (?:0\.0\.0\.0|::)\/0/, 'nft looks at no bit of the address and compares nothing'),
  otherwise(
    /CONNMARK --set-(?:x?mark) (?:0xff\/0xf|0x1\/0xff00|0xf0\/0xf) /,
    'nft binds the mask that the translation has closer than its xor',
  ),
  otherwise(
    /--(?:save|restore)-mark --mask |--mask \S+ --restore-mark/,
    'the translation clears all of the mark, not the mask alone',
  ),
  otherwise(/--set-xmark 1\/3 --right-shift-mark/, 'nft binds the mask that the translation has closer than its xor'),
  otherwise(/-j TOS /, 'the translation sets the DSCP alone, and leaves the two bits behind it'),
  otherwise(/-j CT --notrack/, 'both targets are one expression'),
  otherwise(/--nflog-range/, 'the translation leaves the length out, which the kernel overlooks, too'),
  otherwise(
    /-m addrtype (?=.*--src-type)(?=.*--dst-type)/,
    'the translation has the source alone, and two matches are read as one',
    'ipv4',
  ),
  otherwise(/--src-type X,p/, 'the translation knows no XRESOLVE', 'ipv4'),
  otherwise(/-p ah -m ah (?!.*--)/, 'the translation leaves the match out'),
  otherwise(/-p (?:dccp -m dccp|mh -m mh) (?!.*--)/, 'the translation leaves the match out', 'ipv6'),
  otherwise(/! --ctstate [SD]NAT/, 'the translation forgets the negation'),
  otherwise(/-m state (?:! )?--state/, 'state and conntrack are one expression'),
  otherwise(
    /--ctstate[ =]\S+ --ctproto/,
    'a state stands in a match of its own, as other parts of one are asked of connections only',
  ),
  otherwise(/--ct(?:orig|repl)(?:src|dst) \S*[^:0]\S*\/\S/, 'nft clears what the mask leaves out'),
  otherwise(/-m (dccp|sctp|frag) .*-m \1 |-p (tcp|udp) --dport \S+ -m \2 /, 'two matches are read as one'),
  otherwise(/-p udp .*--sport 53 ! --dport 22/, 'the translation forgets the negation'),
  otherwise(/--dst-group 2 ! --src-group 1\/3/, 'the translation negates what follows, too'),
  otherwise(/--icmp-type (?:any|255) /, 'the translation leaves the match out, and its negation', 'ipv4'),
  otherwise(/--compres/, 'the translation leaves it out'),
  otherwise(/--limit 4812\/min/, 'the translation prints the rate as it is rounded'),
  otherwise(/-m multiport [^,]*$/, 'one port, or one range, is read as that of its protocol'),
  otherwise(/-i \+ /, 'any interface is none that is asked for'),
  otherwise(/-[io]eth0/, 'the tool takes the option for a part of the name'),
]
