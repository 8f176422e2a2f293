/** Redirects packets to a local socket without changing them. */

import { NFT_META } from '../../abi/nf-tables'
import { be16, raw, u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { ACCEPTED, type Effect } from '../evaluation'
import { target } from '../extension'
import { meta } from '../native'
import { encoded } from '../native-tests'
import { option } from '../option'
import { inetAddress, unusedAddress } from '../values/address'
import { valueMask } from '../values/integer'
import { portRange } from '../values/port'
import type { ValueType } from '../values/value'

const ports = portRange({ decimal: true, single: true })
const port: ValueType<number> = {
  expects: 'a port, 0 to 65535 or a service name; 0 means the port of the packet',
  parse: (word, context) => ports.parse(word, context)[0],
  format: String,
}

/** Always listed as a number. */
const { list: _, ...address } = inetAddress

/** linux/netfilter/xt_TPROXY.h */
export const TPROXY = target('TPROXY', {
  protocols: ['tcp', 'udp'],
  tables: ['mangle'],
  hooks: ['PREROUTING'],
  revisions: {
    0: {
      ipv4: struct('struct xt_tproxy_target_info', 16, {
        markMask: u32,
        markValue: u32,
        laddr: raw(4, 4),
        lport: be16,
      }),
    },
    1: struct('struct xt_tproxy_target_info_v1', 28, { markMask: u32, markValue: u32, laddr: raw(16, 4), lport: be16 }),
  },
  unused: ({ laddr }, family) => (laddr.size === 4 ? [] : unusedAddress(laddr, family)),
  list:
    () =>
    ({ texts: { 'on-port': port, 'on-ip': ip, 'tproxy-mark': mark } }) =>
      `TPROXY redirect ${ip}:${port} ${mark}`,
  does:
    ({ markMask, markValue }) =>
    (bytes, at) => {
      const [mask, value] = [markMask.read(bytes, at), markValue.read(bytes, at)]
      const mark = meta(NFT_META.MARK)
      const marked: Effect = {
        ...{ kind: 'change', to: mark, from: mark },
        mask: encoded(u32, ~mask >>> 0),
        xor: encoded(u32, value),
      }
      return [
        {
          kind: 'either',
          decides: 'whether a program listens there',
          effects: [[marked, ACCEPTED], [{ kind: 'end', verdict: 'DROP' }]],
        },
      ]
    },
  options: ({ markMask, markValue, laddr, lport }) => ({
    'on-port': option(port, lport, { required: true, list: '$' }),
    'on-ip': option(address, laddr, { always: true, list: '$' }),
    'tproxy-mark': option(valueMask({ fullMask: true }), both(markValue, markMask), { always: true, list: 'mark $' }),
  }),
})
