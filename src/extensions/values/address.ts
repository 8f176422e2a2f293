/** Addresses of both families, with masks and in ranges. Bytes are in network order. */
import type { FamilyName } from '../../abi/family'
import { formatIPv4, formatIPv6, parseIPv6, parsePlainIPv4 } from '../../binary/address'
import type { Extent } from '../../binary/struct'
import type { Context, Listing } from '../context'
import { networkName } from './databases'
import { readInteger } from './integer'
import { halves, mismatch, type ValueType } from './value'

type Bytes = Uint8Array

/** The numbers between the dots, each in any base; undefined if one of them is invalid. */
function dotted(word: string): number[] | undefined {
  const parts = word.split('.').map((part) => (/^[+\s]/.test(part) ? undefined : readInteger(part)))
  return parts.length > 4 || parts.includes(undefined) ? undefined : (parts as number[])
}

/** As inet_aton(3): the last number fills the remaining bytes, so `10.1` is 10.0.0.1. */
function parseFilled(word: string): Bytes | undefined {
  const parts = dotted(word)
  const last = parts?.pop()
  if (parts === undefined || last === undefined || parts.some((part) => part > 255)) return undefined
  const room = 4 - parts.length
  if (last >= 256 ** room) return undefined
  return Uint8Array.of(
    ...parts,
    ...Array.from({ length: room }, (_, i) => Math.floor(last / 256 ** (room - 1 - i)) % 256),
  )
}

/** One number per byte; missing ones are 0, so `10.1` is 10.1.0.0. */
function parseOctets(word: string): Bytes | undefined {
  // The usual form, which this reads ten times as fast.
  const plain = parsePlainIPv4(word)
  if (plain !== undefined) return plain
  const parts = dotted(word)
  if (parts === undefined || parts.some((part) => part > 255)) return undefined
  return Uint8Array.from({ length: 4 }, (_, i) => parts[i] ?? 0)
}

/** As iptables reads it: {@link parseOctets}, unless a number is too large for one byte. */
const parseIPv4 = (word: string): Bytes | undefined => parseOctets(word) ?? parseFilled(word)

/** As {@link parseAddress}, with short IPv4 forms as in inet_aton(3). */
const parseFilledAddress = (word: string, context: Context): Bytes | undefined =>
  context.family.addressSize === 4 ? parseFilled(word) : parseIPv6(word)

/** As {@link parseAddress}, with one number per byte in IPv4. */
const parseOctetsAddress = (word: string, context: Context): Bytes | undefined =>
  context.family.addressSize === 4 ? parseOctets(word) : parseIPv6(word)

/** As {@link parseAddress}, also for the other family. */
const parseAnyAddress = (word: string, context: Context): Bytes | undefined =>
  parseAddress(word, context) ?? parseIPv4(word) ?? parseIPv6(word)

/** The bytes of an address of this family; undefined if `word` is not one. */
export const parseAddress = (word: string, context: Context): Bytes | undefined =>
  context.family.addressSize === 4 ? parseIPv4(word) : parseIPv6(word)

/** Bytes of an address of the family of `context` as text. */
export const formatAddress = (bytes: Bytes, context: Context): string =>
  context.family.addressSize === 4 ? formatIPv4(bytes) : formatIPv6(bytes)

/** By size and length: there are few, and most addresses have one. */
const masks = new Map<number, Bytes>()

/** A mask of `length` leading ones in `size` bytes. Callers must not change it. */
export function prefixMask(length: number, size: number): Bytes {
  const key = size * 256 + length
  const known = masks.get(key)
  if (known !== undefined) return known
  const mask = Uint8Array.from({ length: size }, (_, i) => 0xff & ~(0xff >> Math.min(8, Math.max(0, length - 8 * i))))
  masks.set(key, mask)
  return mask
}

const isOne = (mask: Bytes, bit: number): boolean => ((mask[bit >> 3] as number) & (0x80 >> (bit & 7))) !== 0

/** The number of leading ones; undefined if a one follows a zero. */
export function prefixLength(mask: Bytes): number | undefined {
  const bits = mask.length * 8
  let length = 0
  while (length < bits && isOne(mask, length)) length++
  for (let bit = length; bit < bits; bit++) if (isOne(mask, bit)) return undefined
  return length
}

/** The bytes of `/mask`: a prefix length or an address. */
function parseMask(word: string, context: Context): Bytes {
  const size = context.family.addressSize
  const length = readInteger(word)
  if (length !== undefined) return length <= size * 8 ? prefixMask(length, size) : mismatch('the prefix is too long')
  return parseWhole(word, context) ?? mismatch('the mask is neither a prefix length nor an address')
}

/** The bytes of an address without omitted parts. */
const parseWhole = (word: string, context: Context): Bytes | undefined =>
  context.family.addressSize === 16 || dotted(word)?.length === 4 ? parseAddress(word, context) : undefined

/** IPv4 uses the first four of the sixteen bytes of a `union nf_inet_addr`. */
export const shorten = (bytes: Bytes, context: Context): Bytes => bytes.subarray(0, context.family.addressSize)

/** The bytes of a `union nf_inet_addr` that the family does not use. */
export const unusedAddress = ({ offset, size }: Extent, family: FamilyName): Extent[] =>
  family === 'ipv4' ? [{ offset: offset + 4, size: size - 4 }] : []

const expected = 'an address of the rule’s family'

/** `address[/mask]`; the mask is a prefix length or an address. Address bits outside the mask become 0. */
export const network: ValueType<readonly [Bytes, Bytes], string> = {
  expects: `${expected}[/mask], the mask a prefix length or an address`,
  parse(word, context) {
    const [address, mask] = parseMasked(word, context, parseAnyAddress)
    // No bit of the address counts: 0/0 means any, in IPv6 too.
    if (isZero(mask)) return [mask, mask]
    if (address.length !== mask.length) return mismatch()
    return [isFull(mask) ? address : address.map((byte, i) => byte & (mask[i] as number)), mask]
  },
  format: ([address, mask], context) => `${formatAddress(address, context)}/${formatMask(mask, context)}`,
  formatAt(bytes, at, [address, mask], context) {
    const size = context.family.addressSize
    const [first, second] = [at + (address as number), at + (mask as number)]
    const text = size === 4 ? formatIPv4(bytes, first) : formatIPv6(bytes, first)
    return `${text}/${isFullAt(bytes, second, size) ? size * 8 : formatMask(bytes.subarray(second, second + size), context)}`
  },
  list([address, mask], listing) {
    const decides = listing.family.addressSize === 4 ? mask : address
    return !listing.numeric && isZero(decides) ? 'anywhere' : listMasked(address, mask, listing)
  },
}

/** Whether all bytes are zero. */
export const isZero = (bytes: Bytes): boolean => bytes.every((byte) => byte === 0)

/** An address, or the name of its host or network. */
function listAddress(address: Bytes, listing: Listing): string {
  const number = formatAddress(address, listing)
  return (listing.numeric ? undefined : (listing.hostName(number) ?? networkName(number))) ?? number
}

/** As {@link listAddress}, with the mask unless it is full. */
const listMasked = (address: Bytes, mask: Bytes, listing: Listing): string =>
  `${listAddress(address, listing)}${isFull(mask) ? '' : `/${formatMask(mask, listing)}`}`

/** Checked first because most masks are full. */
function isFullAt(bytes: Bytes, at: number, size: number): boolean {
  for (let i = at; i < at + size; i++) if (bytes[i] !== 0xff) return false
  return true
}

const isFull = (mask: Bytes): boolean => isFullAt(mask, 0, mask.length)

function parseMasked(word: string, context: Context, parse = parseAddress): [Bytes, Bytes] {
  const [first, second] = halves(word, '/')
  const address = parse(first, context) ?? mismatch()
  const full = prefixMask(context.family.addressSize * 8, context.family.addressSize)
  return [address, second === undefined ? full : parseMask(second, context)]
}

const formatMask = (mask: Bytes, context: Context): string => String(prefixLength(mask) ?? formatAddress(mask, context))

const widen = (bytes: Bytes): Bytes => {
  const wide = new Uint8Array(16)
  wide.set(bytes)
  return wide
}

/** One address, in a `union nf_inet_addr`. */
export const inetAddress: ValueType<Bytes, string> = {
  expects: expected,
  parse: (word, context) => widen(parseFilledAddress(word, context) ?? mismatch()),
  format: (bytes, context) => formatAddress(shorten(bytes, context), context),
  list: (bytes, listing) => listAddress(shorten(bytes, listing), listing),
}

/** An address and how many of its leading bits count. */
export type Prefix = readonly [address: Bytes, length: number]

/** `address[/length]`, with the address as given. A mask of leading ones may replace the length. */
export const addressPrefix: ValueType<Prefix, string> = {
  expects: `${expected}[/mask], the mask a prefix length or a contiguous netmask`,
  parse(word, context) {
    const [address, mask] = parseMasked(word, context, parseFilledAddress)
    return [address, prefixLength(mask) ?? mismatch('the mask is not contiguous')]
  },
  format: ([address, length], context) => `${formatAddress(shorten(address, context), context)}/${length}`,
}

/** `first[-last]` in two `union nf_inet_addr`. */
export const addressRange: ValueType<readonly [Bytes, Bytes], string> = {
  expects: `${expected}, or two of them with - in between`,
  parse(word, context) {
    const [first, last] = halves(word, '-')
    const low = parseOctetsAddress(first, context) ?? mismatch()
    return [widen(low), widen(last === undefined ? low : (parseOctetsAddress(last, context) ?? mismatch()))]
  },
  format: ([first, last], context) =>
    `${formatAddress(shorten(first, context), context)}-${formatAddress(shorten(last, context), context)}`,
}

/**
 * `address[/mask]` in two `union nf_inet_addr`, with the address as given. Without a mask, all sixteen mask
 * bytes are ones, in IPv4 too.
 */
export const maskedAddress: ValueType<readonly [Bytes, Bytes], string> = {
  expects: network.expects,
  parse(word, context) {
    const [address, mask] = parseMasked(word, context, parseFilledAddress)
    return [widen(address), word.includes('/') ? widen(mask) : new Uint8Array(16).fill(0xff)]
  },
  format([address, mask], context) {
    const short = shorten(mask, context)
    const text = formatAddress(shorten(address, context), context)
    return isFull(short) ? text : `${text}/${formatMask(short, context)}`
  },
  list([address, mask], listing) {
    const isAny = !listing.numeric && isZero(shorten(address, listing))
    return isAny ? 'anywhere' : listMasked(shorten(address, listing), shorten(mask, listing), listing)
  },
}

/** A mask in a `union nf_inet_addr`, written as an address. */
export const addressMask: ValueType<Bytes, string> = {
  expects: `a mask written as ${expected}`,
  parse: (word, context) => widen(parseWhole(word, context) ?? mismatch()),
  format: (mask, context) => formatAddress(shorten(mask, context), context),
}

/** A mask in a `union nf_inet_addr`, written as a prefix length if possible. */
export const prefix: ValueType<Bytes> = {
  expects: 'a prefix length, or a mask written as an address of the rule’s family',
  parse: (word, context) => widen(parseMask(word, context)),
  format: (mask, context) => formatMask(shorten(mask, context), context),
}

/** A prefix length, given as a number or a mask. */
export const prefixBits: ValueType<number> = {
  expects: prefix.expects,
  parse: (word, context) => prefixLength(parseMask(word, context)) ?? mismatch('the mask is not contiguous'),
  format: String,
}

/** As {@link maskedAddress}, but a full mask is printed too, and nothing is printed as a name. */
export const prefixedAddress: ValueType<readonly [Bytes, Bytes], string> = {
  expects: network.expects,
  parse: maskedAddress.parse,
  format: ([address, mask], context) =>
    `${formatAddress(shorten(address, context), context)}/${formatMask(shorten(mask, context), context)}`,
}

/** A comma list of up to `max` addresses. */
export const addressList = (max: number): ValueType<readonly Bytes[], string> => ({
  expects: `a comma list of up to ${max} addresses of the rule’s family`,
  parse(word, context) {
    const addresses = word
      .split(',')
      .map((one) => parseAddress(one, context) ?? mismatch(`${JSON.stringify(one)} is not an address`))
    return addresses.length <= max ? addresses : mismatch('there are too many addresses')
  },
  format: (addresses, context) => addresses.map((one) => formatAddress(one, context)).join(','),
})
