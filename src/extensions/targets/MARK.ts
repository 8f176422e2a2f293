/** Sets the packet's mark. */
import { u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { target } from '../extension'
import { view } from '../fields'
import type { ListForm } from '../listing'
import { option, synonym } from '../option'
import { bits32, valueMask } from '../values/integer'

const ALL = 0xffff_ffff
const not = (bits: number): number => ~bits >>> 0
const or = (a: number, b: number): number => (a | b) >>> 0

/** The change in the words that say the most of it. */
const listed: ListForm<readonly [number, number]> = ([mark, mask], { words: [word] }) => {
  const hex = (bits: number): string => `0x${bits.toString(16)}`
  if (mark === 0) return `and ${hex(not(mask))}`
  if (mark === mask) return `or ${hex(mark)}`
  if (mask === 0) return `xor ${hex(mark)}`
  return mask === ALL ? `set ${hex(mark)}` : `xset ${word}`
}

/** The new mark is `(old & ~mask) ^ mark`. linux/netfilter/xt_mark.h */
export const MARK = target('MARK', {
  revisions: { 2: struct('struct xt_mark_tginfo2', 8, { mark: u32, mask: u32 }) },
  list: 'MARK',
  options: ({ mark, mask }) => {
    const stored = both(mark, mask)
    const written = { required: true, absent: [0, ALL] as const }
    /** A spelling with one number, where `see` says which number stands for what is stored. */
    const bits = (see: (mark: number, mask: number) => number | undefined, store: (bits: number) => [number, number]) =>
      synonym(
        'set-xmark',
        option(
          bits32,
          view(stored, ([a, b]) => see(a, b), store),
          { required: true },
        ),
      )
    return {
      'set-xmark': option(valueMask({ fullMask: true }), stored, { ...written, list: listed }),
      'set-mark': synonym(
        'set-xmark',
        option(
          valueMask(),
          view(
            stored,
            ([a, b]) => (or(a, b) === b ? [a, b] : undefined),
            ([a, b]) => [a, or(a, b)] as const,
          ),
          written,
        ),
      ),
      'and-mark': bits(
        (mark, mask) => (mark === 0 ? not(mask) : undefined),
        (value) => [0, not(value)],
      ),
      'or-mark': bits(
        (mark, mask) => (mark === mask ? mark : undefined),
        (value) => [value, value],
      ),
      'xor-mark': bits(
        (mark, mask) => (mask === 0 ? mark : undefined),
        (value) => [value, 0],
      ),
    }
  },
})
