/** Whether the kernel hands out what it was given. */
import type { Family } from '../../src/abi/family'
import { replace } from '../../src/abi/x-tables'
import { captureTable } from '../../src/kernel/capture'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { nextOffset } from '../../src/ruleset/entry'
import { extensionParts } from '../../src/ruleset/parts'
import type { Case } from './cases'

/** Offsets of an entry's bytes that are the kernel's own: its notes, the counters, and what extensions keep there. */
function ownBytes(family: Family, entry: Uint8Array): Set<number> {
  const { nfcache, comefrom, pcnt, bcnt } = family.entry.fields
  const own = new Set<number>()
  const add = (offset: number, size: number): void => {
    for (let i = offset; i < offset + size; i++) own.add(i)
  }
  for (const { offset, size } of [nfcache, comefrom, pcnt, bcnt]) add(offset, size)
  for (const { at, size, known } of extensionParts(family, entry)) {
    if (known === undefined) continue
    add(at + known.variant.struct.size, size - known.variant.struct.size)
    known.variant.private.forEach((mark, i) => {
      if (mark === 1) add(at + i, 1)
    })
  }
  return own
}

/** Each byte of a table that was sent and is handed out otherwise, although it is not the kernel's own. */
export function unfaithful({ family, table }: Pick<Case, 'family' | 'table'>, sent: Uint8Array): string[] {
  const { entries } = captureTable(new LinuxKernel(), family.name, table)
  const given = sent.subarray(replace.size)
  const found: string[] = []
  for (let at = 0; at < given.length; at += nextOffset(family, given, at)) {
    const [before, after] = [given, entries].map((bytes) => bytes.subarray(at, at + nextOffset(family, given, at)))
    const own = ownBytes(family, before as Uint8Array)
    before?.forEach((byte, i) => {
      if (byte !== after?.[i] && !own.has(i))
        found.push(`byte ${i} of the entry at ${at} was ${byte}, is ${after?.[i]}`)
    })
  }
  return found
}
