/** Exempts packets from connection tracking. Stored as the target CT with an alias flag. */
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
  // Before CT existed, NOTRACK was a separate target without a payload.
  plain: [0],
  revisions: { 0: struct('struct {}', 0, {}), 2: ctRevisions[2] },
  private: (at) => ('flags' in at ? handedOut(at) : []),
  fixed: (at) => ('flags' in at ? [fixed(at.flags, NOTRACK_ALIAS)] : []),
  list: (at) => headed('flags' in at ? 'NOTRACK' : undefined),
  native: () => readNatively(bare('notrack')),
  does: () => () => [{ kind: 'untracked' }],
  options: () => ({}),
})
