/** Sets the DSCP of the packet. */
import { u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { target } from '../extension'
import { option, synonym } from '../option'
import { dscp as codePoint, dscpClass, refuseDscp } from '../values/dscp'

/** linux/netfilter/xt_DSCP.h */
export const DSCP = target('DSCP', {
  tables: ['mangle'],
  revisions: { 0: struct('struct xt_DSCP_info', 1, { dscp: u8 }) },
  check: refuseDscp('set-dscp'),
  translate:
    ({ dscp }, family) =>
    (bytes, at) =>
      `${family === 'ipv4' ? 'ip' : 'ip6'} dscp set 0x${dscp.read(bytes, at).toString(16).padStart(2, '0')}`,
  options: ({ dscp }) => ({
    'set-dscp': option(codePoint, dscp, { required: true, list: 'DSCP set $' }),
    'set-dscp-class': synonym('set-dscp', option(dscpClass, dscp, { required: true })),
  }),
})
