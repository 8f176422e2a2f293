/** Matches a part of the packets: each with a given probability, or every nth. */

import { NFT_META } from '../../abi/nf-tables'
import { be32, type Field, raw, u16, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { about, match } from '../extension'
import { is, view } from '../fields'
import { meta, type NativePart, readNatively, sourceKey } from '../native'
import { encoded } from '../native-tests'
import { option } from '../option'
import { probability } from '../values/fraction'
import { integer } from '../values/integer'
import { type Named, name } from '../values/names'
import { mismatch, same, type ValueType } from '../values/value'

/** NONE is not a mode of the kernel: it means that no mode was given. */
const [RANDOM, NTH, NONE] = [0, 1, 0xffff] as const
const MAX = 0xffff_ffff
/** Neither a probability nor an interval was given. */
const UNSAID = MAX
const modes: ValueType<number, Named<'random' | 'nth'>> = name({ random: RANDOM, nth: NTH })

/** Whether the mode is set. An option of one mode cannot replace another mode that was given. */
const during = (mode: Field<number>, value: number): Field<boolean> => ({
  ...mode,
  read: (bytes, at) => mode.read(bytes, at) === value,
  write(bytes, at, truth) {
    const given = mode.read(bytes, at)
    if (truth && given !== value && given !== NONE) mismatch(`it needs --mode ${value === NTH ? 'nth' : 'random'}`)
    if (truth || given === value) mode.write(bytes, at, truth ? value : NONE)
  },
})

/** Whenever iptables writes the field, in either mode, it also stores how many packets are left until the first match. */
const counting =
  ({ every, packet, count }: Readonly<Record<'every' | 'packet' | 'count', Field<number>>>) =>
  (field: Field<number>): Field<number> => ({
    ...field,
    write(bytes, at, value) {
      field.write(bytes, at, value)
      count.write(bytes, at, (every.read(bytes, at) - packet.read(bytes, at)) >>> 0)
    },
  })

/** The bits of a random number that are compared. */
const RANDOM_BITS = Uint8Array.of(0x7f, 0xff, 0xff, 0xff)

/** Tests that a random number is below a threshold. */
const partOfAll = (share: Field<number>, negation: Field<boolean>, isRandom: Field<boolean>): NativePart => {
  const source = meta(NFT_META.PRANDOM)
  return {
    keys: [sourceKey(source)],
    write(bytes, at) {
      const op = negation.read(bytes, at) ? 'gte' : 'lt'
      const value = encoded(be32, share.read(bytes, at))
      return isRandom.read(bytes, at) ? [{ kind: 'test', source, mask: RANDOM_BITS, op, value }] : undefined
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || (statement.op !== 'lt' && statement.op !== 'gte')) return false
      if (statement.to !== undefined || statement.isTurned || !same(statement.mask ?? [], RANDOM_BITS)) return false
      share.write(bytes, at, be32.read(statement.value, 0))
      isRandom.write(bytes, at, true)
      negation.write(bytes, at, statement.op === 'gte')
      return true
    },
  }
}

/** linux/netfilter/xt_statistic.h. A probability is stored in `every`. */
export const statistic = match('statistic', {
  revisions: {
    0: struct('struct xt_statistic_info', 24, {
      mode: u16,
      flags: u16,
      every: u32,
      packet: u32,
      count: u32,
      master: raw(8, 8),
    }),
  },
  restarts: '`--mode nth` starts over at its first packet',
  bits: ({ flags }) => [[flags, 0x01]],
  private: ({ master }) => [master],
  leading: ['mode'],
  list: 'statistic',
  native: ({ mode, flags, every, packet, count }) =>
    readNatively(
      partOfAll(counting({ every, packet, count })(every), bit(flags, 0x01), {
        ...is(mode, RANDOM, NONE),
        read: (bytes, at) => mode.read(bytes, at) === RANDOM && every.read(bytes, at) !== UNSAID,
      }),
    ),
  translate: ({ mode, flags, every, packet }) => {
    const negation = bit(flags, 0x01)
    return (bytes, at) => {
      const [number, negated] = [every.read(bytes, at), negation.read(bytes, at)]
      return mode.read(bytes, at) === NTH
        ? `numgen inc mod ${number + 1} ${negated ? '!= ' : ''}${packet.read(bytes, at)}`
        : `meta random & ${0x7fff_ffff} ${negated ? '>=' : '<'} ${number}`
    }
  },
  asks: circumstance('chance, or how many packets came before'),
  options: ({ mode, flags, every, packet, count }) => {
    const counted = counting({ every, packet, count })
    const oneOf = view(
      counted(every),
      (others) => others + 1,
      (all) => Math.max(0, all - 1),
    )
    const negation = bit(flags, 0x01)
    const said = (value: number): Field<boolean> => {
      const given = during(mode, value)
      return { ...given, read: (bytes, at) => given.read(bytes, at) && every.read(bytes, at) !== UNSAID }
    }
    return {
      mode: option(modes, mode, { required: true, absent: NONE, list: 'mode $' }),
      probability: option(probability, counted(every), {
        present: said(RANDOM),
        absent: UNSAID,
        negation,
        excludes: ['every', 'packet'],
        list: '[! ]probability $',
      }),
      every: option(integer(MAX, 1), oneOf, {
        present: said(NTH),
        absent: UNSAID + 1,
        negation,
        needs: ['packet'],
        list: '[! ]every $',
      }),
      packet: option(integer(MAX), counted(packet), {
        present: during(mode, NTH),
        needs: ['every'],
        list: (value) => (value === 0 ? '' : `packet ${value}`),
      }),
    }
  },
  check:
    ({ mode }) =>
    (bytes, at) =>
      mode.read(bytes, at) > NTH ? about('mode', 'there is no such mode') : undefined,
  usage:
    ({ mode, every, packet }) =>
    (bytes, at) => {
      const isNth = mode.read(bytes, at) === NTH
      if (every.read(bytes, at) === UNSAID)
        return isNth
          ? about('every', '--every and --packet are required')
          : about('probability', '--probability is required')
      return isNth && packet.read(bytes, at) > every.read(bytes, at)
        ? about('packet', '--packet must be less than --every')
        : undefined
    },
})
