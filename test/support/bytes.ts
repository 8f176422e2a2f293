/** Bytes read from the kernel, in a form to compare. */
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { readRuleset } from '../../src/blob/read'
import { captureTable, checkCapture } from '../../src/kernel/capture'
import type { Kernel } from '../../src/kernel/kernel'
import { orderedChains } from '../../src/ruleset/ruleset'

/**
 * The entries of a table. The counters of policies are left out: iptables 1.8.9 loses them with every change, and we do
 * not.
 */
export function bytesOf(kernel: Kernel, family: FamilyName, table: string): string {
  const { fields } = FAMILIES[family].entry
  const { layout, entries } = checkCapture(captureTable(kernel, family, table))
  for (const { tail, hook } of orderedChains(readRuleset(FAMILIES[family], table, layout, entries)))
    if (hook !== undefined) tail?.bytes.fill(0, fields.pcnt.offset, fields.bcnt.offset + fields.bcnt.size)
  return Buffer.from(entries).toString('hex')
}
