/** What connection tracking knows of the packet's connection. */
import { be16, type Field, raw, u8, u16, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { match } from '../extension'
import { option } from '../option'
import { maskedAddress, unusedAddress } from '../values/address'
import { integerRange } from '../values/integer'
import { name, nameList } from '../values/names'
import { portRange } from '../values/port'
import { protocol } from '../values/protocol'

const inetAddr = raw(16, 4)

const head = {
  origsrcAddr: inetAddr,
  origsrcMask: inetAddr,
  origdstAddr: inetAddr,
  origdstMask: inetAddr,
  replsrcAddr: inetAddr,
  replsrcMask: inetAddr,
  repldstAddr: inetAddr,
  repldstMask: inetAddr,
  expiresMin: u32,
  expiresMax: u32,
  l4proto: u16,
}

const ADDRESSES = [
  'origsrcAddr',
  'origsrcMask',
  'origdstAddr',
  'origdstMask',
  'replsrcAddr',
  'replsrcMask',
  'repldstAddr',
  'repldstMask',
] as const

/** Revisions 1 and 2 have one port where revision 3 has a range. */
const onePort = { origsrcPort: be16, origdstPort: be16, replsrcPort: be16, repldstPort: be16 }

/** Which way the connection goes that the packet belongs to. */
export const direction = name({ ORIGINAL: false, REPLY: true }, { anyCase: true })

/** linux/netfilter/xt_conntrack.h */
export const conntrackRevisions = {
  1: struct('struct xt_conntrack_mtinfo1', 152, {
    ...head,
    ...onePort,
    matchFlags: u16,
    invertFlags: u16,
    stateMask: u8,
    statusMask: u8,
  }),
  2: struct('struct xt_conntrack_mtinfo2', 156, {
    ...head,
    ...onePort,
    matchFlags: u16,
    invertFlags: u16,
    stateMask: u16,
    statusMask: u16,
  }),
  3: struct('struct xt_conntrack_mtinfo3', 164, {
    ...head,
    origsrcPort: u16,
    origdstPort: u16,
    replsrcPort: u16,
    repldstPort: u16,
    matchFlags: u16,
    invertFlags: u16,
    stateMask: u16,
    statusMask: u16,
    origsrcPortHigh: u16,
    origdstPortHigh: u16,
    replsrcPortHigh: u16,
    repldstPortHigh: u16,
  }),
}

export const STATES = { INVALID: 0x01, NEW: 0x08, RELATED: 0x04, ESTABLISHED: 0x02, UNTRACKED: 0x100 }

const states = nameList({ ...STATES, SNAT: 0x40, DNAT: 0x80 }, { anyCase: true, prefixes: true })
const statuses = nameList(
  { EXPECTED: 0x01, SEEN_REPLY: 0x02, ASSURED: 0x04, CONFIRMED: 0x08 },
  { none: 'NONE', anyCase: true, prefixes: true },
)

export const conntrack = match('conntrack', {
  revisions: conntrackRevisions,
  atLeastOne: true,
  unused: (at, family) => ADDRESSES.flatMap((name) => unusedAddress(at[name], family)),
  options: (at) => {
    const { matchFlags, invertFlags } = at
    const stored = (mask: number) => ({ present: bit(matchFlags, mask), negation: bit(invertFlags, mask) })
    const high = 'origsrcPortHigh' in at ? at : undefined
    const ports = portRange({ decimal: true, reversed: true, single: high === undefined })
    const range = (first: Field<number>, last = first) => both(first, last)
    return {
      ctstate: option(states, at.stateMask, stored(0x0001)),
      ctproto: option(protocol, at.l4proto, stored(0x0002)),
      ctorigsrc: option(maskedAddress, both(at.origsrcAddr, at.origsrcMask), stored(0x0004)),
      ctorigdst: option(maskedAddress, both(at.origdstAddr, at.origdstMask), stored(0x0008)),
      ctreplsrc: option(maskedAddress, both(at.replsrcAddr, at.replsrcMask), stored(0x0010)),
      ctrepldst: option(maskedAddress, both(at.repldstAddr, at.repldstMask), stored(0x0020)),
      ctorigsrcport: option(ports, range(at.origsrcPort, high?.origsrcPortHigh), stored(0x0100)),
      ctorigdstport: option(ports, range(at.origdstPort, high?.origdstPortHigh), stored(0x0200)),
      ctreplsrcport: option(ports, range(at.replsrcPort, high?.replsrcPortHigh), stored(0x0400)),
      ctrepldstport: option(ports, range(at.repldstPort, high?.repldstPortHigh), stored(0x0800)),
      ctstatus: option(statuses, at.statusMask, stored(0x0040)),
      ctexpire: option(integerRange(0xffff_ffff), both(at.expiresMin, at.expiresMax), stored(0x0080)),
      ctdir: option(direction, bit(invertFlags, 0x1000), {
        present: bit(matchFlags, 0x1000),
      }),
    }
  },
})
