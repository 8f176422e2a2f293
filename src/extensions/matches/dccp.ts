/** DCCP header fields. */
import { pair, u8, u16 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { invertsGiven, match } from '../extension'
import { bits } from '../fields'
import { readNatively } from '../native'
import { portsGiven, portTests } from '../native-ports'
import { onlyWhere } from '../native-tests'
import { option } from '../option'
import { portOptions } from '../ports'
import { integer } from '../values/integer'
import { nameList } from '../values/names'
import { portRange } from '../values/port'

const TYPES = {
  REQUEST: 0x0001,
  RESPONSE: 0x0002,
  DATA: 0x0004,
  ACK: 0x0008,
  DATAACK: 0x0010,
  CLOSEREQ: 0x0020,
  CLOSE: 0x0040,
  RESET: 0x0080,
  SYNC: 0x0100,
  SYNCACK: 0x0200,
  INVALID: 0xfc00,
}
const names = nameList(TYPES, { anyCase: true, emptyItems: true })

const numbers = (bits: number): number[] => Array.from({ length: 16 }, (_, i) => i).filter((i) => bits & (1 << i))
const types: typeof names = {
  ...names,
  list: (bits, listing) => (listing.numeric ? numbers(bits).join(',') : names.format(bits, listing)),
}

/** linux/netfilter/xt_dccp.h */
export const dccp = match('dccp', {
  protocols: ['dccp'],
  revisions: {
    0: struct('struct xt_dccp_info', 16, {
      dpts: pair(u16),
      spts: pair(u16),
      flags: u16,
      invflags: u16,
      typemask: u16,
      option: u8,
    }),
  },
  bits: ({ flags, invflags }) => [
    [flags, 0x0f],
    [invflags, 0x0f],
  ],
  check: ({ flags, invflags }) => invertsGiven(flags, invflags, ['sport', 'dport', 'dccp-types', 'dccp-option']),
  list: 'dccp',
  native: ({ spts, dpts, flags, invflags }) =>
    readNatively(
      portTests(
        [portsGiven(spts, bit(flags, 0x01)), portsGiven(dpts, bit(flags, 0x02))],
        [bit(invflags, 0x01), bit(invflags, 0x02)],
      ),
      onlyWhere(bits(flags, 0x0c), 0),
    ),
  options: ({ typemask, option: number, ...at }) => {
    const stored = (mask: number) => ({ present: bit(at.flags, mask), negation: bit(at.invflags, mask) })
    return {
      ...portOptions(at, portRange({ listed: 'dccp', decimal: true, reversed: true })),
      'dccp-types': option(types, typemask, {
        ...stored(0x04),
        refuses: (bits) => (bits === 0 ? 'it names no type' : undefined),
        list: '[! ]$',
      }),
      'dccp-option': option(integer(255, 1), number, { ...stored(0x08), list: 'option=[!]$' }),
    }
  },
})
