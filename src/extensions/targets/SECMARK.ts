/** Sets the security mark of the packet. */

import { ERRNO } from '../../abi/errno'
import { u8, u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { nothing } from '../evaluation'
import { fixed, suspicion, target } from '../extension'
import { option } from '../option'
import { name } from '../values/string'

/** The subsystem that defines the context: only SELinux exists. */
const SELINUX = 1
const secctx = chars(256)

/** linux/netfilter/xt_SECMARK.h. The kernel looks the context up and keeps its number. */
export const SECMARK = target('SECMARK', {
  tables: ['mangle', 'security'],
  revisions: {
    0: struct('struct xt_secmark_target_info', 264, { mode: u8, secid: u32, secctx }),
    1: struct('struct xt_secmark_target_info_v1', 264, { mode: u8, secctx, secid: u32 }),
  },
  fixed: ({ mode }) => [fixed(mode, SELINUX)],
  private: ({ secid }) => [secid],
  suspects:
    ({ secctx }) =>
    (bytes, at) => [
      suspicion(
        'selctx',
        ERRNO.ENOENT,
        `SELinux is not there, or has no context ${JSON.stringify(secctx.read(bytes, at))}`,
      ),
    ],
  does: nothing,
  options: ({ secctx }) => ({ selctx: option(name(255), secctx, { required: true, list: 'SECMARK selctx $' }) }),
})
