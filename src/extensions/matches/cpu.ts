/** The processor that handles the packet. */

import { NFT_META } from '../../abi/nf-tables'
import { u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { match } from '../extension'
import { meta, readNatively } from '../native'
import { valueTest } from '../native-tests'
import { option } from '../option'
import { integer } from '../values/integer'

/** linux/netfilter/xt_cpu.h */
export const cpu = match('cpu', {
  revisions: { 0: struct('struct xt_cpu_info', 8, { cpu: u32, invert: u32 }) },
  bits: ({ invert }) => [[invert, 0x01]],
  native: ({ cpu, invert }) =>
    readNatively(valueTest(meta(NFT_META.CPU), u32, { value: cpu, negation: bit(invert, 0x01) })),
  options: ({ cpu, invert }) => ({
    cpu: option(integer(0xffff_ffff), cpu, { required: true, negation: bit(invert, 0x01), list: 'cpu [! ]$' }),
  }),
})
