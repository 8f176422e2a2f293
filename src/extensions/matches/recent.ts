/** Lists of addresses that packets came from or went to. The rules themselves maintain the lists. */

import { bool8, type Field, raw, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { text as chars, encodeText } from '../../binary/text'
import { circumstance } from '../evaluation'
import { about, match } from '../extension'
import { bits, constant, either, is, unless } from '../fields'
import { flag, option, synonym } from '../option'
import { addressMask, unusedAddress } from '../values/address'
import { integer } from '../values/integer'
import { isFileName, name as text } from '../values/string'

const [CHECK, SET, UPDATE, REMOVE, TTL, REAP] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20] as const
const COMMANDS = ['set', 'rcheck', 'update', 'remove'] as const

const NAME_SIZE = 200
const MAX_HITS = 0xffff
const FULL_MASK = new Uint8Array(16).fill(0xff)

const mtinfo = { seconds: u32, hitCount: u32, checkSet: u8, invert: bool8, name: chars(NAME_SIZE), side: bool8 }

/** iptables overwrites DEFAULT with the name, and compares the remaining bytes when it compares rules. */
const overDefault = (field: Field<string>): Field<string> => ({
  ...field,
  write(bytes, at, value) {
    field.write(bytes, at, 'DEFAULT')
    bytes.set(encodeText(`${value}\0`), at + field.offset)
  },
})

/** linux/netfilter/xt_recent.h */
export const recent = match('recent', {
  revisions: {
    0: struct('struct xt_recent_mtinfo', 212, mtinfo),
    1: struct('struct xt_recent_mtinfo_v1', 228, { ...mtinfo, mask: raw(16, 4) }),
  },
  atLeastOne: [COMMANDS],
  bits: ({ checkSet }) => [[checkSet, 0x3f]],
  unused: (at, family) => ('mask' in at ? unusedAddress(at.mask, family) : []),
  asks: circumstance('which addresses were seen before'),
  options: ({ seconds, hitCount, checkSet, invert, name, side, ...rest }) => {
    const command = bits(checkSet, CHECK | SET | UPDATE | REMOVE)
    const one = (option: (typeof COMMANDS)[number], value: number, list: string) =>
      flag(is(command, value, 0), { negation: invert, excludes: COMMANDS.filter((other) => other !== option), list })
    return {
      set: one('set', SET, 'SET'),
      rcheck: one('rcheck', CHECK, 'CHECK'),
      update: one('update', UPDATE, 'UPDATE'),
      remove: one('remove', REMOVE, 'REMOVE'),
      seconds: option(integer(0xffff_ffff, 1), seconds, { list: 'seconds: $' }),
      reap: flag(bit(checkSet, REAP), { needs: ['seconds'], list: 'reap' }),
      hitcount: option(integer(0xffff_ffff), hitCount, { list: 'hit_count: $' }),
      rttl: flag(bit(checkSet, TTL), { excludes: ['set', 'remove'], list: 'TTL-Match' }),
      name: option(text(NAME_SIZE - 1), overDefault(name), { always: true, absent: 'DEFAULT', list: 'name: $' }),
      mask: option(addressMask, 'mask' in rest ? rest.mask : constant(FULL_MASK), {
        always: true,
        absent: FULL_MASK,
        list: 'mask: $',
      }),
      rsource: flag(unless(side), {
        spelled: either(side, 'rdest', 'rsource'),
        list: 'side: source',
      }),
      rdest: synonym('rsource', flag(side)),
    }
  },
  check: ({ seconds, hitCount, checkSet, name }) => {
    const command = bits(checkSet, CHECK | SET | UPDATE | REMOVE)
    const reap = bit(checkSet, REAP)
    const limits = Object.entries({ reap, rttl: bit(checkSet, TTL), seconds, hitcount: hitCount })
    return (bytes, at) => {
      const asked = command.read(bytes, at)
      if (![CHECK, SET, UPDATE, REMOVE].includes(asked as never))
        return about(COMMANDS[0], `one of ${COMMANDS.map((one) => `--${one}`).join(', ')} is required`)
      if ((asked & (CHECK | UPDATE)) === 0) {
        const [limit] = limits.find(([, field]) => Number(field.read(bytes, at)) > 0) ?? []
        if (limit !== undefined) return about(limit, `--${limit} needs --rcheck or --update`)
      }
      if (reap.read(bytes, at) && seconds.read(bytes, at) === 0) return about('reap', '--reap needs --seconds')
      if (hitCount.read(bytes, at) > MAX_HITS) return about('hitcount', `must be at most ${MAX_HITS}`)
      const said = name.read(bytes, at)
      return isFileName(said)
        ? undefined
        : about('name', `${JSON.stringify(said)} cannot be the name of a file in /proc`)
    }
  },
  list:
    ({ invert, side }) =>
    ({ bytes, at, texts: { mask, rsource: _, ...texts } }) =>
      [
        invert.read(bytes, at) ? '! recent:' : 'recent:',
        ...Object.values(texts),
        `side: ${side.read(bytes, at) ? 'dest' : 'source'}`,
        mask,
      ].join(' '),
})
