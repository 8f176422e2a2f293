/**
 * Packs lists of entries that are used repeatedly, such as desired states, into contiguous memory, where they are
 * compared several times faster.
 */
import type { Family } from '../abi/family'
import { GOES_ON, type KernelEntries, STAYS } from './kernel-entries'
import { Rules } from './rules'
import type { Entry, Ref } from './table-entry'

/** Shorter lists are not packed. A packed copy is used only if at least this part of the list is in it. */
const LEAST = 32
const LEAST_PART = 0.75

interface Known {
  readonly entries: readonly Entry[]
  /** The packed copy, made when the list is seen a second time. */
  readonly image: KernelEntries | undefined
}

/** By the first entry of each list. */
const known = new WeakMap<Entry, Known>()

/**
 * The same rules, in contiguous memory if the list has been seen before. This relies on entries never changing.
 * @param beside the rules to compare with. Their counters and kernel-internal bytes are copied, so that the bytes of
 *   unchanged rules are equal.
 */
export function packedRules(family: Family, entries: readonly Entry[], beside: Rules): Rules {
  const [first] = entries
  if (first === undefined || entries.length < LEAST) return Rules.from(entries)
  const last = known.get(first)
  if (last === undefined) {
    known.set(first, { entries: [], image: undefined })
    return Rules.from(entries)
  }
  const refs = last.image && refsIn(last.entries, entries)
  if (last.image !== undefined && refs !== undefined) return new Rules(last.image, refs)
  const image = imageOf(family, entries, beside)
  known.set(first, { entries: [...entries], image })
  return new Rules(image, refsIn(entries, entries) as Ref[])
}

/** The number of each entry in the copy, or the entry itself if it is not there; undefined if too few are there. */
function refsIn(packed: readonly Entry[], entries: readonly Entry[]): Ref[] | undefined {
  const refs = new Array<Ref>(entries.length)
  let same = 0
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry
    const isPacked = packed[i] === entry
    refs[i] = isPacked ? i : entry
    if (isPacked) same++
  }
  return same >= entries.length * LEAST_PART ? refs : undefined
}

function imageOf(family: Family, entries: readonly Entry[], beside: Rules): KernelEntries {
  const { nfcache, comefrom, pcnt, bcnt } = family.entry.fields
  const starts = new Uint32Array(entries.length + 1)
  entries.forEach(({ bytes }, i) => {
    starts[i + 1] = (starts[i] as number) + bytes.length
  })
  const names = new Map<string, number>()
  const bytes = new Uint8Array(starts.at(-1) as number)
  const destinations = Int32Array.from(entries, ({ bytes: own, jump }, i) => {
    const at = starts[i] as number
    bytes.set(own, at)
    const noted = beside.at(i)?.bytes
    if (noted !== undefined)
      for (const { offset, size } of [nfcache, comefrom, pcnt, bcnt])
        bytes.set(noted.subarray(offset, offset + size), at + offset)
    if (jump === undefined || jump === '') return jump === '' ? GOES_ON : STAYS
    const number = names.get(jump) ?? names.size
    names.set(jump, number)
    return number
  })
  return { family, bytes, starts, destinations, names: [...names.keys()], objects: new Map() }
}
