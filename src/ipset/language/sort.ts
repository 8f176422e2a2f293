/** Sorts entries as `ipset -sorted` does. */
import { PROTOCOLS } from '../../abi/protocols'
import { parseIPv6, parsePlainIPv4 } from '../../binary/address'
import type { Values } from './text'

type Key = readonly (number | string | Uint8Array)[]

/** Orders by the bytes of the address; of two networks with the same address, the smaller is first. */
function addressKey(value: string): Key {
  const [address = '', length = '128'] = value.split('/')
  return [parsePlainIPv4(address) ?? parseIPv6(address) ?? value, -Number(length)]
}

const ADDRESSES = ['ip', 'net', 'ip2', 'net2']
const ORDER = ['ip', 'net', 'protocol', 'port', 'ip2', 'net2', 'mac', 'iface', 'mark']

const keyOf = (entry: Values): Key =>
  ORDER.flatMap((name) => {
    const value = entry[name] as number | string | undefined
    if (value === undefined) return ['']
    if (ADDRESSES.includes(name)) return addressKey(value as string)
    return [name === 'protocol' ? ((PROTOCOLS as Readonly<Record<string, number>>)[value] ?? value) : value]
  })

function compare(one: Key, other: Key): number {
  for (const [i, left] of one.entries()) {
    const right = other[i] as typeof left
    const order =
      left instanceof Uint8Array ? Buffer.compare(left, right as Uint8Array) : left < right ? -1 : +(left > right)
    if (order !== 0) return order
  }
  return 0
}

/** Entries of a list of sets have equal keys, and so keep their order, which is significant. */
export const sorted = (entries: readonly Values[]): Values[] =>
  entries
    .map((entry) => ({ entry, key: keyOf(entry) }))
    .sort((one, other) => compare(one.key, other.key))
    .map(({ entry }) => entry)
