/** Translates the prefix of the source, without connection tracking (RFC 6296). */

import { raw, u8, u16 } from '../../binary/codec'
import { both, type Fields, struct } from '../../binary/struct'
import type { Does, Seen } from '../evaluation'
import { about, type Check, target } from '../extension'
import { ADDRESSES, network } from '../native'
import { option } from '../option'
import { addressPrefix, prefixMask } from '../values/address'

const fields = { srcPfx: raw(16, 4), dstPfx: raw(16, 4), srcPfxLen: u8, dstPfxLen: u8, adjustment: u16 }
type NptFields = Fields<typeof fields>

/** linux/netfilter_ipv6/ip6t_NPT.h */
export const nptRevisions = { 0: { ipv6: struct('struct ip6t_npt_tginfo', 36, fields) } }

/** Computed by the kernel. */
export const adjustment = (at: NptFields) => [at.adjustment]

export const prefixOptions = ({ srcPfx, dstPfx, srcPfxLen, dstPfxLen }: NptFields) => ({
  'src-pfx': option(addressPrefix, both(srcPfx, srcPfxLen), { required: true }),
  'dst-pfx': option(addressPrefix, both(dstPfx, dstPfxLen), { required: true }),
})

const MAX_LENGTH = 64

/** Checks that both prefixes are short enough, and that the addresses have no bits beyond them. */
export const checkPrefixes =
  ({ srcPfx, dstPfx, srcPfxLen, dstPfxLen }: NptFields): Check =>
  (bytes, at) => {
    const [from, to] = [srcPfxLen.read(bytes, at), dstPfxLen.read(bytes, at)]
    if (from > MAX_LENGTH) return about('src-pfx', `the prefix length must be at most ${MAX_LENGTH}`)
    if (to > MAX_LENGTH) return about('dst-pfx', `the prefix length must be at most ${MAX_LENGTH}`)
    const isBeyond = (prefix: Uint8Array, length: number): boolean =>
      prefixMask(length, prefix.length).some((mask, i) => ((prefix[i] as number) & ~mask) !== 0)
    if (isBeyond(srcPfx.read(bytes, at), from))
      return about('src-pfx', 'the address has bits set beyond its prefix length')
    return isBeyond(dstPfx.read(bytes, at), to)
      ? about('dst-pfx', 'the address has bits set beyond its prefix length')
      : undefined
  }

/**
 * Replaces the prefix. To leave checksums unchanged, the bits of the prefix and one word after it are
 * adjusted: the fourth word, or after longer prefixes the first word of the lower half that is not all ones.
 */
export const translatedPrefix =
  ({ dstPfx, srcPfxLen, dstPfxLen }: NptFields, offset: number): Does =>
  (bytes, at) => {
    const length = Math.max(srcPfxLen.read(bytes, at), dstPfxLen.read(bytes, at))
    const [mask, prefix] = [prefixMask(length, 16), dstPfx.read(bytes, at).slice()]
    const make = (old: Seen): Seen => ({
      bytes: old.bytes.map((byte, i) => (byte & ~(mask[i] as number)) | ((prefix[i] as number) & (mask[i] as number))),
      known: old.known.map((bits, i) =>
        (length <= ADJUSTED_LENGTH ? i === 6 || i === 7 : i >= 8) ? 0 : bits | (mask[i] as number),
      ),
    })
    const cleared = (seen: Seen): Seen => ({
      ...seen,
      bytes: seen.bytes.map((byte, i) => byte & (seen.known[i] as number)),
    })
    return [{ kind: 'update', to: network(offset, 16), make: (old) => cleared(make(old)) }]
  }
const ADJUSTED_LENGTH = 48

export const SNPT = target('SNPT', {
  families: ['ipv6'],
  tables: ['mangle'],
  hooks: ['INPUT', 'POSTROUTING'],
  revisions: nptRevisions,
  private: adjustment,
  check: checkPrefixes,
  list: 'SNPT',
  does: (at) => translatedPrefix(at, ADDRESSES.ipv6[0]),
  options: prefixOptions,
})
