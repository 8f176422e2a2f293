/** 32-bit numbers from anywhere in the packet. */

import { array, be32, bool8, u32 as number, pair, u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { oneOf, type PacketView, question, type Truth } from '../evaluation'
import { about, match } from '../extension'
import { counted, view } from '../fields'
import { network } from '../native'
import { option } from '../option'
import { hex, readInteger } from '../values/integer'
import { mismatch, type ValueType } from '../values/value'

/** XT_U32_MAXSIZE. Every array has room for one more than iptables uses. */
const MAX = 10

/** linux/netfilter/xt_u32.h */
export const locationElement = struct('struct xt_u32_location_element', 8, { number, nextop: u8 })
export const u32Test = struct('struct xt_u32_test', 180, {
  location: array(locationElement, MAX + 1),
  value: array(pair(number), MAX + 1),
  nnums: u8,
  nvalues: u8,
})

/** Indexed by `nextop`. */
const OPERATORS = ['&', '<<', '>>', '@']
const SHIFTS = ['<<', '>>']

interface Test {
  readonly location: readonly { readonly number: number; readonly nextop: number }[]
  readonly value: readonly (readonly [first: number, last: number])[]
}

const atMost = <T>(list: T[], what: string): T[] =>
  list.length > MAX ? mismatch(`there are more than ${MAX} ${what}`) : list

function readNumber(word: string): number {
  const value = readInteger(word.trim())
  return value === undefined || value > 0xffff_ffff
    ? mismatch(`${JSON.stringify(word)} is not a number of 32 bits`)
    : value
}

function readLocation(word: string): Test['location'] {
  const words = word.split(/(&|<<|>>|@)/)
  const numbers = atMost(words.filter((_, i) => i % 2 === 0).map(readNumber), 'numbers in a location')
  return numbers.map((number, i) => ({ number, nextop: i === 0 ? 0 : OPERATORS.indexOf(words[2 * i - 1] as string) }))
}

function readRange(word: string): [number, number] {
  const [first = '', last = first, ...more] = word.split(':')
  return more.length > 0 ? mismatch() : [readNumber(first), readNumber(last)]
}

function readTest(word: string): Test {
  const [location = '', value, ...more] = word.split('=')
  if (value === undefined || more.length > 0) return mismatch(`${JSON.stringify(word)} is not location=value`)
  return { location: readLocation(location), value: atMost(value.split(',').map(readRange), 'ranges in a value') }
}

function spell({ location, value }: Test): string {
  const numbers = location.map(({ number, nextop }, i) => `${i === 0 ? '' : (OPERATORS[nextop] ?? '?')}${hex(number)}`)
  const ranges = value.map(([first, last]) => (first === last ? hex(first) : `${hex(first)}:${hex(last)}`))
  return `${numbers.join('')}=${ranges.join(',')}`
}

const tests: ValueType<readonly Test[], string> = {
  expects: `up to ${MAX} tests such as 6&0xff=1,4:5, with && in between`,
  quotes: 'always',
  parse: (word) => atMost(word.split('&&').map(readTest), 'tests'),
  format: (value) => value.map(spell).join('&&'),
}

const NOTHING = u32Test.read(new Uint8Array(u32Test.size), 0)
const fill = <T>(slots: readonly T[], list: readonly T[]): T[] => slots.map((slot, i) => list[i] ?? slot)

/** A 32-bit number, of which only some bits may be known. */
interface Word {
  readonly bits: number
  readonly known: number
}

/** The value at a location; 'absent' after the end of the packet. */
function wordAt(packet: PacketView, location: Test['location']): Word | 'absent' | undefined {
  let base = 0
  const read = (offset: number): Word | 'absent' | undefined => {
    const sight = packet.look(network(base + offset, 4))
    return sight && (sight === 'absent' ? sight : { bits: be32.read(sight.bytes, 0), known: be32.read(sight.known, 0) })
  }
  let word = read((location[0] as Test['location'][number]).number)
  for (const { number, nextop } of location.slice(1)) {
    if (word === undefined || word === 'absent') return word
    const { bits, known } = word
    const operator = OPERATORS[nextop]
    if (operator === '&') word = { bits: bits & number, known: known | ~number }
    else if (operator === '<<') word = { bits: bits << number, known: ~(~known << number) }
    else if (operator === '>>') word = { bits: bits >>> number, known: ~(~known >>> number) }
    else {
      if (~known !== 0) return undefined
      base += bits >>> 0
      word = read(number)
    }
  }
  return word
}

/** Whether the number is in one of the ranges; undefined if that depends on unknown bits. */
function isInOneOf({ bits, known }: Word, ranges: readonly (readonly [number, number])[]): Truth {
  const [least, most] = [(bits & known) >>> 0, (bits | ~known) >>> 0]
  const isIn = ranges.map(([first, last]) => {
    if (least >= first && most <= last) return true
    const isOther = first === last && ((bits ^ first) & known) !== 0
    return most < first || least > last || isOther ? false : undefined
  })
  return isIn.includes(true) ? true : isIn.includes(undefined) ? undefined : false
}

export const u32 = match('u32', {
  revisions: { 0: struct('struct xt_u32', 1984, { tests: array(u32Test, MAX + 1), ntests: u8, invert: bool8 }) },
  list: 'u32',
  asks:
    ({ tests: slots, ntests, invert }) =>
    (bytes, at) => {
      const used = counted(ntests, slots, NOTHING).read(bytes, at)
      const isMet = used.map(({ location, value, nnums, nvalues }) => {
        const ranges = value.slice(0, nvalues)
        return question((packet) => {
          const there = wordAt(packet, location.slice(0, nnums))
          return there && (there === 'absent' ? false : isInOneOf(there, ranges))
        })
      })
      return [oneOf([isMet], invert.read(bytes, at))]
    },
  options: ({ tests: slots, ntests, invert }) => {
    const stored = view(
      counted(ntests, slots, NOTHING),
      (list) =>
        list.map(({ location, value, nnums, nvalues }) => ({
          location: location.slice(0, nnums),
          value: value.slice(0, nvalues),
        })),
      (list: readonly Test[]) =>
        list.map(({ location, value }) => ({
          location: fill(NOTHING.location, location),
          value: fill(NOTHING.value, value),
          nnums: location.length,
          nvalues: value.length,
        })),
    )
    return { u32: option(tests, stored, { required: true, negation: invert, list: '[! ]"$"' }) }
  },
  check:
    ({ tests: slots, ntests }) =>
    (bytes, at) => {
      if (ntests.read(bytes, at) > MAX + 1) return about('u32', `there can be at most ${MAX + 1} tests`)
      const used = counted(ntests, slots, NOTHING).read(bytes, at)
      if (used.some(({ nnums, nvalues }) => Math.max(nnums, nvalues) > MAX + 1))
        return about('u32', 'a test is too long')
      const operations = used.flatMap(({ location, nnums }) => location.slice(1, nnums))
      return operations.some(({ nextop, number }) => SHIFTS.includes(OPERATORS[nextop] ?? '') && number > 31)
        ? about('u32', 'a shift must be at most 31 bits')
        : undefined
    },
})
