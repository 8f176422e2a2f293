/** Properties of the packet's connection in IPVS, the IP virtual server. */

import { be16, raw, u8 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { about, match } from '../extension'
import { flag, option } from '../option'
import { maskedAddress, unusedAddress } from '../values/address'
import { name } from '../values/names'
import { portRange } from '../values/port'
import { protocol } from '../values/protocol'
import { direction } from './conntrack'

/** Set together with every other bit. */
const IPVS = 0x01

/** linux/ip_vs.h */
const METHODS = { GATE: 3, IPIP: 2, MASQ: 0 }
const port = portRange({ protocol: 'tcp', decimal: true, single: true })

/** linux/netfilter/xt_ipvs.h */
export const ipvs = match('ipvs', {
  revisions: {
    0: struct('struct xt_ipvs_mtinfo', 40, {
      vaddr: raw(16, 4),
      vmask: raw(16, 4),
      vport: be16,
      l4proto: u8,
      fwdMethod: u8,
      vportctl: be16,
      invert: u8,
      bitmask: u8,
    }),
  },
  atLeastOne: true,
  unused: ({ vaddr, vmask }, family) => [vaddr, vmask].flatMap((field) => unusedAddress(field, family)),
  bits: ({ bitmask }) => [[bitmask, 0x7f]],
  asks: circumstance('what the virtual server knows of its connection'),
  options: ({ vaddr, vmask, vport, l4proto, fwdMethod, vportctl, invert, bitmask }) => {
    const stored = (mask: number) => {
      const field = bit(bitmask, mask)
      const present = {
        ...field,
        write(bytes: Uint8Array, at: number, truth: boolean) {
          field.write(bytes, at, truth)
          bit(bitmask, IPVS).write(bytes, at, (bitmask.read(bytes, at) & ~IPVS) !== 0)
        },
      }
      return { present, negation: bit(invert, mask) }
    }
    const alone = { ...bit(bitmask, IPVS), read: (bytes: Uint8Array, at: number) => bitmask.read(bytes, at) === IPVS }
    return {
      ipvs: flag(alone, { negation: bit(invert, IPVS) }),
      vproto: option(protocol, l4proto, stored(0x02)),
      vaddr: option(maskedAddress, both(vaddr, vmask), stored(0x04)),
      vport: option(port, both(vport, vport), stored(0x08)),
      vdir: option(direction, bit(invert, 0x10), { present: stored(0x10).present }),
      vmethod: option(name<keyof typeof METHODS, number>(METHODS, { anyCase: true }), fwdMethod, stored(0x20)),
      vportctl: option(port, both(vportctl, vportctl), stored(0x40)),
    }
  },
  usage:
    ({ invert, bitmask }) =>
    (bytes, at) =>
      (invert.read(bytes, at) & IPVS) !== 0 && bitmask.read(bytes, at) !== IPVS
        ? about('ipvs', '! --ipvs cannot be combined with other options')
        : undefined,
})
