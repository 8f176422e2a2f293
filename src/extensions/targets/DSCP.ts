/** Sets the DSCP of the packet. */
import { be16, u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { target } from '../extension'
import { network, readNatively } from '../native'
import { bitFieldChange } from '../native-actions'
import { option, synonym } from '../option'
import { dscp as codePoint, dscpClass, refuseDscp } from '../values/dscp'

/** Offset of the checksum in the network header. */
const CHECKSUMS = { ipv4: 10, ipv6: undefined } as const

/** linux/netfilter/xt_DSCP.h */
export const DSCP = target('DSCP', {
  tables: ['mangle'],
  revisions: { 0: struct('struct xt_DSCP_info', 1, { dscp: u8 }) },
  check: refuseDscp('set-dscp'),
  native: ({ dscp }, family) =>
    readNatively(bitFieldChange(network(0, 2), be16, family === 'ipv4' ? 0x00fc : 0x0fc0, dscp, CHECKSUMS[family])),
  options: ({ dscp }) => ({
    'set-dscp': option(codePoint, dscp, { required: true, list: 'DSCP set $' }),
    'set-dscp-class': synonym('set-dscp', option(dscpClass, dscp, { required: true })),
  }),
})
