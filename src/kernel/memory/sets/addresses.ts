/** Addresses as numbers, and the networks that contain them. */
import type { FamilyName } from '../../../abi/family'
import { formatIPv6, parseIPv6, parsePlainIPv4 } from '../../../binary/address'

export const BITS = { ipv4: 32, ipv6: 128 } as const

export const familyOf = (text: string): FamilyName => (text.includes(':') ? 'ipv6' : 'ipv4')

/** @param text an address as in messages */
export function toNumber(text: string): bigint {
  const bytes = (familyOf(text) === 'ipv6' ? parseIPv6(text) : parsePlainIPv4(text)) as Uint8Array
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

export function toText(address: bigint, family: FamilyName): string {
  if (family === 'ipv4') return textOfIPv4(Number(address))
  const bytes = Uint8Array.from(Buffer.from(address.toString(16).padStart(BITS[family] / 4, '0'), 'hex'))
  return formatIPv6(bytes)
}

/** Without an intermediate byte array, because a range may contain many addresses. */
const textOfIPv4 = (address: number): string =>
  `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`

/** The mask of a prefix of this length. */
export const prefixMask = (length: number, family: FamilyName): bigint =>
  ((1n << BigInt(length)) - 1n) << BigInt(BITS[family] - length)

/** @param address as text */
export const masked = (address: string, mask: bigint): string => toText(toNumber(address) & mask, familyOf(address))

/** The address of the network of this prefix length that contains an address. */
export const networkOf = (address: string, length: number): string =>
  length === BITS[familyOf(address)] ? address : masked(address, prefixMask(length, familyOf(address)))

export const isZero = (address: string): boolean => address === '0.0.0.0' || address === '::'

/**
 * The fewest networks that exactly cover a range of IPv4 addresses, in order. While half of all addresses or more would
 * remain after a network, Linux takes a single address instead.
 */
export function* networksIn(first: bigint, last: bigint): Generator<{ address: bigint; length: number }> {
  for (let at = first; at <= last; ) {
    let length = 1
    while (length < BITS.ipv4 && !begins(at, last, blockOf(length))) length++
    yield { address: at, length }
    at += blockOf(length) + 1n
  }
}

function begins(at: bigint, last: bigint, block: bigint): boolean {
  const left = last - (at | block)
  return (at & block) === 0n && left >= 0n && left < HALF
}

const HALF = 1n << 31n

/** The host bits of an IPv4 prefix. */
const blockOf = (length: number): bigint => (1n << BigInt(BITS.ipv4 - length)) - 1n
