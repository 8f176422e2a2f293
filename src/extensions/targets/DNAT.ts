/** Translates the destination address and port of packets. */

import { FAMILIES } from '../../abi/family'
import { NFT_NAT } from '../../abi/nf-tables'
import { bit } from '../../binary/struct'
import { target } from '../extension'
import {
  natRange,
  natRange2,
  natRangeIPv4,
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
export const DNAT = target('DNAT', {
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  revisions: { 0: { ipv4: natRangeIPv4 }, 1: natRange, 2: natRange2 },
  fixed: oneRange,
  unused: unusedRange,
  usage: portsNeedProtocol('to-destination'),
  native: (at) => readNatively(natTranslation(NFT_NAT.DNAT, at, 0x0c)),
  does: (at, family) => translates('destination', at, FAMILIES[family].addressSize),
  options: (at) => ({
    'to-destination': toOption(at),
    random: flag(bit(at.flags, 0x04)),
    persistent: flag(bit(at.flags, 0x08)),
  }),
})
