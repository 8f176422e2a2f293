/** The connection tracking helper that the packet's connection is related to. */

import { bool32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { HAS_CONNECTION, oneOf } from '../evaluation'
import { match } from '../extension'
import { option } from '../option'
import { nftQuoted, text } from '../values/string'

/** linux/netfilter/xt_helper.h. An empty name means any helper. */
export const helper = match('helper', {
  revisions: { 0: struct('struct xt_helper_info', 36, { invert: bool32, name: chars(30) }) },
  // The kernel overwrites the last byte of the name with NUL.
  private: ({ name: { offset, size } }) => [{ offset: offset + size - 1, size: 1 }],
  // In nf_tables, a connection that no other one expected has no helper, and so fails negated tests too.
  translate:
    ({ invert, name }) =>
    (bytes, at) => {
      const text = nftQuoted(name.read(bytes, at))
      return text === undefined || text === '""' || invert.read(bytes, at) ? undefined : `ct helper ${text}`
    },
  asks:
    ({ invert }) =>
    (bytes, at) => {
      const helped = { kind: 'circumstance', decides: 'which helper its connection has' } as const
      return [oneOf([[HAS_CONNECTION, helped]], invert.read(bytes, at))]
    },
  options: ({ invert, name }) => ({
    helper: option(text(29), name, { required: true, negation: invert, list: 'helper match [! ]"$"' }),
  }),
})
