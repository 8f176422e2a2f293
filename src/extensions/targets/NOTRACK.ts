/** Exempts packets from connection tracking: written as the CT target with flags that say so. */
import { struct } from '../../binary/struct'
import { fixed, target } from '../extension'
import { headed } from '../listing'
import { readNatively } from '../native'
import { bare } from '../native-actions'
import { ctRevisions, handedOut } from './CT'

/** XT_CT_NOTRACK and XT_CT_NOTRACK_ALIAS, linux/netfilter/xt_CT.h */
const NOTRACK_ALIAS = 0x01 | 0x02

export const NOTRACK = target('NOTRACK', {
  tables: ['raw'],
  hooks: ['PREROUTING', 'OUTPUT'],
  // Before there was CT, it was a target of its own, without a payload.
  plain: [0],
  revisions: { 0: struct('struct {}', 0, {}), 2: ctRevisions[2] },
  private: (at) => ('flags' in at ? handedOut(at) : []),
  fixed: (at) => ('flags' in at ? [fixed(at.flags, NOTRACK_ALIAS)] : []),
  list: (at) => headed('flags' in at ? 'NOTRACK' : undefined),
  native: () => readNatively(bare('notrack')),
  does: () => () => [{ kind: 'untracked' }],
  options: () => ({}),
})
