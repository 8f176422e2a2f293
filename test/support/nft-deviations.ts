/**
 * Intended differences between our nf_tables rules and those of iptables-nft 1.8.9. A test fails if one no longer
 * applies.
 */
import type { Family, FamilyName } from '../../src/abi/family'

type Difference = 'expressions' | 'text' | 'accepted'

export interface NftDeviation {
  readonly lines: RegExp
  /**
   * The kind of difference: what is written, what is printed for the tool's rules, or that we accept what the tool
   * refuses.
   */
  readonly what: readonly Difference[]
  readonly family?: FamilyName
  readonly why: string
}

export const nftDeviations: readonly NftDeviation[] = [
  {
    lines: /! --[sd](?:ource-|estination-)?port 0?:(?:65535)?(?: |$)/,
    what: ['expressions', 'text'],
    why: 'no packet has none of all ports, and the tool writes the rule without asking for that, so that every packet matches',
  },
  {
    lines: /--tcp-flags NONE (?!NONE)|! --tcp-flags NONE/,
    what: ['expressions', 'text'],
    why: 'flags that are not looked at are never set, and the tool does not ask, so that every packet matches',
  },
  {
    lines: /-m (tcp|udp) .*-m \1 /,
    what: ['text'],
    why: 'what the second match asks for takes the place of what the first one does in what the tool prints',
  },
  {
    lines: /(?: -c|--set-counters) /,
    what: ['expressions'],
    family: 'ipv6',
    why: 'ip6tables-nft forgets the counters that a line gives',
  },
  {
    lines: /--nflog-prefix \d{64}/,
    what: ['text'],
    why: 'the tool writes a prefix that is longer than the extension has room for',
  },
]

/** The deviations that explain this difference for a line. */
export const nftListings = (what: Difference, line: string, { name }: Family): NftDeviation[] =>
  nftDeviations.filter((one) => one.what.includes(what) && one.lines.test(line) && (one.family ?? name) === name)

/** Whether a deviation explains this difference for a line. */
export const nftListed = (what: Difference, line: string, family: Family): boolean =>
  nftListings(what, line, family).length > 0
