/** A label of the packet's connection, which may be put on it. */
import { ERRNO } from '../../abi/errno'
import { u16 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { about, match } from '../extension'
import { flag, option } from '../option'
import { connectionLabel } from '../values/label'

const MAX = 127

/** linux/netfilter/xt_connlabel.h */
export const connlabel = match('connlabel', {
  revisions: { 0: struct('struct xt_connlabel_mtinfo', 4, { bit: u16, options: u16 }) },
  bits: ({ options }) => [[options, 0x03]],
  list: 'connlabel',
  // nft takes a label for a bit, of which it does not say that it is not set.
  translate:
    ({ bit: label, options }) =>
    (bytes, at) => {
      const number = label.read(bytes, at)
      if (bit(options, 0x01).read(bytes, at)) return undefined
      return `${bit(options, 0x02).read(bytes, at) ? `ct label set ${number} ` : ''}ct label ${number}`
    },
  options: ({ bit: label, options }) => ({
    label: option(connectionLabel(MAX), label, { required: true, negation: bit(options, 0x01), list: '[! ]$' }),
    set: flag(bit(options, 0x02), { list: 'set' }),
  }),
  check:
    ({ bit: label }) =>
    (bytes, at) =>
      label.read(bytes, at) > MAX ? about('label', `labels are 0 to ${MAX}`, ERRNO.ERANGE) : undefined,
})
