/** Assigns the packet to a class of a queueing discipline. */

import { NFT_META } from '../../abi/nf-tables'
import { u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { nothing } from '../evaluation'
import { target } from '../extension'
import { meta, readNatively } from '../native'
import { valueAssignment } from '../native-actions'
import { option } from '../option'
import { halves, mismatch, type ValueType } from '../values/value'

const half = (word: string): number => {
  const digits = /^\s*\+?(?:0x)?([0-9a-f]+)$/i.exec(word)?.[1] ?? mismatch('it is not two hexadecimal numbers')
  const value = Number.parseInt(digits, 16)
  return value <= 0xffff ? value : mismatch('a number is too large')
}

/** Both numbers are hexadecimal, with or without 0x. */
const classId: ValueType<number, string> = {
  expects: 'major:minor, each 0 to ffff, hexadecimal',
  parse(word) {
    const [major, minor] = halves(word, ':')
    return half(major) * 0x10000 + half(minor ?? '')
  },
  format: (id) => `${hex(id >>> 16).padStart(4, '0')}:${hex(id & 0xffff).padStart(4, '0')}`,
  list: (id) => `${hex(id >>> 16)}:${hex(id & 0xffff)}`,
}

const hex = (value: number): string => value.toString(16)

/** linux/netfilter/xt_CLASSIFY.h */
export const CLASSIFY = target('CLASSIFY', {
  hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
  revisions: { 0: struct('struct xt_classify_target_info', 4, { priority: u32 }) },
  native: ({ priority }) => readNatively(valueAssignment(meta(NFT_META.PRIORITY), u32, priority)),
  does: nothing,
  options: ({ priority }) => ({ 'set-class': option(classId, priority, { required: true, list: 'CLASSIFY set $' }) }),
})
