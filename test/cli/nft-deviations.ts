/**
 * Intended differences between our commands and those of iptables-nft 1.8.9, in addition to those that also apply to
 * the legacy tool (deviations.ts). A test fails if one no longer applies.
 */
import type { FamilyName } from '../../src/abi/family'
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
    lines: /! -p tcp --dport 80$/,
    why: 'the tool writes a rule that looks for the port in packets of every other protocol',
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

/** A text that the tool treats differently. An option may precede the text, separated by a line break. */
export interface NftRestoreDeviation {
  readonly lines: RegExp
  readonly why: string
}

export const nftRestoreDeviations: readonly NftRestoreDeviation[] = [
  { lines: /-[jg] OUTPUT$/m, why: 'the kernel has not been asked, and the line is refused with the status of such' },
  { lines: /^-X (?:old|INPUT)$/m, why: 'the same' },
  { lines: /\r$/m, why: 'a carriage return at the end of a line is refused as such' },
  { lines: /^:foo ACCEPT/m, why: 'only built-in chains have a policy: the tool leaves it out' },
  { lines: /^(:\S+).*\n(?:.*\n)*\1 /m, why: 'a chain is made once: the tool takes out what came into it in between' },
  {
    lines: /^:INPUT DROP \[(?:-1|9{20,}):|^\[\d+:18446744073709551616\]|^\[0x1/m,
    why: 'a number that no counter can hold, or not in decimal digits: the tool takes another',
  },
  { lines: /^-D INPUT 1\n-I INPUT/m, why: 'the tool ends by a fault of memory' },
  { lines: /"(?:abc|x|a\\)(?: -j ACCEPT)?$/m, why: 'a quote that is never closed' },
  { lines: /\0/, why: 'text behind a NUL byte is not there for the tool' },
  {
    lines: /^-T mangle\n(?:foo\n)?\*filter\n(?:-A INPUT --foo|COMMIT)/,
    why: 'the tool reads tables that are not wanted too',
  },
  { lines: /^:[-!]foo /m, why: 'such a chain can be made by other programs, and a text that has it be restored' },
  {
    lines: /^-vt?v?\n/,
    why: 'with -v, the tool flushes chain by chain, and policies that no line names stay as they are',
  },
  { lines: /^-L -n -Z$/m, why: 'as the command: the tool makes chains only to set their counters to zero' },
  { lines: /^-E INPUT new$/m, why: 'a built-in chain by another name would be none that any text names' },
  { lines: /^-Z INPUT 9$/m, why: 'there is no such rule: the tool says nothing' },
  { lines: /^-Z INPUT$/m, why: 'the tool fails over a chain that it has not made yet' },
  { lines: /^-[hV]$/m, why: 'the tool answers, and drops the rest of the text' },
  { lines: / {10000}/, why: 'the tool cuts a line behind some ten thousand bytes' },
  { lines: /^-E x /m, why: 'a chain that is made in the same text has no other name for the tool, which fails' },
]

/** Differences that only occur in generated command lines and texts: other cases hit them only by chance. */
export const generatedNftDeviations: readonly (NftRestoreDeviation & { readonly family?: FamilyName })[] = [
  ...nftRestoreDeviations,
  { lines: /(?: -c |^\[ ?[1-9]|--set)/m, family: 'ipv6', why: 'ip6tables-nft forgets the counters that a line gives' },
  {
    lines: /^(?:.* )?(?:-\w*v|--verbose)\b.*\n/,
    why: 'with -v, the tool flushes chain by chain, and tells of them in another order',
  },
  { lines: /^:FORWARD DROP/m, why: 'a chain of that name is built in elsewhere, and no other chain has a policy' },
  {
    lines: /-j foo$/m,
    why: 'a chain that is not there is told of in its own line, before the text is read to its end',
  },
]
