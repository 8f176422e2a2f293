/** The helper of connection tracking that the packet's connection belongs to. */

import { bool32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { HAS_CONNECTION, oneOf } from '../evaluation'
import { match } from '../extension'
import { option } from '../option'
import { nftQuoted, text } from '../values/string'

/** linux/netfilter/xt_helper.h. Without a name, any helper is meant. */
export const helper = match('helper', {
  revisions: { 0: struct('struct xt_helper_info', 36, { invert: bool32, name: chars(30) }) },
  // The kernel ends the name, whatever its last byte is.
  private: ({ name: { offset, size } }) => [{ offset: offset + size - 1, size: 1 }],
  // A connection that no other one expected has no helper in nf_tables, whatever that is not to be.
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
