/** Addresses, networks and ranges of addresses, as ipset(8) reads them. */
import type { FamilyName } from '../../abi/family'
import { formatIPv4, formatIPv6, isPlainIPv4, parseIPv6, parsePlainIPv4 } from '../../binary/address'
import { readNumber } from './numbers'
import { syntax } from './text-errors'

export type Resolve = (name: string, family: FamilyName) => string | undefined

/** The context in which a word is parsed. */
export interface Reading {
  readonly family: FamilyName | 'any'
  /** The name of the set type, such as `hash:ip`. */
  readonly type: string
  readonly command: 'create' | 'add' | 'del' | 'test'
  /** The revision of the set; for `create`, the newest revision of the type that the kernel supports. */
  readonly revision: number
  /** Resolves a host name to its first address; undefined if it has none. */
  readonly resolve: Resolve
}

export const familyWord = (family: FamilyName | 'any'): string =>
  family === 'any' ? 'unspec' : family === 'ipv6' ? 'inet6' : 'inet'

const PART = /^(0[0-7]*|[1-9]\d*)$/

/** Parses decimal and octal numbers as inet_aton(3) does: the last number fills all remaining bytes. */
function readFilled(word: string): Uint8Array | undefined {
  const parts = word.split('.').map((part) => (PART.test(part) ? Number.parseInt(part, part[0] === '0' ? 8 : 10) : -1))
  const last = parts.pop() as number
  const room = 4 - parts.length
  if (room < 1 || last < 0 || last >= 256 ** room || parts.some((part) => part < 0 || part > 255)) return undefined
  const tail = Array.from({ length: room }, (_, i) => Math.floor(last / 256 ** (room - 1 - i)) % 256)
  return Uint8Array.of(...parts, ...tail)
}

/** A name that may resolve. The resolver would accept hexadecimal numbers as addresses; ipset does not. */
const NAME = /^(?!(0x[\da-f]*|\d+)(\.|$))(?=.*[a-z])[\w.-]{1,255}$/i

function lookUp(word: string, { family, resolve }: Reading): string | undefined {
  if (family !== 'ipv6' && /^[\d.]+$/.test(word)) {
    const bytes = readFilled(word)
    return bytes && formatIPv4(bytes)
  }
  if (family === 'ipv6' && word.includes(':')) {
    const bytes = parseIPv6(word)
    return bytes && formatIPv6(bytes)
  }
  return NAME.test(word) ? resolve(word, family === 'ipv6' ? 'ipv6' : 'ipv4') : undefined
}

/** Reads one address or host name. @throws SetTextError */
export function readAddress(word: string, reading: Reading): string {
  if (reading.family !== 'ipv6' && isPlainIPv4(word)) return word
  const found = lookUp(word, reading)
  if (found !== undefined) return found
  throw syntax(`cannot parse ${word}: resolving to ${reading.family === 'ipv6' ? 'IPv6' : 'IPv4'} address failed`)
}

/** A word split at a separator. Unless the separator is inside the word, `first` is the whole word and the others are empty. */
interface Halves {
  readonly first: string
  readonly separator: string
  readonly rest: string
}

export function parted(word: string, separator: string): Halves {
  const at = separator === '' ? -1 : word.indexOf(separator)
  const isInside = at > 0 && at < word.length - 1
  return isInside
    ? { first: word.slice(0, at), separator, rest: word.slice(at + 1) }
    : { first: word, separator: '', rest: '' }
}

/** As {@link parted}, but does not split inside brackets, which can enclose a name with hyphens. @throws SetTextError */
export function halves(word: string, separator: string): Halves {
  if (!word.startsWith('[')) return parted(word, separator)
  const end = word.indexOf(']')
  if (end < 0) throw syntax(`cannot find closing escape character ']' in ${word}`)
  const next = word.charAt(end + 1)
  if (next !== '' && next !== separator) throw syntax(`range separator expected after '${word.slice(0, end + 1)}'`)
  return { first: word.slice(0, end + 1), separator: next, rest: word.slice(end + 2) }
}

/** Splits a network at its slash, or a range at its hyphen. */
function addressHalves(word: string): Halves {
  const network = parted(word, '/')
  return network.separator === '' ? halves(word, '-') : network
}

/** @throws SetTextError */
const unbracketed = (word: string): string => /^\[(.*)\]$/s.exec(halves(word, '').first)?.[1] ?? word

const bytesOf = (text: string): Uint8Array => (parsePlainIPv4(text) ?? parseIPv6(text)) as Uint8Array

/** @returns a negative number if the first address is lower */
export const compareAddresses = (one: string, other: string): number => Buffer.compare(bytesOf(one), bytesOf(other))

interface Several {
  readonly first: string
  readonly length: number | undefined
  readonly last: string | undefined
}

function readSeveral(word: string, reading: Reading): Several {
  if (reading.family !== 'ipv6' && isPlainIPv4(word)) return { first: word, length: undefined, last: undefined }
  const { first, separator, rest } = addressHalves(word)
  const address = readAddress(unbracketed(first), reading)
  const full = fullLength(reading)
  if (separator === '/') {
    const length = readLength(rest, full)
    return { first: address, length: length === full ? undefined : length, last: undefined }
  }
  if (separator === '') return { first: address, length: undefined, last: undefined }
  const last = readAddress(unbracketed(rest), reading)
  const [low, high] = compareAddresses(address, last) <= 0 ? [address, last] : [last, address]
  return { first: low, length: undefined, last: high }
}

/** @throws SetTextError; for a negative number it names the range of a byte, as ipset does */
const readLength = (word: string, full: number): number => readNumber(word, 0, word.startsWith('-') ? 0xff : full)

const fullLength = ({ family }: Reading): number => (family === 'ipv6' ? 128 : 32)

const written = ({ first, length, last }: Several): string =>
  last !== undefined ? `${first}-${last}` : length !== undefined ? `${first}/${length}` : first

function isOne(word: string, reading: Reading): boolean {
  const { separator, rest } = addressHalves(word)
  const full = String(fullLength(reading))
  return separator === '' || (separator === '/' && rest.replace(/^\s*\+?/, '') === full)
}

/** Reads one address, with or without its full prefix length. @throws SetTextError */
export function readHost(word: string, reading: Reading): string {
  if (!isOne(word, reading)) throw syntax(`plain IP address must be supplied: ${word}`)
  return readSeveral(word, reading).first
}

/** Reads one address; in IPv4, also all addresses of a network or range. @throws SetTextError */
export function readHosts(word: string, reading: Reading): string {
  if (reading.family === 'ipv6') return readHost(word, reading)
  return written(readSeveral(word, reading))
}

/** Whether there is text on both sides of a hyphen, even if that is the sign of a negative prefix length. @throws SetTextError */
function isRange(word: string): boolean {
  const { separator, rest } = word.startsWith('[') ? addressHalves(word) : parted(word, '-')
  return separator === '-' && rest !== ''
}

/** Reads a network; in IPv4, also a range. @throws SetTextError */
export function readNetwork(word: string, reading: Reading): string {
  if (reading.family === 'ipv6' && isRange(word)) throw syntax(`IP address or IP/cidr must be specified: ${word}`)
  return written(readSeveral(word, reading))
}

/** Reads the address range that a bitmap covers. @throws SetTextError */
export function readRange(word: string, reading: Reading): string {
  const { separator } = addressHalves(word)
  if (separator === '') throw syntax(`IP/cidr or IP-IP range must be specified: ${word}`)
  const several = readSeveral(word, reading)
  return several.length === undefined && several.last === undefined ? `${several.first}/32` : written(several)
}

/** @throws SetTextError */
export function readNetblock(word: string, reading: Reading): string {
  if (addressHalves(word).separator !== '/') throw syntax(`IP/netblock must be supplied: ${word}`)
  return readRange(word, reading)
}
