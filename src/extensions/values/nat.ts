/** What the SNAT and DNAT targets translate to: addresses, ports, or both. */
import { isIPv4 } from 'node:net'
import type { Context } from '../context'
import { formatAddress, parseAddress, shorten } from './address'
import { natPortRange, type PortRange, parsePort } from './port'
import { halves, mismatch, type ValueType } from './value'

type Bytes = Uint8Array

/** Flags that say which parts of a range count. linux/netfilter/nf_nat.h */
export const RANGE = { ADDRESSES: 0x01, PORTS: 0x02, OFFSET: 0x20 } as const

/** Which of the other values count, as bits of {@link RANGE}; the addresses; the ports and the base port. */
export type Translation = readonly [
  what: number,
  where: readonly [addresses: readonly [Bytes, Bytes], ports: readonly [PortRange, base: number]],
]

const has = (what: number, bit: number): boolean => (what & bit) !== 0

/** The halves of `[addresses][:ports]`. IPv6 addresses are in brackets if ports follow. */
function split(word: string, { family }: Context): [string, string | undefined] {
  if (family.name === 'ipv4') return halves(word, ':')
  const [, inside, ports] = /^\[([^\]]*)\](?::(.*))?$/s.exec(word) ?? []
  if (inside !== undefined) return [inside, ports]
  return /^:(?!:)/.test(word) ? ['', word.slice(1)] : [word, undefined]
}

/** An address written in full: no number is omitted or starts with 0. */
function parseFull(word: string, context: Context): Bytes {
  const isFull = context.family.name === 'ipv6' || isIPv4(word)
  return (isFull ? parseAddress(word, context) : undefined) ?? mismatch()
}

function parseAddresses(word: string, context: Context): [Bytes, Bytes] {
  const [first, last] = halves(word, '-')
  const low = parseFull(first, context)
  return [low, last === undefined ? low : parseFull(last, context)]
}

/** A base port needs a range, and is not 0, which in the kernel means that there is none. */
function parsePorts(word: string, context: Context): [PortRange, number] {
  const [range, base] = halves(word, '/')
  if (base === undefined) return [natPortRange.parse(range, context), 0]
  return /^[^-]+-[^-]/.test(range) ? [natPortRange.parse(range, context), parsePort(base) || mismatch()] : mismatch()
}

const formatAddresses = (addresses: readonly Bytes[], context: Context): string => {
  const [first, last] = addresses.map((one) => formatAddress(shorten(one, context), context))
  return first === last ? `${first}` : `${first}-${last}`
}

const NOWHERE = new Uint8Array(16)

/** @param bases whether a base port may follow the ports */
export const translation = ({ bases }: { bases: boolean }): ValueType<Translation, string> => ({
  expects: `[address[-address]][:port[-port${bases ? '[/baseport]' : ''}]], the addresses of IPv6 in brackets before ports`,
  parse(word, context) {
    const [address, port] = split(word, context)
    if (address === '' && port === undefined) return mismatch()
    const addresses = address === '' ? ([NOWHERE, NOWHERE] as const) : parseAddresses(address, context)
    const [ports, base] = port === undefined ? ([[0, 0], 0] as const) : parsePorts(port, context)
    if (base !== 0 && !bases) return mismatch('this target takes no base port')
    const what =
      (address === '' ? 0 : RANGE.ADDRESSES) | (port === undefined ? 0 : RANGE.PORTS) | (base === 0 ? 0 : RANGE.OFFSET)
    return [what, [addresses, [ports, base]]]
  },
  format([what, [addresses, [ports, base]]], context) {
    const address = has(what, RANGE.ADDRESSES) ? formatAddresses(addresses, context) : ''
    if (!has(what, RANGE.PORTS)) return address
    const port = has(what, RANGE.OFFSET) ? `${ports.join('-')}/${base}` : natPortRange.format(ports, context)
    return `${context.family.name === 'ipv6' && address !== '' ? `[${address}]` : address}:${port}`
  },
})
