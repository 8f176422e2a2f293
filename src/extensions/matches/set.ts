/** Membership in an ipset. */

import { setCounter, setCounter0, setInfo, setInfo0 } from '../../abi/ip-set'
import { type Field, u32 } from '../../binary/codec'
import { bit, both, struct, within } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { match } from '../extension'
import { among, constant, is } from '../fields'
import { flag, negatedFlag, option } from '../option'
import { setReference } from '../set-references'
import { integer64 } from '../values/integer'
import { directions, setName } from '../values/ipset'

/** How a counter of the set's element is compared. linux/netfilter/ipset/ip_set.h */
const [EQ, NE, LT, GT] = [1, 2, 3, 4] as const

type Counter = { value: Field<bigint>; op: Field<number> }

const counterOptions = ({ value, op }: Counter, name: 'packets' | 'bytes') => ({
  eq: option(integer64, value, {
    present: among(op, [EQ, NE]),
    negation: is(op, NE, EQ),
    excludes: [`${name}-lt`, `${name}-gt`],
  }),
  lt: option(integer64, value, { present: among(op, [LT]), excludes: [`${name}-gt`] }),
  gt: option(integer64, value, { present: among(op, [GT]) }),
})

type CounterFields = Partial<Record<'packets' | 'packets0' | 'bytes' | 'bytes0', Field<unknown>>>

/** Counters exist since revision 3, which stores them in a different struct from revision 4. */
function countersOf(at: CounterFields & { readonly matchSet: Field<unknown> }) {
  const counter = (now: Field<unknown> | undefined, once: Field<unknown> | undefined): Counter => {
    const { value, op } = now === undefined ? setCounter0.fields : setCounter.fields
    const outer = now ?? once
    return outer === undefined
      ? { value: constant(0n), op: constant(0) }
      : { value: within(outer, value), op: within(outer, op) }
  }
  return {
    packets: counterOptions(counter(at.packets, at.packets0), 'packets'),
    bytes: counterOptions(counter(at.bytes, at.bytes0), 'bytes'),
  }
}

/** linux/netfilter/xt_set.h */
export const set = match('set', {
  revisions: {
    0: { ipv4: struct('struct xt_set_info_match_v0', 32, { matchSet: setInfo0 }) },
    1: struct('struct xt_set_info_match_v1', 4, { matchSet: setInfo }),
    2: struct('struct xt_set_info_match_v1', 4, { matchSet: setInfo }),
    3: struct('struct xt_set_info_match_v3', 48, {
      matchSet: setInfo,
      packets0: setCounter0,
      bytes0: setCounter0,
      flags: u32,
    }),
    4: struct('struct xt_set_info_match_v4', 48, {
      matchSet: setInfo,
      packets: setCounter,
      bytes: setCounter,
      flags: u32,
    }),
  },
  unused: ({ matchSet }) => setReference('match-set', matchSet).scratch,
  check: ({ matchSet }) => {
    const { checkIndex, checkDimensions } = setReference('match-set', matchSet)
    return (...args) => checkIndex(...args) ?? checkDimensions(...args)
  },
  asks: circumstance('what is in the set'),
  options: (at) => {
    const { index, directions: sides, inverted, flags: ofSet } = setReference('match-set', at.matchSet)
    const flags = 'flags' in at ? at.flags : constant(0)
    const { packets, bytes } = countersOf(at)
    return {
      'match-set': option([setName, directions], both(index, sides), {
        aliases: ['set'],
        required: true,
        negation: inverted,
      }),
      'return-nomatch': flag(bit('flags' in at ? at.flags : ofSet, 0x80)),
      'update-counters': negatedFlag(bit(flags, 0x08)),
      'update-subcounters': negatedFlag(bit(flags, 0x10)),
      'packets-eq': packets.eq,
      'packets-lt': packets.lt,
      'packets-gt': packets.gt,
      'bytes-eq': bytes.eq,
      'bytes-lt': bytes.lt,
      'bytes-gt': bytes.gt,
    }
  },
})
