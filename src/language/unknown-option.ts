/** What to write in place of an option that no part of a rule has. */
import type { FamilyName } from '../abi/family'
import { oneOf } from '../check-input'
import { extensionNames, findExtension, type Known, type PartKind } from '../extensions/registry'
import { similarNames } from '../extensions/similar-names'
import { protocolNumber } from '../extensions/values/databases'
import { ruleOptionNames } from './options'

/** How a rule names an extension. The match of a protocol is written as the protocol, which it requires anyway. */
function written(kind: PartKind, name: string): string {
  if (kind === 'target') return `-j ${name}`
  if (name === 'icmp6') return '-p icmpv6'
  return `${protocolNumber(name) === undefined ? '-m' : '-p'} ${name}`
}

/** The matches and targets that have an option, as they are written in a rule. */
const ownersOf = (option: string, family: FamilyName): string[] =>
  (['match', 'target'] as const).flatMap((kind) =>
    extensionNames(kind, family)
      .filter((name) => findExtension(kind, name)?.variants(family)[0]?.names.has(option))
      .map((name) => written(kind, name)),
  )

/**
 * The matches and targets that have this option, or else similar options of the rule and of those that it has so far.
 * @param word the option as it is written
 */
export function optionHint(word: string, loaded: readonly Known[], family: FamilyName): string | undefined {
  const [, option] = /^--([^=]+)/.exec(word) ?? []
  if (option === undefined) return undefined
  const own = loaded.flatMap(({ variant }) => [...variant.names.keys()])
  if (own.includes(option)) return word.includes('=') ? 'it takes no value' : undefined
  const owners = ownersOf(option, family)
  if (owners.length > 0) return `it is an option of ${oneOf(owners)}`
  const known = new Set([...ruleOptionNames(family), ...own])
  return similarNames(
    `--${option}`,
    [...known].map((name) => `--${name}`),
  )
}
