/** The connection's state: a subset of the match conntrack, stored as that match with an alias flag. */
import { bit } from '../../binary/struct'
import { fixed, match } from '../extension'
import { readNatively } from '../native'
import { option } from '../option'
import { nameList } from '../values/names'
import { conntrackRevisions, STATES, stateCondition, stateTest } from './conntrack'

const states = nameList(STATES, { anyCase: true, prefixes: true })

/** XT_CONNTRACK_STATE and XT_CONNTRACK_STATE_ALIAS, linux/netfilter/xt_conntrack.h */
const STATE_ALIAS = 0x0001 | 0x2000

export const state = match('state', {
  revisions: { 3: conntrackRevisions[3] },
  fixed: ({ matchFlags }) => [fixed(matchFlags, STATE_ALIAS)],
  native: (at) => readNatively(stateTest(at)),
  asks: (at) => (bytes, place) => [stateCondition(at, bytes, place)],
  options: ({ stateMask, invertFlags }) => ({
    state: option(states, stateMask, { required: true, negation: bit(invertFlags, 0x0001) }),
  }),
})
