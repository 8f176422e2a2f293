/** Exempts packets from connection tracking: written as the CT target with flags that say so. */
import { fixed, target } from '../extension'
import { ctRevisions, handedOut } from './CT'

/** XT_CT_NOTRACK and XT_CT_NOTRACK_ALIAS, linux/netfilter/xt_CT.h */
const NOTRACK_ALIAS = 0x01 | 0x02

export const NOTRACK = target('NOTRACK', {
  tables: ['raw'],
  hooks: ['PREROUTING', 'OUTPUT'],
  revisions: ctRevisions,
  private: handedOut,
  fixed: ({ flags }) => [fixed(flags, NOTRACK_ALIAS)],
  list: 'NOTRACK',
  options: () => ({}),
})
