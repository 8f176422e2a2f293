/** Address and port translation in native form. */
import { be16 } from '../binary/codec'
import type { RangeFields } from './nat'
import type { NativePart } from './native'
import { expression } from './native-actions'
import { encoded } from './native-tests'
import { RANGE } from './values/nat'
import { same } from './values/value'

/** The nat expression of nf_tables, with the content of its registers. Flags are those of linux/netfilter/nf_nat.h. */
interface TranslationData {
  type?: number
  family?: number
  addressMin?: Uint8Array
  addressMax?: Uint8Array
  portMin?: Uint8Array
  portMax?: Uint8Array
  flags?: number
}
type Data = TranslationData & Readonly<Record<string, unknown>>

const GIVEN = RANGE.ADDRESSES | RANGE.PORTS

/** The attributes of a range: the last value only if it differs from the first. */
const ends = <K extends string>(name: K, first: Uint8Array, last: Uint8Array) => ({
  [`${name}Min`]: first,
  ...(!same(first, last) && { [`${name}Max`]: last }),
})

function portsOf({ minProto, maxProto }: RangeFields, bytes: Uint8Array, at: number) {
  return ends('port', encoded(be16, minProto.read(bytes, at)), encoded(be16, maxProto.read(bytes, at)))
}

/** @returns whether the ports can be stored */
function notePorts(fields: RangeFields, { portMin, portMax = portMin }: Data, bytes: Uint8Array, at: number): boolean {
  if (portMin === undefined) return portMax === undefined
  if (portMin.length !== be16.size || portMax?.length !== be16.size) return false
  fields.minProto.write(bytes, at, be16.read(portMin, 0))
  fields.maxProto.write(bytes, at, be16.read(portMax, 0))
  return true
}

/** Translation to ports, where the address is implied. */
export const natPorts = (name: string, fields: RangeFields, known: number): NativePart =>
  expression<Data>(name, {
    write(bytes, at) {
      const flags = fields.flags.read(bytes, at)
      const rest = flags & ~RANGE.PORTS
      return {
        ...((flags & RANGE.PORTS) !== 0 && portsOf(fields, bytes, at)),
        ...(rest !== 0 && { flags: rest }),
      } as Data
    },
    read(data, bytes, at) {
      const { flags = 0, portMin } = data
      if ((flags & ~(known | RANGE.PORTS)) !== 0 || !notePorts(fields, data, bytes, at)) return false
      fields.flags.write(bytes, at, (flags & known) | (portMin === undefined ? 0 : RANGE.PORTS))
      return true
    },
  })

/**
 * Translation to addresses, ports, or both.
 * @param known the flags that have words
 */
export const natTranslation = (type: number, fields: RangeFields, known: number): NativePart =>
  expression<Data>('nat', {
    write(bytes, at) {
      const flags = fields.flags.read(bytes, at)
      if ((flags & ~(known | GIVEN)) !== 0) return undefined
      const [first, last] = [fields.minAddr.read(bytes, at).slice(), fields.maxAddr.read(bytes, at).slice()]
      return {
        type,
        ...((flags & RANGE.ADDRESSES) !== 0 && ends('address', first, last)),
        ...((flags & RANGE.PORTS) !== 0 && portsOf(fields, bytes, at)),
        ...((flags & ~GIVEN) !== 0 && { flags: flags & ~GIVEN }),
      } as Data
    },
    read(data, bytes, at) {
      const { addressMin, addressMax = addressMin, portMin, flags = 0 } = data
      if (data.type !== type || (flags & ~(known | GIVEN)) !== 0) return false
      if (addressMin === undefined && (addressMax !== undefined || portMin === undefined)) return false
      if (!notePorts(fields, data, bytes, at)) return false
      if (addressMin !== undefined) {
        fields.minAddr.write(bytes, at, widened(addressMin, fields.minAddr.size))
        fields.maxAddr.write(bytes, at, widened(addressMax as Uint8Array, fields.maxAddr.size))
      }
      const given = (addressMin === undefined ? 0 : RANGE.ADDRESSES) | (portMin === undefined ? 0 : RANGE.PORTS)
      fields.flags.write(bytes, at, (flags & known) | given)
      return true
    },
  })

const widened = (address: Uint8Array, size: number): Uint8Array => {
  const wide = new Uint8Array(size)
  wide.set(address)
  return wide
}
