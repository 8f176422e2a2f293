/** The packet's DSCP, which selects a class of service. */
import { be16, bool8, u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { match } from '../extension'
import { network, readNatively } from '../native'
import { bitFieldTest } from '../native-tests'
import { option, synonym } from '../option'
import { dscp as codePoint, dscpClass, refuseDscp } from '../values/dscp'

/** linux/netfilter/xt_dscp.h */
export const dscp = match('dscp', {
  revisions: { 0: struct('struct xt_dscp_info', 2, { dscp: u8, invert: bool8 }) },
  check: refuseDscp('dscp'),
  native: ({ dscp, invert }, family) =>
    readNatively(
      family === 'ipv4'
        ? bitFieldTest(network(1, 1), u8, 0xfc, { value: dscp, negation: invert })
        : bitFieldTest(network(0, 2), be16, 0x0fc0, { value: dscp, negation: invert }),
    ),
  options: ({ dscp, invert }) => ({
    dscp: option(codePoint, dscp, { required: true, negation: invert, list: 'DSCP match [!]$' }),
    'dscp-class': synonym('dscp', option(dscpClass, dscp, { required: true, negation: invert })),
  }),
})
