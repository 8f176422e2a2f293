/** The IP header field that was the type of service and is now DSCP and two bits of ECN. */
import { ERRNO } from '../../abi/errno'
import type { Field } from '../../binary/codec'
import { about, type Check } from '../extension'
import { bits8, hex8 } from './integer'
import { findName, type Named, name } from './names'
import { halves, type ValueType } from './value'

/** linux/netfilter/xt_dscp.h */
export const DSCP_MAX = 0x3f

/** A DSCP as a number. */
export const dscp: ValueType<number> = bits8(DSCP_MAX)

/** RFC 2474, RFC 2597, RFC 2598 */
const CLASSES = {
  CS0: 0x00,
  CS1: 0x08,
  CS2: 0x10,
  CS3: 0x18,
  CS4: 0x20,
  CS5: 0x28,
  CS6: 0x30,
  CS7: 0x38,
  BE: 0x00,
  AF11: 0x0a,
  AF12: 0x0c,
  AF13: 0x0e,
  AF21: 0x12,
  AF22: 0x14,
  AF23: 0x16,
  AF31: 0x1a,
  AF32: 0x1c,
  AF33: 0x1e,
  AF41: 0x22,
  AF42: 0x24,
  AF43: 0x26,
  EF: 0x2e,
}

/** A DSCP as the name of its class. */
export const dscpClass = name(CLASSES, { anyCase: true })

/** Why the kernel refuses a DSCP. */
export const refuseDscp =
  (parameter: string) =>
  ({ dscp }: { readonly dscp: Field<number> }): Check =>
  (bytes, at) =>
    dscp.read(bytes, at) > DSCP_MAX ? about(parameter, 'must be 0 to 0x3f', ERRNO.EDOM) : undefined

/** RFC 1349 */
const TOS = {
  'Minimize-Delay': 0x10,
  'Maximize-Throughput': 0x08,
  'Maximize-Reliability': 0x04,
  'Minimize-Cost': 0x02,
  'Normal-Service': 0x00,
}
type TosName = keyof typeof TOS
const TOS_NAMES = Object.keys(TOS) as TosName[]

/** The bits that the names in {@link TOS} cover. */
const NAMED_MASK = 0x3f
const byte = bits8()

/** `value[/mask]`, or a name, which covers all bits but the two of ECN. */
export const tos: ValueType<readonly [value: number, mask: number], Named<TosName> | number> = {
  expects: `value[/mask], each 0 to 0xff, or one of ${TOS_NAMES.join(', ')}`,
  parse(word, context) {
    const found = findName(TOS_NAMES, word, { anyCase: true })
    if (found !== undefined) return [TOS[found], NAMED_MASK]
    const [value, mask] = halves(word, '/')
    return [byte.parse(value, context), mask === undefined ? 0xff : byte.parse(mask, context)]
  },
  format: ([value, mask]) => `${hex8(value)}/${hex8(mask)}`,
  list: (held, { numeric }) => (numeric ? undefined : tosName(held)) ?? `${hex8(held[0])}/${hex8(held[1])}`,
}

/** The name of a value under a mask in a listing. */
export const tosName = ([value, mask]: readonly [number, number]): TosName | undefined =>
  mask === NAMED_MASK ? TOS_NAMES.find((one) => TOS[one] === value) : undefined
