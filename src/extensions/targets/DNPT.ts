/** Translates the prefix of the destination, without connection tracking (RFC 6296). */

import { target } from '../extension'
import { ADDRESSES } from '../native'
import { adjustment, checkPrefixes, nptRevisions, prefixOptions, translatedPrefix } from './SNPT'

/** linux/netfilter_ipv6/ip6t_NPT.h */
export const DNPT = target('DNPT', {
  families: ['ipv6'],
  tables: ['mangle'],
  hooks: ['PREROUTING', 'OUTPUT'],
  revisions: nptRevisions,
  private: adjustment,
  check: checkPrefixes,
  list: 'DNPT',
  does: (at) => translatedPrefix(at, ADDRESSES.ipv6[1]),
  options: prefixOptions,
})
