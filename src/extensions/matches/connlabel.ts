/** A label of the packet's connection, which the match can also set. */

import { ERRNO } from '../../abi/errno'
import { NFT_CT } from '../../abi/nf-tables'
import { type Field, u16 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { HAS_CONNECTION, oneOf } from '../evaluation'
import { about, match } from '../extension'
import { connection, type NativePart, readNatively, type Source, sourceKey, type Test } from '../native'
import { isZero, onlyWhere } from '../native-tests'
import { flag, option } from '../option'
import { connectionLabel } from '../values/label'
import { same } from '../values/value'

const MAX = 127
const [LABELS, SIZE] = [connection(NFT_CT.LABELS), 16]

/** The label bits of a connection with a single label. */
function labelBits(label: number): Uint8Array {
  const bits = new Uint8Array(SIZE)
  bits[label >>> 3] = 1 << (label & 7)
  return bits
}

/** The label that a test requires, if it is a test of a single label. */
function askedLabel({ op, value, mask = value }: Test): number | undefined {
  const byte = mask.findIndex((one) => one !== 0)
  const label = 8 * byte + Math.log2(mask[byte] ?? 0)
  if (value.length !== SIZE || !Number.isInteger(label) || !same(mask, labelBits(label))) return undefined
  const isOn = op === 'neq' ? isZero(value) : op === 'eq' && mask !== value && same(value, mask)
  return isOn ? label : undefined
}

/**
 * Tests that a label is set. The negated match also holds for packets without a connection, for which
 * nf_tables has no labels.
 */
const labelTest = (source: Source, label: Field<number>): NativePart => ({
  keys: [sourceKey(source)],
  write(bytes, at) {
    const mask = labelBits(label.read(bytes, at))
    return [{ kind: 'test', source, mask, op: 'neq', value: new Uint8Array(SIZE) }]
  },
  read(statement, bytes, at) {
    const asked = statement.kind === 'test' && statement.to === undefined ? askedLabel(statement) : undefined
    if (asked !== undefined) label.write(bytes, at, asked)
    return asked !== undefined
  },
})

/** linux/netfilter/xt_connlabel.h */
export const connlabel = match('connlabel', {
  revisions: { 0: struct('struct xt_connlabel_mtinfo', 4, { bit: u16, options: u16 }) },
  bits: ({ options }) => [[options, 0x03]],
  list: 'connlabel',
  native: ({ bit: label, options }) => readNatively(labelTest(LABELS, label), onlyWhere(options, 0)),
  // nft treats a label as a bit, and cannot express that it is not set.
  translate:
    ({ bit: label, options }) =>
    (bytes, at) => {
      const number = label.read(bytes, at)
      if (bit(options, 0x01).read(bytes, at)) return undefined
      return `${bit(options, 0x02).read(bytes, at) ? `ct label set ${number} ` : ''}ct label ${number}`
    },
  asks:
    ({ options }) =>
    (bytes, at) => {
      const labelled = { kind: 'circumstance', decides: 'which labels its connection has' } as const
      return [oneOf([[HAS_CONNECTION, labelled]], bit(options, 0x01).read(bytes, at))]
    },
  options: ({ bit: label, options }) => ({
    label: option(connectionLabel(MAX), label, { required: true, negation: bit(options, 0x01), list: '[! ]$' }),
    set: flag(bit(options, 0x02), { list: 'set' }),
  }),
  check:
    ({ bit: label }) =>
    (bytes, at) =>
      label.read(bytes, at) > MAX ? about('label', `must be 0 to ${MAX}`, ERRNO.ERANGE) : undefined,
})
