/** Tables as bytes: what a kernel, a capture or a damaged file may hold. */

import { FAMILIES } from '../../src/abi/family'
import { type Layout, readRuleset } from '../../src/blob/read'
import { Refusal, verify } from '../../src/blob/verify'
import { easy, Rule, Rule6 } from '../../src/index'
import { storedRule } from '../../src/iptc/rule'
import { toJson } from '../../src/json'
import { listTable } from '../../src/language/list'
import { tableText } from '../../src/language/save'
import type { Ruleset } from '../../src/ruleset/ruleset'
import type { Entry } from '../../src/ruleset/table-entry'
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

/**
 * What is said of a rule is a rule, and what is said of that one is the same. Bytes that no command writes may say more
 * than there are words for: a rate between two that can be written is printed as one of them, by iptables too.
 */
function checkRule({ family }: Table, entry: Entry): void {
  const rule = storedRule(family, { entry, sets: contextOf(family.name).sets })
  const kind = family.name === 'ipv4' ? Rule : Rule6
  const parsed = refused(() => kind.parse(String(rule)))
  const again = parsed && kind.parse(String(parsed))
  insist(again === undefined || String(again) === String(parsed), () => `${rule}\nis ${parsed}\nand that ${again}`)
  const dictionary = refused(() => easy.decodeRule(rule))
  const encoded = dictionary && refused(() => easy.encodeRule(dictionary as never, { ipv6: family.name === 'ipv6' }))
  if (encoded === undefined || parsed === undefined) return
  insist(String(encoded) === String(parsed), () => `${toJson(dictionary)} is ${encoded}\nand ${rule} is ${parsed}`)
}

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
