/** Sends a copy of the packet to another machine on the local network. */

import { FAMILIES } from '../../abi/family'
import { raw } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { nothing } from '../evaluation'
import { about, isTerminated, target } from '../extension'
import { readNatively } from '../native'
import { expression } from '../native-actions'
import { onlyWhere, widened } from '../native-tests'
import { option } from '../option'
import { formatAddress, inetAddress, isZero, shorten, unusedAddress } from '../values/address'
import { oneInterface } from '../values/interface'

/** A name that nft accepts without quotes. */
const isPlainName = (name: string): boolean => /^[a-z][\w.-]*$/i.test(name)

/** linux/netfilter/xt_TEE.h */
export const TEE = target('TEE', {
  revisions: { 1: struct('struct xt_tee_tginfo', 40, { gw: raw(16, 4), oif: chars(16), priv: raw(8, 8) }) },
  private: ({ priv }) => [priv],
  unused: ({ gw }, family) => unusedAddress(gw, family),
  list: 'TEE',
  native: ({ gw, oif }, family) => {
    const { addressSize: size } = FAMILIES[family]
    return readNatively(
      expression<{ address: Uint8Array }>('dup', {
        write: (bytes, at) => ({ address: gw.read(bytes, at).slice(0, size) }),
        read({ address, ...device }, bytes, at) {
          // nf_tables stores the interface's index, the target its name.
          if (address?.length !== size || Object.keys(device).length > 0) return false
          gw.write(bytes, at, widened(address, gw.size))
          return true
        },
      }),
      onlyWhere(oif, ''),
    )
  },
  translate:
    ({ gw, oif }) =>
    (bytes, at, context) => {
      const device = oif.read(bytes, at)
      const to = `dup to ${formatAddress(shorten(gw.read(bytes, at), context), context)}`
      if (device === '') return to
      return isPlainName(device) ? `${to} device ${device}` : undefined
    },
  does: nothing,
  options: ({ gw, oif }) => ({
    gateway: option(inetAddress, gw, { required: true, list: 'gw:$' }),
    oif: option(oneInterface, oif, { list: 'oif=$' }),
  }),
  check:
    ({ gw, oif }) =>
    (bytes, at) => {
      if (isZero(gw.read(bytes, at))) return about('gateway', 'must not be all zeros')
      const ends = bytes[at + oif.offset] === 0 || isTerminated(oif, bytes, at)
      return ends ? undefined : about('oif', 'the name of the interface is not terminated')
    },
})
