/** A note in the rule, without effect on packets. */
import { struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { match } from '../extension'
import { option } from '../option'
import { text } from '../values/string'

/** linux/netfilter/xt_comment.h */
export const comment = match('comment', {
  revisions: { 0: struct('struct xt_comment_info', 256, { comment: chars(256) }) },
  options: ({ comment }) => ({ comment: option(text(255), comment, { required: true, list: '/* $ */' }) }),
})
