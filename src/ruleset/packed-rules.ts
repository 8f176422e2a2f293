/**
 * Lists of entries that come time after time, as desired states do: copied into one piece of memory, which is compared several times
 * as fast as entries that lie anywhere.
 */
import type { Family } from '../abi/family'
import { GOES_ON, type KernelEntries, STAYS } from './kernel-entries'
import { Rules } from './rules'
import type { Entry, Ref } from './table-entry'

/** Shorter lists are not worth it, nor is a copy of which less than this part can be used. */
const LEAST = 32
const LEAST_PART = 0.75

interface Known {
  readonly entries: readonly Entry[]
  /** The copy, once the list has come a second time. */
  readonly image: KernelEntries | undefined
}

/** By the entry that a list begins with. */
const known = new WeakMap<Entry, Known>()

/**
 * The same rules, in one piece of memory as far as the list is one that has come before. Entries never change.
 * @param beside the rules that they are to be compared with: what the kernel has noted in these is put into the copies, so that most
 * of them have the same bytes
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

/** Each by its number, where it is the same as in the copy; undefined where few are. */
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
