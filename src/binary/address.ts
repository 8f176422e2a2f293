/** Converts addresses between text and bytes in network order. */
import type { Codec } from './codec'

const groups = (text: string): number[] =>
  text === ''
    ? []
    : text.split(':').flatMap((group) => {
        if (!group.includes('.')) return [Number.parseInt(group, 16)]
        const [a, b, c, d] = group.split('.').map(Number) as [number, number, number, number]
        return [(a << 8) | b, (c << 8) | d]
      })

/** The value of a digit, or -1 for another character. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

const COLON = 0x3a

/**
 * The bytes of an IPv6 address that consists only of hexadecimal groups, as most do. This takes a quarter of the time of
 * the general function. Undefined if `word` is anything else.
 */
export function parsePlainIPv6(word: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16)
  let [count, gap, group, digits] = [0, -1, 0, 0]
  const take = (): boolean => {
    if (count === 8) return false
    bytes[2 * count] = group >> 8
    bytes[2 * count + 1] = group
    count++
    group = digits = 0
    return true
  }
  for (let i = word.startsWith('::') ? 1 : 0; i < word.length; i++) {
    const code = word.charCodeAt(i)
    if (code !== COLON) {
      const digit = hexDigit(code)
      if (digit < 0 || digits === 4) return undefined
      group = (group << 4) | digit
      digits++
    } else if (digits > 0) {
      if (!take()) return undefined
    } else {
      // `::`, which abbreviates zeros.
      if (gap >= 0 || (i === 0 && count === 0)) return undefined
      gap = count
    }
  }
  if (digits > 0 ? !take() : gap !== count) return undefined
  if (gap < 0) return count === 8 ? bytes : undefined
  if (count === 8) return undefined
  const behind = 2 * (count - gap)
  bytes.copyWithin(16 - behind, 2 * gap, 2 * count)
  bytes.fill(0, 2 * gap, 16 - behind)
  return bytes
}

/** The bytes of an address without a zone; undefined if `word` is not an address. */
export function parseIPv6(word: string): Uint8Array | undefined {
  return parsePlainIPv6(word) ?? parseAnyIPv6(word)
}

function parseAnyIPv6(word: string): Uint8Array | undefined {
  // Loaded only when needed, because loading takes long.
  const { isIPv6 } = require('node:net') as typeof import('node:net')
  if (!isIPv6(word) || word.includes('%')) return undefined
  const [head, tail] = word.includes('::') ? word.split('::') : [word, undefined]
  const [left, right] = [groups(head as string), tail === undefined ? [] : groups(tail)]
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

const [DOT, ZERO] = [0x2e, 0x30] as const

/**
 * Writes the four bytes of an IPv4 address in its plain form: four decimal numbers without leading zeros.
 * @returns whether `word` is one; where it is not, some bytes may have been written
 */
function writePlainIPv4(bytes: Uint8Array, at: number, word: string): boolean {
  let number = 0
  let digits = 0
  let dots = 0
  for (let i = 0; i < word.length; i++) {
    const code = word.charCodeAt(i)
    if (code === DOT) {
      if (digits === 0 || dots === 3) return false
      bytes[at + dots++] = number
      number = digits = 0
      continue
    }
    const digit = code - ZERO
    if (digit < 0 || digit > 9 || (digits > 0 && number === 0)) return false
    number = number * 10 + digit
    digits++
    if (number > 0xff) return false
  }
  if (dots !== 3 || digits === 0) return false
  bytes[at + 3] = number
  return true
}

const scratch = new Uint8Array(4)

/** Whether {@link parsePlainIPv4} gives bytes, without making any. */
export const isPlainIPv4 = (word: string): boolean => writePlainIPv4(scratch, 0, word)

/** The bytes of an IPv4 address in its plain form; undefined if `word` is anything else. */
export function parsePlainIPv4(word: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4)
  return writePlainIPv4(bytes, 0, word) ? bytes : undefined
}

/** @param at where its four bytes begin */
export const formatIPv4 = (bytes: Uint8Array, at = 0): string =>
  `${DECIMAL[bytes[at] as number]}.${DECIMAL[bytes[at + 1] as number]}.${DECIMAL[bytes[at + 2] as number]}.${DECIMAL[bytes[at + 3] as number]}`

const DECIMAL = Array.from({ length: 0x100 }, (_, byte) => String(byte))

const HEX = Array.from({ length: 0x100 }, (_, byte) => byte.toString(16))
/** The byte as two hexadecimal digits. */
const LOW = Array.from(HEX, (digits) => digits.padStart(2, '0'))

/** The group of 16 bits at `at`, without leading zeros. */
const formatGroup = (bytes: Uint8Array, at: number): string =>
  bytes[at] === 0
    ? (HEX[bytes[at + 1] as number] as string)
    : `${HEX[bytes[at] as number]}${LOW[bytes[at + 1] as number]}`

const isZeroGroup = (bytes: Uint8Array, at: number): boolean => bytes[at] === 0 && bytes[at + 1] === 0

/** The groups of 16 bits from `from` up to, but not including, `to`. */
function formatGroups(bytes: Uint8Array, at: number, from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++)
    text += i === from ? formatGroup(bytes, at + 2 * i) : `:${formatGroup(bytes, at + 2 * i)}`
  return text
}

/**
 * The text that inet_ntop(3) writes, with the IPv4 tail of ::a.b.c.d and ::ffff:a.b.c.d. The longest run of zeros is
 * abbreviated; of equally long runs, the first. A single zero is not a run.
 * @param at where its sixteen bytes begin
 */
export function formatIPv6(bytes: Uint8Array, at = 0): string {
  let [start, length] = [8, 1]
  for (let first = 0; first < 8; first++) {
    let next = first
    while (next < 8 && isZeroGroup(bytes, at + 2 * next)) next++
    if (next - first > length) [start, length] = [first, next - first]
    if (next > first) first = next
  }
  if (start === 0 && (length === 6 || (length === 5 && bytes[at + 10] === 0xff && bytes[at + 11] === 0xff)))
    return `::${length === 5 ? 'ffff:' : ''}${formatIPv4(bytes, at + 12)}`
  if (start === 8) return formatGroups(bytes, at, 0, 8)
  return `${formatGroups(bytes, at, 0, start)}::${formatGroups(bytes, at, start + length, 8)}`
}

/** `struct in_addr`, as text. */
export const ipv4Text: Codec<string> = {
  size: 4,
  align: 4,
  read: formatIPv4,
  write: (bytes, at, text) => void (writePlainIPv4(bytes, at, text) || noAddress(text)),
}

/** `struct in6_addr`, as text. */
export const ipv6Text: Codec<string> = {
  size: 16,
  align: 4,
  read: formatIPv6,
  write: (bytes, at, text) => bytes.set(parseIPv6(text) ?? noAddress(text), at),
}

const noAddress = (text: string): never => {
  throw new RangeError(`${JSON.stringify(text)} is no address`)
}
