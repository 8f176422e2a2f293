/** Translates the prefix of the destination, without looking at connections (RFC 6296). */
import { target } from '../extension'
import { adjustment, checkPrefixes, nptRevisions, prefixOptions } from './SNPT'

/** linux/netfilter_ipv6/ip6t_NPT.h */
export const DNPT = target('DNPT', {
  families: ['ipv6'],
  tables: ['mangle'],
  hooks: ['PREROUTING', 'OUTPUT'],
  revisions: nptRevisions,
  private: adjustment,
  check: checkPrefixes,
  list: 'DNPT',
  options: prefixOptions,
})
