/** A comment in the rule, without effect on packets. */

import { struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { always } from '../evaluation'
import { match } from '../extension'
import { option } from '../option'
import { nftQuoted, text } from '../values/string'

/** linux/netfilter/xt_comment.h */
export const comment = match('comment', {
  revisions: { 0: struct('struct xt_comment_info', 256, { comment: chars(256) }) },
  // Text in nft cannot contain quotes.
  translate:
    ({ comment }) =>
    (bytes, at) => {
      const text = nftQuoted(comment.read(bytes, at))
      return text === undefined ? undefined : { remark: `comment ${text}` }
    },
  asks: always,
  options: ({ comment }) => ({ comment: option(text(255), comment, { required: true, list: '/* $ */' }) }),
})
