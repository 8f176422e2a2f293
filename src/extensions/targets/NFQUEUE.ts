/** Passes packets to programs, which return a verdict. */

import { ERRNO } from '../../abi/errno'
import { type Field, u16 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { ACCEPTED } from '../evaluation'
import { about, target } from '../extension'
import { constant, view } from '../fields'
import { readNatively } from '../native'
import { expression } from '../native-actions'
import { flag, option } from '../option'
import { integer, integerRange } from '../values/integer'
import { mismatch, type ValueType } from '../values/value'

const MAX = 65535
const range = integerRange(MAX)
const queues: ValueType<readonly [number, number]> = {
  ...range,
  expects: `first:last, each 0 to ${MAX}, at most ${MAX} queues`,
  parse(word, context) {
    const [first, last] = range.parse(word, context)
    if (first >= last) mismatch('the last queue must come after the first')
    return last - first < MAX ? [first, last] : mismatch('there are too many queues')
  },
}

/** The expression `queue` of nf_tables. linux/netfilter/nf_tables.h */
type QueueData = { num?: number; total?: number; flags?: number; numRegister?: number }

/** The fields of a revision, and the flags that it supports. */
const placesOf = (at: {
  queuenum: Field<number>
  queuesTotal?: Field<number>
  bypass?: Field<number>
  flags?: Field<number>
}) => ({
  queuenum: at.queuenum,
  total: at.queuesTotal ?? constant(1),
  flags: at.flags ?? at.bypass ?? constant(0),
  known: at.flags === undefined ? 0x01 : 0x03,
})

/** linux/netfilter/xt_NFQUEUE.h */
export const NFQUEUE = target('NFQUEUE', {
  revisions: {
    0: struct('struct xt_NFQ_info', 2, { queuenum: u16 }),
    1: struct('struct xt_NFQ_info_v1', 4, { queuenum: u16, queuesTotal: u16 }),
    2: struct('struct xt_NFQ_info_v2', 6, { queuenum: u16, queuesTotal: u16, bypass: u16 }),
    3: struct('struct xt_NFQ_info_v3', 6, { queuenum: u16, queuesTotal: u16, flags: u16 }),
  },
  list: 'NFQUEUE',
  check: (at) => {
    const { queuenum, total, flags, known } = placesOf(at)
    return (bytes, place) => {
      const count = total.read(bytes, place)
      if (count === 0) return about('queue-balance', 'there must be at least one queue')
      if (queuenum.read(bytes, place) + count - 1 > MAX)
        return about('queue-balance', `queues must be 0 to ${MAX}`, ERRNO.ERANGE)
      return (flags.read(bytes, place) & ~known) === 0 ? undefined : 'flags that the kernel does not know'
    }
  },
  native: (at) => {
    const { queuenum, total, flags, known } = placesOf(at)
    return readNatively(
      expression<QueueData>('queue', {
        write(bytes, place) {
          const bits = flags.read(bytes, place)
          const several = { num: queuenum.read(bytes, place), total: total.read(bytes, place) }
          return { ...several, ...(bits !== 0 && { flags: bits }) }
        },
        read({ num, total: count = 1, flags: bits = 0, ...rest }, bytes, place) {
          if (num === undefined || count < 1 || (bits & ~known) !== 0 || rest.numRegister !== undefined) return false
          queuenum.write(bytes, place, num)
          total.write(bytes, place, count)
          flags.write(bytes, place, bits)
          return true
        },
      }),
    )
  },
  does: (at) => {
    const { flags } = placesOf(at)
    return (bytes, place) => {
      const queued = [{ kind: 'end', verdict: 'QUEUE' }] as const
      if (!bit(flags, 0x01).read(bytes, place)) return queued
      return [{ kind: 'either', decides: 'whether a program listens to the queue', effects: [queued, [ACCEPTED]] }]
    }
  },
  options: (at) => {
    const { queuenum, total, flags } = placesOf(at)
    const stored = both(queuenum, total)
    const one = view(
      stored,
      ([first, total]) => (total > 1 ? undefined : first),
      (first) => [first, 1] as const,
    )
    const several = view(
      stored,
      ([first, total]) => (total > 1 ? ([first, first + total - 1] as const) : undefined),
      ([first, last]) => [first, last - first + 1] as const,
    )
    return {
      'queue-num': option(integer(MAX), one, { always: true, excludes: ['queue-balance'], list: 'num $' }),
      'queue-balance': option(queues, several, { absent: [0, 0], list: 'balance $' }),
      'queue-bypass': flag(bit(flags, 0x01), { list: 'bypass' }),
      'queue-cpu-fanout': flag(bit(flags, 0x02), { needs: ['queue-balance'], list: 'cpu-fanout' }),
    }
  },
})
