/** Sets the mark of the packet's connection, or copies it from or to the packet's mark. */

import { NFT_CT, NFT_META } from '../../abi/nf-tables'
import { u8, u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { markChanges } from '../bitwise'
import type { Seen } from '../evaluation'
import { target } from '../extension'
import { among, constant, is, view, where } from '../fields'
import { connection, meta, readNatively } from '../native'
import { markChange, markCopy } from '../native-actions'
import { encoded, given } from '../native-tests'
import { flag, option, synonym } from '../option'
import { bits32, hex, integer } from '../values/integer'

const [SET, SAVE, RESTORE] = [0, 1, 2] as const
/** No mode: no option was given. */
const UNSAID = 0xff
const [LEFT, RIGHT] = [0, 1] as const

const ALL = 0xffff_ffff
const marks = { ctmark: u32, ctmask: u32, nfmask: u32 }

type Pair = readonly [bits: number, known: number]
const pairOf = ({ bytes, known }: Seen): Pair => [u32.read(bytes, 0), u32.read(known, 0)]
const seenOf = ([bits, known]: Pair): Seen => ({
  bytes: encoded(u32, (bits & known) >>> 0),
  known: encoded(u32, known >>> 0),
})

/** `(mark & ~mask) ^ value`. The bits in the mask become known. */
const changed = (mark: Seen, mask: number, value: number): Seen => {
  const [bits, known] = pairOf(mark)
  return seenOf([(bits & ~mask) ^ value, known | mask])
}
const kept = (mark: Seen, mask: number): Seen => changed(mark, ~mask, 0)
/** Shifts to the left, or to the right if `by` is negative. Zeros are shifted in. */
const shifted = (mark: Seen, by: number): Seen => {
  const [bits, known] = pairOf(mark)
  return by < 0 ? seenOf([bits >>> -by, ~(~known >>> -by)]) : seenOf([bits << by, ~(~known << by)])
}
/** `(mark & ~mask) ^ other` */
const mixed = (mark: Seen, mask: number, other: Seen): Seen => {
  const [[bits, known], [more, moreKnown]] = [pairOf(kept(mark, ~mask)), pairOf(other)]
  return seenOf([bits ^ more, known & moreKnown])
}

/** linux/netfilter/xt_connmark.h */
export const CONNMARK = target('CONNMARK', {
  revisions: {
    1: struct('struct xt_connmark_tginfo1', 16, { ...marks, mode: u8 }),
    2: struct('struct xt_connmark_tginfo2', 16, { ...marks, shiftDir: u8, shiftBits: u8, mode: u8 }),
  },
  atLeastOne: [['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark', 'save-mark', 'restore-mark']],
  bits: (at) => ('shiftDir' in at ? [[at.shiftDir, RIGHT] as const, [at.shiftBits, 31] as const] : []),
  native: ({ ctmark, ctmask, nfmask, mode, ...at }) => {
    if (!('shiftDir' in at)) return undefined
    const [packet, tracked] = [meta(NFT_META.MARK), connection(NFT_CT.MARK)]
    const shift = view(
      both(at.shiftDir, at.shiftBits),
      ([way, bits]) => (way === RIGHT ? -bits : bits),
      (bits) => [bits < 0 ? RIGHT : LEFT, Math.abs(bits)] as const,
    )
    return readNatively(
      given(is(mode, SET, UNSAID), markChange(tracked, ctmark, ctmask, shift)),
      given(is(mode, SAVE, UNSAID), markCopy(tracked, packet, { cleared: ctmask, copied: nfmask, shift })),
      given(is(mode, RESTORE, UNSAID), markCopy(packet, tracked, { cleared: nfmask, copied: ctmask, shift })),
    )
  },
  does: ({ ctmark, ctmask, nfmask, mode, ...at }) => {
    const [packet, tracked] = [meta(NFT_META.MARK), connection(NFT_CT.MARK)]
    return (bytes, place) => {
      const [mark, ctBits, nfBits] = [ctmark, ctmask, nfmask].map((field) => field.read(bytes, place)) as [
        number,
        number,
        number,
      ]
      const count = 'shiftDir' in at ? at.shiftBits.read(bytes, place) : 0
      const by = 'shiftDir' in at && at.shiftDir.read(bytes, place) === RIGHT ? -count : count
      switch (mode.read(bytes, place)) {
        case SET:
          return [{ kind: 'update', to: tracked, make: (old) => shifted(changed(old, ctBits, mark), by) }]
        case SAVE:
          return [
            {
              kind: 'update',
              to: tracked,
              from: packet,
              make: (old, from) => mixed(old, ctBits, shifted(kept(from, nfBits), by)),
            },
          ]
        case RESTORE:
          return [
            {
              kind: 'update',
              to: packet,
              from: tracked,
              make: (old, from) => mixed(old, nfBits, shifted(kept(from, ctBits), by)),
            },
          ]
        default:
          return []
      }
    }
  },
  options: ({ ctmark, ctmask, nfmask, mode, ...at }) => {
    const { shiftDir, shiftBits } = 'shiftDir' in at ? at : { shiftDir: constant(LEFT), shiftBits: constant(0) }
    const shift = (way: number) => where(shiftBits, (bytes, at) => shiftDir.read(bytes, at) === way)
    const equal = view(
      both(nfmask, ctmask),
      ([nf, ct]) => (nf === ct ? nf : undefined),
      (mask) => [mask, mask] as const,
    )
    const spec = { absent: ALL, always: among(mode, [SAVE, RESTORE]) }
    return {
      ...markChanges(both(ctmark, ctmask), {
        present: is(mode, SET, UNSAID),
        excludes: ['save-mark', 'restore-mark', 'ctmask', 'mask'],
      }),
      'save-mark': flag(is(mode, SAVE, UNSAID), { excludes: ['restore-mark'], list: 'save' }),
      'restore-mark': flag(is(mode, RESTORE, UNSAID), { list: 'restore' }),
      nfmask: option(bits32, nfmask, spec),
      ctmask: option(
        bits32,
        where(ctmask, (bytes, at) => mode.read(bytes, at) !== SET),
        spec,
      ),
      mask: synonym(['nfmask', 'ctmask'], option(bits32, equal, spec)),
      'left-shift-mark': option(integer(31), shift(LEFT), {
        excludes: ['right-shift-mark'],
        list: 'left-shift-mark $',
      }),
      'right-shift-mark': option(integer(31), shift(RIGHT), {
        absent: 0,
        present: is(shiftDir, RIGHT, LEFT),
        list: 'right-shift-mark $',
      }),
    }
  },
  list:
    ({ ctmask, nfmask, mode }) =>
    ({ bytes, at, texts: { nfmask: _, ctmask: __, ...texts } }) => {
      const [operation = '', ...shift] = Object.values(texts)
      const masks = listMasks(mode.read(bytes, at), nfmask.read(bytes, at), ctmask.read(bytes, at))
      return ['CONNMARK', operation, ...masks, ...shift].join(' ')
    },
})

function listMasks(mode: number, nfmask: number, ctmask: number): string[] {
  const [nf, ct] = [hex(nfmask), hex(ctmask)]
  if (mode === SET || (nfmask === ALL && ctmask === ALL)) return []
  if (nfmask === ctmask) return [`mask ${nf}`]
  return [mode === SAVE ? `nfmask ${nf} ctmask ~${ct}` : `ctmask ${ct} nfmask ~${nf}`]
}
