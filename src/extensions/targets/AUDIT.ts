/** Writes a record of the packet to the kernel's audit log. */

import { ERRNO } from '../../abi/errno'
import { u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { nothing } from '../evaluation'
import { about, target } from '../extension'
import { option } from '../option'
import { name } from '../values/names'

/** linux/netfilter/xt_AUDIT.h */
const TYPES = { accept: 0, drop: 1, reject: 2 }

export const AUDIT = target('AUDIT', {
  revisions: { 0: struct('struct xt_audit_info', 1, { type: u8 }) },
  // nf_tables does not store the type.
  translate: () => () => 'log level audit',
  does: nothing,
  options: ({ type }) => ({
    type: option(name(TYPES, { anyCase: true }), type, { required: true, list: 'AUDIT $' }),
  }),
  check:
    ({ type }) =>
    (bytes, at) =>
      type.read(bytes, at) > TYPES.reject ? about('type', 'there is no such type', ERRNO.ERANGE) : undefined,
})
