/** Translates the source address and port of packets. */

import { FAMILIES } from '../../abi/family'
import { NFT_NAT } from '../../abi/nf-tables'
import { bit } from '../../binary/struct'
import { target } from '../extension'
import {
  natRange,
  natRange2,
  natRangeIPv4,
  noBase,
  oneRange,
  portsNeedProtocol,
  toOption,
  translates,
  unusedRange,
} from '../nat'
import { readNatively } from '../native'
import { natTranslation } from '../native-nat'
import { flag } from '../option'

/** linux/netfilter/nf_nat.h */
export const SNAT = target('SNAT', {
  tables: ['nat'],
  hooks: ['INPUT', 'POSTROUTING'],
  revisions: { 0: { ipv4: natRangeIPv4 }, 1: natRange, 2: natRange2 },
  written: { ipv4: 0, ipv6: 1 },
  fixed: oneRange,
  worded: noBase,
  unused: unusedRange,
  usage: portsNeedProtocol('to-source'),
  native: (at) => readNatively(natTranslation(NFT_NAT.SNAT, at, 0x1c)),
  does: (at, family) => translates('source', at, FAMILIES[family].addressSize),
  options: (at) => ({
    'to-source': toOption(at),
    random: flag(bit(at.flags, 0x04)),
    'random-fully': flag(bit(at.flags, 0x10)),
    persistent: flag(bit(at.flags, 0x08)),
  }),
})
