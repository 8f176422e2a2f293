/** A string of bytes anywhere in the packet. */

import { ERRNO } from '../../abi/errno'
import { array, raw, u8, u16 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { oneOf, question } from '../evaluation'
import { about, isTerminated, match } from '../extension'
import { counted } from '../fields'
import type { ListForm } from '../listing'
import { flag, option, synonym } from '../option'
import { integer } from '../values/integer'
import { hexPattern, isPrintable, textPattern } from '../values/pattern'
import { quoteWord } from '../values/string'
import { mismatch, type ValueType } from '../values/value'

/** XT_STRING_MAX_PATTERN_SIZE */
const MAX = 128
const END = 65535
const text = textPattern(MAX)
const hex = hexPattern(MAX)

/** The kernel's algorithms. `--algo` does not accept fsm, whose patterns are not text. */
const KNOWN = ['bm', 'kmp', 'fsm']
const algorithm: ValueType<string, 'bm' | 'kmp'> = {
  expects: 'bm or kmp',
  parse: (word) => (word === 'bm' || word === 'kmp' ? word : mismatch()),
  format: (value) => value,
}

const list: ListForm<readonly number[]> = (bytes, { negated }) =>
  `${negated ? '!' : ''} ${quoteWord((isPrintable(bytes) ? text : hex).format(bytes, undefined as never), 'always')}`

/** If `isFolded`, converts ASCII letters to upper case. */
const folded = (bytes: Uint8Array, isFolded: boolean): Uint8Array =>
  isFolded ? bytes.map((byte) => (byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte)) : bytes

/** linux/netfilter/xt_string.h */
export const string = match('string', {
  revisions: {
    1: struct('struct xt_string_info', 160, {
      fromOffset: u16,
      toOffset: u16,
      algo: chars(16),
      pattern: array(u8, MAX),
      patlen: u8,
      flags: u8,
      config: raw(8, 8),
    }),
  },
  private: ({ config }) => [config],
  list: 'STRING match',
  asks:
    ({ fromOffset, toOffset, pattern, patlen, flags }) =>
    (bytes, at) => {
      const [from, to] = [fromOffset.read(bytes, at), toOffset.read(bytes, at)]
      const [isFolded, isNegated] = [0x02, 0x01].map((mask) => bit(flags, mask).read(bytes, at)) as [boolean, boolean]
      const wanted = folded(Uint8Array.from(counted(patlen, pattern, 0).read(bytes, at)), isFolded)
      const found = question(({ bytes: packet }) => {
        if (packet === undefined) return undefined
        const place = Buffer.from(folded(packet, isFolded)).indexOf(wanted, Math.min(from, packet.length))
        return place >= 0 && place + wanted.length <= to
      })
      return [oneOf([[found]], isNegated)]
    },
  options: ({ fromOffset, toOffset, algo, pattern, patlen, flags }) => {
    const stored = counted(patlen, pattern, 0)
    const spec = { required: true, negation: bit(flags, 0x01), list }
    return {
      string: option(text, stored, {
        ...spec,
        spelled: (bytes, at) => (isPrintable(stored.read(bytes, at)) ? 'string' : 'hex-string'),
      }),
      'hex-string': synonym('string', option(hex, stored, spec)),
      algo: option(algorithm, algo, { required: true, list: 'ALGO name $' }),
      from: option(integer(END), fromOffset, { list: 'FROM $' }),
      to: option(integer(END), toOffset, { absent: END, list: 'TO $' }),
      icase: flag(bit(flags, 0x02), { list: 'ICASE' }),
    }
  },
  bits: ({ flags }) => [[flags, 0x03]],
  check:
    ({ fromOffset, toOffset, algo, patlen }) =>
    (bytes, at) => {
      const length = patlen.read(bytes, at)
      if (fromOffset.read(bytes, at) > toOffset.read(bytes, at)) return about('to', '--to must not be less than --from')
      if (!isTerminated(algo, bytes, at)) return about('algo', 'the name of the algorithm is not terminated')
      if (length < 1 || length > MAX) return about('string', `must be 1 to ${MAX} bytes`)
      return KNOWN.includes(algo.read(bytes, at))
        ? undefined
        : about('algo', 'there is no such algorithm', ERRNO.ENOENT)
    },
})
