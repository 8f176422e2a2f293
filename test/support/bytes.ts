/** Bytes read from the kernel, in a form to compare. */
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { readRuleset } from '../../src/blob/read'
import { Client } from '../../src/kernel/client'
import type { Kernel } from '../../src/kernel/kernel'
import { orderedChains, type Ruleset } from '../../src/ruleset/ruleset'

/** The rules of a table, and all of its bytes. A capture would also look up every possible set. */
export function tableIn(kernel: Kernel, family: FamilyName, table: string): { ruleset: Ruleset; bytes: Uint8Array } {
  const client = new Client(kernel, FAMILIES[family])
  try {
    const { info, entries } = client.entries(table)
    return { ruleset: readRuleset(FAMILIES[family], table, info, entries), bytes: entries }
  } finally {
    client.close()
  }
}

/**
 * The entries of a table. The counters of policies are left out: iptables 1.8.9 loses them with every change, and we do
 * not.
 */
export function bytesOf(kernel: Kernel, family: FamilyName, table: string): string {
  const { fields } = FAMILIES[family].entry
  const { ruleset, bytes } = tableIn(kernel, family, table)
  for (const { tail, hook } of orderedChains(ruleset))
    if (hook !== undefined) tail?.bytes.fill(0, fields.pcnt.offset, fields.bcnt.offset + fields.bcnt.size)
  return Buffer.from(bytes).toString('hex')
}
