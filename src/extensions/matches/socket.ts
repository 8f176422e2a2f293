/** Whether an open socket exists for the packet. */

import { u8 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { match } from '../extension'
import { constant } from '../fields'
import { flag } from '../option'

/** The flags that each revision supports. */
const KNOWN: Readonly<Record<number, number>> = { 1: 0x01, 2: 0x03, 3: 0x07 }

/** linux/netfilter/xt_socket.h; revision 0 has no data. */
export const socket = match('socket', {
  hooks: ['PREROUTING', 'INPUT'],
  revisions: {
    0: { ipv4: struct('struct {}', 0, {}) },
    1: struct('struct xt_socket_mtinfo1', 1, { flags: u8 }),
    2: struct('struct xt_socket_mtinfo2', 1, { flags: u8 }),
    3: struct('struct xt_socket_mtinfo3', 1, { flags: u8 }),
  },
  bits: (at, revision) => ('flags' in at ? [[at.flags, KNOWN[revision] ?? 0]] : []),
  list: 'socket',
  asks: circumstance('which sockets are open'),
  options: (at) => {
    const flags = 'flags' in at ? at.flags : constant(0)
    return {
      transparent: flag(bit(flags, 0x01), { list: '--transparent' }),
      nowildcard: flag(bit(flags, 0x02), { list: '--nowildcard' }),
      'restore-skmark': flag(bit(flags, 0x04), { list: '--restore-skmark' }),
    }
  },
})
