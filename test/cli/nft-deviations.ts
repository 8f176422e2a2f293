/**
 * Where our commands differ from those of iptables-nft 1.8.9 on purpose, beside the differences that they have from those of
 * the legacy tool as well (deviations.ts). A test fails when one no longer applies.
 */
import type { CommandDeviation } from './deviations'

export interface NftCommandDeviation extends Omit<CommandDeviation, 'what'> {
  readonly what: readonly (CommandDeviation['what'][number] | 'ruleset')[]
}

export const nftCommandDeviations: readonly NftCommandDeviation[] = [
  {
    what: ['status', 'stderr', 'ruleset'],
    lines: /^-E [ub] ACCEPT$/,
    why: 'the tool gives a chain the name of a verdict, and no rule can go to it any more',
  },
  {
    what: ['stderr'],
    lines: /^-E nope ACCEPT$/,
    why: 'the same: of two faults, the name is told',
  },
  {
    what: ['ruleset'],
    lines: /(?: -c |--set)/,
    why: 'ip6tables-nft forgets the counters that a line gives',
  },
  {
    what: ['stdout'],
    lines: /^-vS FORWARD$/,
    why: 'the tool forgets the counters that -P gives',
  },
  {
    what: ['ruleset'],
    lines: /^-v -F$/,
    why: 'with -v, the tool makes the built-in chains that nobody has used in order to flush them',
  },
  {
    what: ['stderr'],
    lines: /^-A INPUT --frag$/,
    why: 'ip6tables-nft knows an option by that name only to say that it has none',
  },
  {
    what: ['status', 'stdout', 'stderr', 'ruleset'],
    lines: /^(?:-v )?(?:-n )?-(?:[LS](?: -n| \w+(?: \d)?)? -Z|Z -[LS](?: -n| OUTPUT)?)$/,
    why: 'the tool makes the built-in chains that nobody has used only to set their counters to zero, or fails over that',
  },
  {
    what: ['status', 'stderr'],
    lines: /-Z INPUT \d/,
    why: 'there is no rule of that number: where the chain is, the tool does nothing and says nothing',
  },
  {
    what: ['stderr'],
    lines: /-g ACCEPT$/,
    why: 'a verdict is no chain to go to, which is found before any chain is looked for',
  },
  {
    what: ['stdout'],
    lines: /^-v -A NOPE$/,
    why: 'the tool tells of a rule for which it then finds no chain',
  },
  {
    what: ['status', 'ruleset'],
    lines: /^-F -m tcp /,
    why: 'a rule that asks for ports of a protocol which it excludes has no words here, and is not flushed with all others',
  },
  {
    what: ['stderr'],
    lines: /-[jg] INPUT$/,
    why: 'the kernel has not been asked',
  },
  {
    what: ['stderr'],
    lines: /^-A INPUT -j standard$/,
    why: 'a name that 1.8.9 has for itself; no chain or target',
  },
  {
    what: ['stderr'],
    lines: /^! -6 /,
    why: 'the tool takes a negated family for the family',
  },
]

/** Texts of which the tool makes something else, or that one of the two refuses. */
export const nftRestoreDeviations: readonly { readonly lines: RegExp; readonly why: string }[] = []
