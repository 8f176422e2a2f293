/** The head of a rule: addresses, interfaces, protocol. Declared like an extension. */

import { FAMILIES, type FamilyName } from '../abi/family'
import {
  INV_DSTIP,
  INV_FRAG,
  INV_PROTO,
  INV_SRCIP,
  INV_VIA_IN,
  INV_VIA_OUT,
  IPT_F_FRAG,
  iptEntry,
} from '../abi/ip-tables'
import { IP6T_F_PROTO, ip6tEntry } from '../abi/ip6-tables'
import { NFT_META, NFT_PAYLOAD } from '../abi/nf-tables'
import { u8 } from '../binary/codec'
import { bit, both } from '../binary/struct'
import { asked } from '../extensions/evaluation'
import { rule, type Variant } from '../extensions/extension'
import { ADDRESSES, network as inHeader, meta, type NativePart, native } from '../extensions/native'
import { alsoFrom, given, optional, valueTest } from '../extensions/native-tests'
import { flag, option } from '../extensions/option'
import type { Known } from '../extensions/registry'
import { network } from '../extensions/values/address'
import { interfaceName } from '../extensions/values/interface'
import { namedProtocol } from '../extensions/values/protocol'
import { addressTest, bitsTest, countOf, interfaceTest, type Place, underMask } from './native-head'

/** Position of the protocol in an IPv4 header. */
const PROTOCOL = inHeader(9, 1)
/** Position of the fragment offset in an IPv4 header, and its bits, which are 0 in the first fragment. */
export const FRAGMENT = inHeader(6, 2)
const FRAGMENT_OFFSET = new Uint8Array([0x1f, 0xff])

const [IN, OUT] = [meta(NFT_META.IIFNAME), meta(NFT_META.OIFNAME)]

type HeadFields = typeof iptEntry.fields | typeof ip6tEntry.fields

function partsOf(at: HeadFields, family: FamilyName): NativePart[] {
  const { flags, invflags } = at
  const [source, destination] = ADDRESSES[family].map((offset) => ({ base: NFT_PAYLOAD.NETWORK, offset }))
  // In text, 0 stands for any protocol.
  const number = { value: at.proto, min: 1, negation: bit(invflags, INV_PROTO) }
  const test = optional(at.proto, 0, valueTest(meta(NFT_META.L4PROTO), u8, number))
  // An IPv6 header names the next header, which may be an extension header.
  const protocol = family === 'ipv6' ? given(bit(flags, IP6T_F_PROTO), test) : alsoFrom(PROTOCOL, test)
  const fragment = bitsTest(FRAGMENT, FRAGMENT_OFFSET, bit(flags, IPT_F_FRAG), bit(invflags, INV_FRAG))
  return [
    interfaceTest(IN, at.iniface, at.inifaceMask, bit(invflags, INV_VIA_IN)),
    interfaceTest(OUT, at.outiface, at.outifaceMask, bit(invflags, INV_VIA_OUT)),
    protocol,
    addressTest(source as Place, at.src, at.smsk, bit(invflags, INV_SRCIP)),
    addressTest(destination as Place, at.dst, at.dmsk, bit(invflags, INV_DSTIP)),
    ...(family === 'ipv4' ? [fragment] : []),
  ]
}

/** linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h, linux/if.h */
const head = rule('rule', {
  revisions: { 0: { ipv4: iptEntry, ipv6: ip6tEntry } },
  private: ({ nfcache, targetOffset, nextOffset, comefrom, pcnt, bcnt }) => [
    nfcache,
    targetOffset,
    nextOffset,
    comefrom,
    pcnt,
    bcnt,
  ],
  native: (at, family) => native(...partsOf(at, family)),
  asks: (at, family) => {
    const parts = partsOf(at, family)
    return (bytes, place) => {
      const isOdd = [at.inifaceMask, at.outifaceMask].some((mask) => countOf(mask.read(bytes, place)) === undefined)
      const interfaces = isOdd
        ? [
            underMask(IN, at.iniface, at.inifaceMask, bit(at.invflags, INV_VIA_IN), bytes, place),
            underMask(OUT, at.outiface, at.outifaceMask, bit(at.invflags, INV_VIA_OUT), bytes, place),
          ]
        : asked(parts.slice(0, 2), bytes, place)
      return [...interfaces, ...asked(parts.slice(2), bytes, place)]
    }
  },
  options: (at, family) => {
    const { flags, invflags } = at
    const negation = (mask: number) => ({ negation: bit(invflags, mask) })
    // IPv6 checks the protocol only if a flag is set; in IPv4, protocol 0 matches any.
    const given = family === 'ipv6' ? { present: bit(flags, IP6T_F_PROTO) } : {}
    return {
      src: option(network, both(at.src, at.smsk), { aliases: ['source'], ...negation(INV_SRCIP) }),
      dst: option(network, both(at.dst, at.dmsk), { aliases: ['destination'], ...negation(INV_DSTIP) }),
      'in-interface': option(interfaceName, both(at.iniface, at.inifaceMask), negation(INV_VIA_IN)),
      'out-interface': option(interfaceName, both(at.outiface, at.outifaceMask), negation(INV_VIA_OUT)),
      protocol: option(namedProtocol, at.proto, {
        aliases: ['proto'],
        refuses: (number, negated) => (negated && number === 0 ? 'no packet is of no protocol' : undefined),
        ...given,
        ...negation(INV_PROTO),
      }),
      ...(family === 'ipv4' && { fragment: flag(bit(flags, IPT_F_FRAG), negation(INV_FRAG)) }),
    }
  },
})

/** The head of a rule, by family. */
export const HEADS: Readonly<Record<FamilyName, Known>> = {
  ipv4: { extension: head, variant: head.variants('ipv4')[0] as Variant },
  ipv6: { extension: head, variant: head.variants('ipv6')[0] as Variant },
}

for (const { variant } of Object.values(HEADS))
  if (variant.size !== FAMILIES[variant.family].entrySize)
    throw new Error('bug in xtables: the declared head of a rule does not have the size of an entry')
