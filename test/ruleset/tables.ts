/** Tables for tests, built by the code that builds all tables. */
import { FAMILIES, type Family } from '../../src/abi/family'
import { type Hook, TABLES, type TableName, VERDICTS } from '../../src/abi/netfilter'
import type { Layout } from '../../src/blob/read'
import { REQUEST_HEAD, writeRuleset } from '../../src/blob/write'
import { findExtension, kernelName } from '../../src/extensions/registry'
import { buildEntry, buildErrorEntry, buildPart, buildVerdict, buildVerdictEntry } from '../../src/ruleset/entry'
import { Rules } from '../../src/ruleset/rules'
import { type Chain, newChain, type Ruleset } from '../../src/ruleset/ruleset'
import { type Entry, plain } from '../../src/ruleset/table-entry'

export interface Table {
  readonly family: Family
  readonly table: string
  readonly layout: Layout
  readonly bytes: Uint8Array
}

export const families: readonly Family[] = Object.values(FAMILIES)

export const accept = (family: Family): Entry => plain(buildVerdictEntry(family, VERDICTS.ACCEPT))

/** The table as it is initially. */
export function emptyRuleset(family: Family, table: TableName): Ruleset {
  const hooks: readonly Hook[] = TABLES[table]
  const chain = (hook: Hook): Chain => ({ name: hook, hook, head: undefined, rules: Rules.of(), tail: accept(family) })
  const chains = new Map<string, Chain>(hooks.map((hook) => [hook, chain(hook)]))
  return { family, table, chains, isSorted: true, end: plain(buildErrorEntry(family, 'ERROR')) }
}

/** Bytes of a payload by offset. The others have their default values. */
type Bytes = Readonly<Record<number, number>>

export const matchOf = (family: Family, name: string, bytes: Bytes = {}): Uint8Array =>
  partOf('match', family, name, bytes)

export const targetOf = (family: Family, name: string, bytes: Bytes = {}): Uint8Array =>
  partOf('target', family, name, bytes)

function partOf(kind: 'match' | 'target', family: Family, name: string, bytes: Bytes): Uint8Array {
  const extension = findExtension(kind, name)
  const variant = extension?.variants(family.name)[0]
  if (extension === undefined || variant === undefined) throw new Error(`no ${kind} ${name}`)
  const payload = variant.initial.slice()
  for (const [at, value] of Object.entries(bytes)) payload[Number(at)] = value
  return buildPart(kernelName(extension, variant), variant.revision, payload)
}

export interface RuleParts {
  readonly proto?: number
  readonly flags?: number
  readonly invflags?: number
  readonly matches?: readonly Uint8Array[]
  readonly target?: Uint8Array
}

/** The bytes of a rule that matches one source address. The default target is ACCEPT. */
export function ruleBytes(family: Family, parts: RuleParts = {}): Uint8Array {
  const { proto = 0, flags = 0, invflags = 0, matches = [], target = buildVerdict(VERDICTS.ACCEPT) } = parts
  const head = new Uint8Array(family.entrySize)
  head.set([10, 0, 0, 1], family.entry.fields.src.offset)
  family.entry.fields.proto.write(head, 0, proto)
  family.entry.fields.flags.write(head, 0, flags)
  family.entry.fields.invflags.write(head, 0, invflags)
  return buildEntry(family, head, matches, target)
}

/** A rule that jumps to a chain, or to the next rule if the name is empty. */
export const jump = (family: Family, chain: string): Entry => ({
  bytes: ruleBytes(family, { target: buildVerdict(0) }),
  jump: chain,
})

export const withRules = (ruleset: Ruleset, name: string, rules: readonly Entry[]): Ruleset =>
  withChain(ruleset, { ...(ruleset.chains.get(name) ?? newChain(ruleset.family, name)), rules: Rules.of(...rules) })

export function laidOut(ruleset: Ruleset): Table {
  const { layout, bytes } = writeRuleset(ruleset)
  return { family: ruleset.family, table: ruleset.table, layout, bytes: bytes.slice(REQUEST_HEAD) }
}

/** A table with these rules in its first chain. */
export const tableOf = (family: Family, table: TableName, rules: readonly Uint8Array[]): Table =>
  laidOut(withRules(emptyRuleset(family, table), TABLES[table][0], rules.map(plain)))

/** Chains that jump to each other, with known and unknown extensions. */
export function richRuleset(family: Family): Ruleset {
  const tcp = matchOf(family, 'tcp', { 4: 22, 5: 0, 6: 22, 7: 0 })
  const comment = matchOf(family, 'comment', { 0: 0x61 })
  const unknown = buildPart(
    'nobody-knows',
    3,
    Uint8Array.from({ length: 24 }, (_, i) => i),
  )
  const input = [
    plain(ruleBytes(family, { proto: 6, flags: family.name === 'ipv6' ? 1 : 0, matches: [tcp, comment] })),
    jump(family, 'one'),
    jump(family, ''),
    plain(ruleBytes(family, { target: targetOf(family, 'LOG', { 0: 4 }) })),
    plain(ruleBytes(family, { matches: [unknown], target: buildPart('UNKNOWN', 1, new Uint8Array(8)) })),
  ]
  const chains: [string, Entry[]][] = [
    ['INPUT', input],
    ['FORWARD', [jump(family, 'two'), jump(family, 'empty')]],
    ['one', [jump(family, 'two'), jump(family, '')]],
    ['two', [plain(ruleBytes(family, { target: buildVerdict(VERDICTS.RETURN) }))]],
    ['empty', []],
  ]
  return chains.reduce((all, [name, rules]) => withRules(all, name, rules), emptyRuleset(family, 'filter'))
}

export const withChain = (ruleset: Ruleset, chain: Chain): Ruleset => ({
  ...ruleset,
  chains: new Map(ruleset.chains).set(chain.name, chain),
})

export function withoutChain(ruleset: Ruleset, name: string): Ruleset {
  const chains = new Map(ruleset.chains)
  chains.delete(name)
  return { ...ruleset, chains }
}
