/** Counts packets in an accounting object that was created with nfacct(8). */

import { ERRNO } from '../../abi/errno'
import { raw } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { circumstance } from '../evaluation'
import { match, suspicion } from '../extension'
import { option } from '../option'
import { quoted, text } from '../values/string'

const members = { name: chars(32), nfacct: raw(8, 8) }

/** linux/netfilter/xt_nfacct.h, linux/netfilter/nfnetlink_acct.h */
export const nfacct = match('nfacct', {
  revisions: {
    0: struct('struct xt_nfacct_match_info', 40, members),
    1: struct('struct xt_nfacct_match_info_v1', 40, members),
  },
  private: ({ nfacct }) => [nfacct],
  suspects:
    ({ name }) =>
    (bytes, at) => [
      suspicion(
        'nfacct-name',
        ERRNO.ENOENT,
        `there is no accounting object ${JSON.stringify(name.read(bytes, at))}`,
        true,
      ),
    ],
  asks: circumstance('whether the quota of the accounting object is used up'),
  options: (at) => ({
    'nfacct-name': option(quoted(text(31, 1)), at.name, { required: true, list: 'nfacct-name  $' }),
  }),
})
