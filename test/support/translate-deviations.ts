/**
 * Intended differences between our translations and those of iptables-translate 1.8.9. A test fails if one no longer
 * applies.
 */
import type { FamilyName } from '../../src/abi/family'

export interface TranslateDeviation {
  /** Our text differs; we have no translation and repeat the line; or only the tool has none. */
  readonly what: 'other' | 'none' | 'more'
  readonly lines: RegExp
  readonly family?: FamilyName
  readonly why: string
}

const deviation =
  (what: TranslateDeviation['what']) =>
  (lines: RegExp, why: string, family?: FamilyName): TranslateDeviation => ({
    what,
    lines,
    why,
    ...(family && { family }),
  })
const other = deviation('other')
const none = deviation('none')
const more = deviation('more')

/** A protocol with the match of the same name, which has no options. */
const BARE = /-p (?:tcp|udp|esp|ah|dccp) -m (tcp|udp|esp|ah|dccp) (?!.*(?:-m \1 .*)?--(?!comment))|-m tcp -p tcp -j/
const ANY_PORTS = /--[sd](?:ource-|estination-)?ports? (?:0?:(?:65535)?) /
const ANY_SPI = /--(?:ah|esp)spi (?:0:4294967295|:) /

export const translateDeviations: readonly TranslateDeviation[] = [
  other(
    BARE,
    'the tool forgets the protocol where the match of its name asks for nothing, so that every packet matches',
  ),
  other(ANY_PORTS, 'a range of all ports asks for none; the tool forgets the protocol, or asks for the range'),
  other(ANY_SPI, 'the tool forgets the protocol, so that every packet matches'),
  other(
    /-m multiport .*--ports (?:\S*:|\S+ )|-m multiport ! --ports/,
    'the tool takes the ends of a range for two ports, and forgets the negation',
  ),
  other(/-p tcp -m limit .* -m tcp --dport/, 'the tool limits packets before it asks for the protocol'),
  other(/-p udp .*! --(?:dport|destination-port)/, 'the tool forgets the negation'),
  other(/-j MARK --set-mark 7 -m comment/, 'the tool prints a blank too many'),
  other(
    /CONNMARK --set-x?mark (?:0xff\/0xf|0x1\/0xff00|0xf0\/0xf) /,
    'nft binds the mask closer than the xor that the tool has before it',
  ),
  other(/CONNMARK --set-x?mark 1 --left-shift-mark/, 'nft fails where a number that is written is shifted'),
  other(
    /CONNMARK --set-xmark 1\/3 --right-shift-mark/,
    'nft binds the mask closer than the xor that the tool has before it',
  ),
  other(/-m addrtype (?=.*--src-t\S*)(?=.*--dst-t\S*)/, 'the tool forgets the type of the destination'),
  other(/--(?:src|dst)-type (?:THROW|NAT|XRESOLVE) /, 'the tool prints a type without a name as nothing', 'ipv4'),
  other(/--comment \S{200}|--comment "?(?:(?:a b){20}|(?:é){60}|[^"]{250})/, 'the tool cuts the text off'),
  other(/--ctexpire/, 'the tool asks for one thousandth of a second, of all those that a second is'),
  other(/--ctstate DNAT,SNAT /, 'the tool forgets the second one'),
  other(
    /--ct(?:orig|repl)(?:src|dst)[ =]\S*\/\S/,
    'the tool prints what the mask leaves out of an address, and no mask that is no prefix',
  ),
  other(/--(?:src|dst)-group 1\/0/, 'the match overlooks what the mask leaves out, and nf_tables would find no packet'),
  other(/--dst-group 2 ! --src-group 1\/3/, 'the tool negates what follows as well'),
  other(/--ipcompspi (?::|\d*:(?:4294967295|4294967294)? )/, 'the field has sixteen bits'),
  other(/--tcp-flags NONE NONE /, 'the tool forgets the protocol and the flags, so that every packet matches'),
  other(/-[io]eth0/, 'the tool takes the option for a part of the name'),
  other(/! --ecn-tcp-/, 'the tool asks for one value of all flags'),
  other(/--ecn-i/, 'the header is that of IPv6', 'ipv6'),
  other(
    /-m (?:frag|rt) (?!.*--(?!fragid (?:0:4294967295|:)|rt-segsleft (?:0:4294967295|:)))/,
    'the tool forgets the match, so that every packet matches',
    'ipv6',
  ),
  other(/--fragf --fragm /, 'the tool does not take two that are cut short', 'ipv6'),
  other(/--gateway 127\.0\.0\.1/, 'the tool asks for the name of the address'),
  none(/-j TOS /, 'nft sets no bits of the byte but those of the DSCP'),
  none(
    /CONNMARK .*(?:--mask|--nfmask 0xff --ctmask 0xff)/,
    'nft takes the bits that a mask keeps from one of the marks alone',
  ),
  none(/"[^"]*\\"/, 'nft has no way to put quotes into a text'),
  none(/-m cluster/, 'nft hashes otherwise'),
  none(
    /-(?:m|-match) hashlimit /,
    'the buckets have a name, by which rules share them; the meter of nft is of one rule',
  ),
  none(/--connlimit-mask 255\.0\.255\.0/, 'the tool forgets a mask that is no prefix'),
  other(/-m connlimit .*-m connlimit/, 'the tool makes both sets by one command, which nft does not understand'),
  other(/-m connlimit /, 'the tool makes a set of IPv4 addresses', 'ipv6'),
  none(/-m time /, 'nft takes times in the time zone of whoever adds the rule'),
  none(
    /-m addrtype /,
    'the match has UNICAST for local and anycast addresses too, and LOCAL for those of a link that nft takes for unreachable',
    'ipv6',
  ),
  none(/-m addrtype --src-type (?:X,p|\S*THROW\S*) /, 'nft has no name for a type', 'ipv4'),
  none(/-m ah |--ahspi|--ahres/, 'nft does not find the header behind others', 'ipv6'),
  none(
    /! --ctstate \S*[SD]NAT|--ctstate \S*(?:SNAT,\S*(?:NEW|INVALID|UNTRACKED)|(?:NEW|INVALID|DNAT)\S*,\S*SNAT)/,
    'one state, or one status, is asked for at a time',
  ),
  none(/--ctexpire (?:4294967295|20:10) /, 'no connection expires then'),
  none(/! --ctstate NEW ! --ctproto/, 'a packet of no connection matches, and has no protocol of one in nf_tables'),
  none(/--ctstatus (?:NONE|none|N)[ ,]/, 'the tool prints nothing that nft understands'),
  none(
    /--chunk-types/,
    'the tool asks for each chunk that it knows, others may be beside them, and a negation is of all at once',
  ),
  none(/--tcp-option 1 /, 'nft does not look at the last byte of all, where that option may be'),
  none(/--(?:hbh|rt)-l/, 'the match counts bytes, of which nft has eights', 'ipv6'),
  other(/--hbh-l/, 'the match counts bytes, of which nft has eights', 'ipv6'),
  none(/--fraglen/, 'the header has no length; the tool forgets the option', 'ipv6'),
  none(/--comp/, 'the tool forgets the option'),
  none(
    /--tcp-flags (?:SYN (?:ACK|ALL)|ACK SYN|NONE (?:ALL|SYN)) /,
    'no packet has flags that are not looked at, and nft overlooks them',
  ),
  none(/! --label/, 'nft takes a label for a bit, of which it does not say that it is not set'),
  none(/! --helper|--helper "(?:"|q)/, 'a connection that no other one expected has no helper in nf_tables'),
  none(/! --[ug]id-owner/, 'a packet that no socket sent matches, and has no owner in nf_tables'),
  none(/! --icmp-type (?:any|255\/255) /, 'no packet matches; the tool has every one', 'ipv4'),
  none(/! -[sd] \S+\/(?:0|0\.0\.0\.0|::) /, 'no packet matches'),
  none(
    /! --(?:[sd]port|source-port|destination-port|espspi|ahspi|fragid|mh-type|rt-segsleft) (?:0?:(?:65535|4294967295|255)?) /,
    'no packet matches; the tool has every one',
  ),
  none(
    /(?:spi|fragid|port|segsleft|length) (?:\d+:\d+|0x\S+:\d+|ssh:ftp|0xffffffff) |-range \S+-/,
    'a reversed range, in which nothing lies',
  ),
  none(/--oif (?:\S*\+|\S*:|"?a b|a\/b)/, 'nft would not read the name'),
  more(/--save-mark --nfmask 0xff |--restore-mark --ctmask 0xff /, 'the other mark is taken whole'),
  more(/-p sctp -m sctp (?!.*--)/, 'the match asks for nothing but the protocol'),
  more(/--tos 0xfc\/0xfc/, 'these bits are the DSCP'),
]
