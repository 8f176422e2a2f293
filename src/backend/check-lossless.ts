/**
 * Refuses to write back rules that the kernel does not report completely: writing them back would change them, although
 * nobody edited them.
 */
import type { Family } from '../abi/family'
import { IptcError, RuleError, type RulePlace } from '../errors'
import type { Extension, Loss } from '../extensions/extension'
import { findExtension } from '../extensions/registry'
import { isStandard, matchParts, type Part, payloadAt, targetPart } from '../ruleset/entry'
import { headerOf, structOf } from '../ruleset/identify'
import { orderedChains, type Ruleset } from '../ruleset/ruleset'
import type { Entry, Ref } from '../ruleset/table-entry'

/** The name by which the caller permits a parameter to be written back. */
const nameOf = (extension: string, { parameter }: Loss): string => `${extension} --${parameter}`

/** Tables that may contain extensions which the kernel does not report completely. */
const LOSSY_TABLES: readonly string[] = ['raw']

/** Whether a table may contain a rule that {@link checkFaithful} refuses. */
export const mayLose = ({ table }: Ruleset): boolean => LOSSY_TABLES.includes(table)

interface Lost {
  readonly extension: Extension
  readonly loss: Loss
}

function lostIn(kind: 'match' | 'target', family: Family, bytes: Uint8Array, part: Part): Lost[] {
  const header = headerOf(kind, family, bytes, part)
  if (header.known.every(({ variant }) => variant.losses.length === 0)) return []
  const known = structOf(header, bytes, part)
  const losses = known?.variant.losses.filter((one) => one.isAt(bytes, payloadAt(part))) ?? []
  return known === undefined ? [] : losses.map((loss) => ({ extension: known.extension, loss }))
}

/** The parameters that may be missing from a rule that was read. */
function lossesOf(family: Family, { bytes }: Entry): Lost[] {
  const target = targetPart(family, bytes, 0)
  const matches = matchParts(family, bytes, 0).flatMap((part) => lostIn('match', family, bytes, part))
  return isStandard(bytes, target) ? matches : [...matches, ...lostIn('target', family, bytes, target)]
}

/**
 * Refuses to write back a rule from which a parameter may be missing.
 * @param rewrite names of the parameters that may be lost
 * @throws RuleError
 */
export function checkLossless(family: Family, rule: Entry, place: RulePlace, rewrite: readonly string[]): void {
  for (const { extension, loss } of lossesOf(family, rule)) {
    const name = nameOf(extension.name, loss)
    if (rewrite.includes(name)) continue
    const { parameter, reason } = loss
    throw new RuleError(
      'XT_RULE_NOT_COPIED',
      { ...place, extension: extension.name, parameter },
      `${extension.kind} ${extension.name}: --${parameter} cannot be written back: ${reason}; replace or delete the ` +
        `rule in the same edit, or allow it by the option rewrite, with the name '${name}'`,
    )
  }
}

/**
 * As {@link checkLossless}, for all rules that are written back when a table is replaced.
 * @param wasThere whether a rule was read from the table
 */
export function checkFaithful(wasThere: (ref: Ref) => boolean, to: Ruleset, rewrite: readonly string[]): void {
  for (const { name: chain, rules } of orderedChains(to))
    for (const [position, ref] of rules.refs.entries()) {
      const rule = rules.at(position) as Entry
      if (rule.isCopy || wasThere(rule.continues ?? ref))
        checkLossless(to.family, rule, { table: to.table, chain, position }, rewrite)
    }
}

/** Checks the option `rewrite`: refuses names that need no permission. @throws IptcError */
export function checkRewrite(rewrite: unknown, family: Family): void {
  if (!Array.isArray(rewrite))
    throw new IptcError('XT_BAD_OPTION', "the option rewrite must be a list of names, such as ['CT --timeout']")
  for (const name of rewrite) {
    const [, extension = ''] = /^(\S+) --/.exec(String(name)) ?? []
    const known = (['match', 'target'] as const).flatMap((kind) => findExtension(kind, extension) ?? [])
    const names = known.flatMap((one) =>
      one.variants(family.name).flatMap(({ losses }) => losses.map((loss) => nameOf(one.name, loss))),
    )
    if (!names.includes(String(name)))
      throw new IptcError(
        'XT_BAD_OPTION',
        `the option rewrite does not accept ${JSON.stringify(name)}: the kernel reports that parameter completely; leave it out`,
      )
  }
}
