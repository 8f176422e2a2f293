/** Reads and prints each kind of field as text, alike for all set types, in entries and in create options. */
import { IPSET_MAX_COMMENT_SIZE, SET_NAME_SIZE } from '../../abi/ip-set'
import { IFNAMSIZ } from '../../abi/netfilter'
import { encodeText } from '../../binary/text'
import { type Kind, MAX_COUNT } from '../fields'
import type { AnyField } from '../types'
import { familyWord, type Reading, readAddress, readHost, readHosts, readNetwork, readRange } from './addresses'
import { readBig, readNumber } from './numbers'
import { printPorts, printProtocolAndPort, readBarePort, readProtocolAndPort } from './ports'
import { refused, syntax } from './text-errors'

/** Values by field name. */
export type Values = Record<string, unknown>
type Fields = Readonly<Record<string, AnyField<never>>>

/** A field, and all fields of the same entry or create options. */
export interface Placed {
  readonly name: string
  readonly field: AnyField<never>
  readonly fields: Fields
}

export interface Text {
  /** The placeholder for its value in the help text; empty if it has none. */
  readonly shown: string
  /** @throws SetTextError */
  read(word: string, to: Values, placed: Placed, reading: Reading): void
  print(from: Values, placed: Placed): string
}

type Read = (word: string, reading: Reading, field: AnyField<never>) => unknown

/** The text of a field that does not depend on other fields. */
const plain = (shown: string, read: Read, print: (value: unknown) => string = String): Text => ({
  shown,
  read(word, to, { name, field }, reading) {
    to[name] = read(word, reading, field)
  },
  print: (from, { name }) => print(from[name]),
})

const hex = (value: unknown, digits = 1): string => `0x${(value as number).toString(16).padStart(digits, '0')}`

const readBounded = (word: string, _: Reading, { bounds: [min, max] = [0, 0] }: AnyField<never>): number =>
  readNumber(word, min, max)

/** @throws SetTextError */
export function readSetName(word: string): string {
  if (encodeText(word).length < SET_NAME_SIZE) return word
  throw syntax(`setname '${word}' is longer than ${SET_NAME_SIZE - 1} characters`)
}

function readPrefix(word: string, { family }: Reading): number {
  const max = family === 'ipv6' ? 128 : 32
  return explained(`netmask is out of the inclusive range of 1-${max}`, () => readNumber(word, 1, max))
}

const readMask = (word: string, reading: Reading): string =>
  explained(`bitmask is not valid for family = ${familyWord(reading.family)}`, () => readAddress(word, reading))

/** Appends a line to the message if `read` throws. */
function explained<T>(more: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw refused(`${(error as Error).message}\nSyntax error: ${more}`)
  }
}

function readComment(word: string): string {
  if (word.includes('"')) throw syntax('" character is not permitted in comments')
  if (encodeText(word).length > IPSET_MAX_COMMENT_SIZE)
    throw syntax(`Comment is longer than the maximum allowed ${IPSET_MAX_COMMENT_SIZE} characters`)
  return word
}

/** One byte as strtoul(3) reads it with base 16. */
const MAC_BYTE = /^\+?(?:0x)?0*([\da-f]{1,2})$/i
const [MAC_BYTES, MAC_LENGTH] = [6, '00:11:22:33:44:55'.length]

function readMac(word: string): string {
  const bytes = word.split(':').map((byte) => MAC_BYTE.exec(byte)?.[1]?.padStart(2, '0').toLowerCase())
  if (bytes.length !== MAC_BYTES || bytes.includes(undefined) || word.length > MAC_LENGTH)
    throw syntax(`cannot parse '${word}' as ethernet address`)
  return bytes.join(':')
}

const PHYSDEV = 'physdev:'

const iface: Text = {
  shown: '[physdev:]IFACE',
  read(word, to, { name }) {
    const isPort = word.startsWith(PHYSDEV)
    const one = isPort ? word.slice(PHYSDEV.length) : word
    if (one === '') throw syntax(`the name of the interface is missing in '${word}'`)
    if (encodeText(one).length >= IFNAMSIZ)
      throw syntax(`interface name '${one}' is longer than ${IFNAMSIZ - 1} characters`)
    to[name] = one
    if (isPort) to['physdev'] = true
  },
  print: (from, { name }) => `${from['physdev'] ? PHYSDEV : ''}${from[name]}`,
}

const port: Text = {
  shown: '[PROTO:]PORT',
  read(word, to, { name, fields }, reading) {
    if (!('protocol' in fields)) to[name] = readBarePort(word, reading)
    else Object.assign(to, readProtocolAndPort(word, reading))
  },
  print: (from, { name }) =>
    from['protocol'] === undefined
      ? printPorts(from[name])
      : printProtocolAndPort(from['protocol'] as string | number, from[name]),
}

const FULL_MASK = 0xffff_ffff
const SKBMARK = /^0x([\da-fA-F]{1,8})(?:\/0x([\da-fA-F]{1,8}))?$/

function readSkbmark(word: string): readonly [number, number] {
  const [, mark, mask = 'ffffffff'] = SKBMARK.exec(word) ?? []
  if (mark === undefined) throw syntax('Invalid skbmark format, it should be:  MARK/MASK or MARK (see manpage)')
  return [Number.parseInt(mark, 16), Number.parseInt(mask, 16)]
}

const SKBPRIO = /^(?:0x)?([\da-f]{1,4}):(?:0x)?([\da-f]{1,4})$/i

function readSkbprio(word: string): readonly [number, number] {
  const [, major, minor] = SKBPRIO.exec(word) ?? []
  if (major === undefined || minor === undefined)
    throw syntax('Invalid skbprio format, it should be:MAJOR:MINOR (see manpage)')
  return [Number.parseInt(major, 16), Number.parseInt(minor, 16)]
}

const pair = (value: unknown): readonly [number, number] => value as readonly [number, number]

const printSkbmark = (value: unknown): string => {
  const [mark, mask] = pair(value)
  return mask === FULL_MASK ? hex(mark) : `${hex(mark)}/${hex(mask)}`
}

const printSkbprio = (value: unknown): string =>
  pair(value)
    .map((half) => half.toString(16))
    .join(':')

/** For flags, which have no value, and for fields that are written together with another. */
const NONE: Text = {
  shown: '',
  read: () => {},
  print: () => '',
}

export const TEXTS: Readonly<Record<Kind, Text>> = {
  number: plain('VALUE', readBounded),
  bits: plain('VALUE', readBounded, (value) => hex(value, 8)),
  prefix: plain('CIDR', readPrefix),
  mask: plain('MASK', readMask),
  count: plain('VALUE', (word) => readBig(word, 0n, MAX_COUNT)),
  flag: NONE,
  protocol: NONE,
  comment: plain('"string"', readComment, (value) => `"${value}"`),
  set: plain('NAME', readSetName),
  iface,
  mac: plain('MAC', readMac, (value) => String(value).toUpperCase()),
  skbmark: plain('VALUE', readSkbmark, printSkbmark),
  skbprio: plain('VALUE', readSkbprio, printSkbprio),
  port,
  portRange: plain('[PROTO:]FROM-TO', readBarePort, printPorts),
  host: plain('IP', readHost),
  loneHost: plain('IP', readHosts),
  hosts: plain('IP|IP/CIDR|FROM-TO', readHosts),
  network: plain('IP[/CIDR]|FROM-TO', readNetwork),
  addressRange: plain('IP/CIDR|FROM-TO', readRange),
}
