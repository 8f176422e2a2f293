/** Tables as bytes: what a kernel, a capture or a damaged file may hold. */
import { easy, Rule, Rule6 } from '../../src'
import { FAMILIES, type Family } from '../../src/abi/family'
import { storedRule } from '../../src/iptc/rule'
import { listTable } from '../../src/language/list'
import { tableText } from '../../src/language/save'
import { type Layout, readRuleset } from '../../src/ruleset/read'
import type { Entry, Ruleset } from '../../src/ruleset/ruleset'
import { Refusal, verify } from '../../src/ruleset/verify'
import { laidOut, richRuleset, type Table } from '../../test/ruleset/tables'
import { contextOf, written } from '../corpus'
import { editBytes } from '../edit'
import { refused } from '../guard'
import { type Edit, insist, type Kind, pick } from '../kind'

const rulesets: readonly Ruleset[] = [
  ...written.map(({ ruleset }) => ruleset),
  ...Object.values(FAMILIES).map((family) => richRuleset(family)),
]

/** Laid out once each. */
const tables: (Table | undefined)[] = []
function tableAt(item: number): Table {
  const at = item % rulesets.length
  tables[at] ??= laidOut(rulesets[at] as Ruleset)
  return tables[at]
}

function editLayout(layout: Layout, [, where, which]: Edit): Layout {
  const value = pick([0, 1, 8, 0xffff_ffff, which, 152, layout.numEntries], where)
  const put = (list: readonly number[]): number[] => list.with(which % list.length, value)
  return pick(
    [
      { ...layout, hookEntry: put(layout.hookEntry) },
      { ...layout, underflow: put(layout.underflow) },
      { ...layout, numEntries: value },
      { ...layout, validHooks: which % 32 },
    ],
    which,
  )
}

const isOfLayout = ([what]: Edit): boolean => what % 8 === 0

function isTaken({ family, table, layout, bytes }: Table): boolean {
  try {
    verify(family, table, layout, bytes)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

/** iptables prints such an address as it stands, and reads it as what is left under the mask. */
function hasMaskedBits({ entry: { fields } }: Family, { bytes }: Entry): boolean {
  const bits = (field: Field): Uint8Array => bytes.subarray(field.offset, field.offset + field.size)
  const beyond = (address: Field, mask: Field): boolean =>
    bits(address).some((byte, i) => (byte & ~(bits(mask)[i] ?? 0)) !== 0)
  return beyond(fields.src, fields.smsk) || beyond(fields.dst, fields.dmsk)
}

type Field = Pick<Family['entry']['fields']['src'], 'offset' | 'size'>

/** What is said of a rule stands for that rule, or is refused. */
function checkRule(table: Table, entry: Entry): void {
  if (hasMaskedBits(table.family, entry)) return
  const rule = storedRule(table.family, { entry, sets: contextOf(table.family.name).sets })
  const text = refused(() => String(rule))
  if (text === undefined) return
  const kind = table.family.name === 'ipv4' ? Rule : Rule6
  const again = refused(() => kind.parse(text))
  insist(again === undefined || isSaidOf(rule, again), () => `printed as ${text}\nit is another rule: ${again}`)
  const dictionary = refused(() => easy.decodeRule(rule))
  const ipv6 = table.family.name === 'ipv6'
  const encoded = dictionary && refused(() => easy.encodeRule(dictionary as never, { ipv6 }))
  insist(
    encoded === undefined || isSaidOf(rule, encoded),
    () => `${JSON.stringify(dictionary)} is another rule: ${encoded}`,
  )
}

/** Sets have other indexes in a rule that is in no table, and so other bytes: then the words are compared. */
const isSaidOf = (rule: ReturnType<typeof storedRule>, again: ReturnType<typeof storedRule>): boolean =>
  rule.equals(again) || String(rule) === String(again)

export const blob: Kind<Table> = {
  name: 'blob',
  make({ item, edits }) {
    const table = tableAt(item)
    const others = [tableAt(item >>> 3).bytes, tableAt(item >>> 5).bytes]
    const bytes = edits
      .filter((edit) => !isOfLayout(edit))
      .reduce((all, edit) => editBytes(all, edit, others), table.bytes)
    const layout = edits.filter(isOfLayout).reduce(editLayout, table.layout)
    return { ...table, layout, bytes }
  },
  examine(table, choice) {
    const { family, layout, bytes } = table
    const before = Buffer.from(bytes)
    const taken = isTaken(table)
    const ruleset = refused(() => readRuleset(family, table.table, layout, bytes))
    insist(before.equals(bytes), () => 'reading has changed the bytes')
    // Linux takes some tables that are not made of chains.
    if (ruleset === undefined) return
    const context = contextOf(family.name)
    refused(() => tableText(ruleset, context, { counters: true }))
    refused(() => listTable(ruleset, context, { numeric: true, verbose: choice % 2 === 0 }))
    if (!taken) return
    insist(before.equals(laidOut(ruleset).bytes), () => 'written unchanged, it has other bytes')
    for (const { rules } of ruleset.chains.values()) for (const entry of rules) checkRule(table, entry)
  },
  size: ({ bytes }) => bytes.length,
  show: ({ family, table, layout, bytes }) =>
    `${family.name} ${table} ${JSON.stringify(layout)}\n${Buffer.from(bytes).toString('hex')}`,
}
