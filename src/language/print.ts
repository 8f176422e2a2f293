/** Prints a rule in the iptables language, as `iptables -S` does. */
import type { FamilyName } from '../abi/family'
import { FAMILIES } from '../abi/family'
import type { Variant } from '../extensions/extension'
import type { Word } from '../extensions/option'
import type { Parameter } from '../extensions/payload'
import type { Known } from '../extensions/registry'
import { quoteWord } from '../extensions/values/string'
import { isOpaque, type PartSpec, type RuleSpec, requireExtension, type TargetSpec } from '../ruleset/rule'
import { HEADS } from '../ruleset/rule-head'
import { printName } from './quoting'

/** The letters of the head's options, by name. */
export const SHORT_OPTIONS: Readonly<Record<string, string>> = {
  src: '-s',
  dst: '-d',
  'in-interface': '-i',
  'out-interface': '-o',
  protocol: '-p',
  fragment: '-f',
}

/** `--NAME`, or the letter of an option of the head. */
export const optionText = ({ options }: Variant, name: string): string =>
  SHORT_OPTIONS[name] ?? `--${options.get(name)?.section?.name ?? name}`

export const printWord = (word: string, quotes: Word['quotes']): string =>
  quotes === undefined ? printName(word) : quoteWord(word, quotes)

const printParameter = ({ variant }: Known, { name, negated, words }: Parameter): string => {
  const types = variant.options.get(variant.names.get(name) ?? name)?.words ?? []
  const printed = words.map((word, i) => printWord(word, types[i]?.quotes))
  return [...(negated ? ['!'] : []), optionText(variant, name), ...printed].join(' ')
}

/** Prints options in the order of their sections, each with its prefix. */
export function printParameters(known: Known, parameters: readonly Parameter[]): string[] {
  if (known.variant.spellings.length === 1) return parameters.map((parameter) => printParameter(known, parameter))
  const sectionOf = ({ name }: Parameter) => known.variant.options.get(name)?.section
  const indexOf = (parameter: Parameter): number => sectionOf(parameter)?.index ?? 0
  let open = 0
  return [...parameters]
    .sort((a, b) => indexOf(a) - indexOf(b))
    .flatMap((parameter) => {
      const section = sectionOf(parameter)
      if (section === undefined) return [printParameter(known, parameter)]
      const openers = Array<string>(section.index - open).fill(`--${section.opener}`)
      open = section.index
      return section.name === section.opener ? openers : [...openers, printParameter(known, parameter)]
    })
}

/** `name` and its options, without `-m` or `-j`. An unknown extension is printed as bytes. */
export function printPart(kind: 'match' | 'target', part: PartSpec, family: FamilyName): string {
  if (isOpaque(part))
    return `${printName(part.name)} --revision ${part.revision} --payload 0x${Buffer.from(part.payload).toString('hex')}`
  const known = requireExtension(kind, part.name, FAMILIES[family])
  return [part.name, ...printParameters(known, part.parameters)].join(' ')
}

function printTarget(target: TargetSpec, family: FamilyName): string[] {
  if (target.kind === 'none') return []
  if (target.kind === 'verdict') return [`-j ${target.verdict}`]
  if (target.kind === 'chain') return [`${target.goto ? '-g' : '-j'} ${printName(target.chain)}`]
  return [`-j ${printPart('target', target.part, family)}`]
}

/**
 * Prints the rule without `-A`; empty for one that matches everything and does nothing.
 * @param counters print the counters too, as `-c` before the target
 */
export function printRule(rule: RuleSpec, family: FamilyName, counters = false): string {
  return [
    ...rule.head.map((parameter) => printParameter(HEADS[family], parameter)),
    ...rule.matches.map((match) => `-m ${printPart('match', match, family)}`),
    ...(counters ? [`-c ${rule.counters.join(' ')}`] : []),
    ...printTarget(rule.target, family),
  ].join(' ')
}
