/** The IPsec policy by which a packet was decapsulated, or will be encapsulated. */

import { NO_IN, NO_OUT } from '../../abi/netfilter'
import { array, type Field, raw, u8, u16, u32 } from '../../binary/codec'
import { bit, both, elementOf, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { about, match } from '../extension'
import { bits } from '../fields'
import { flag, option } from '../option'
import { sections } from '../repeated-options'
import { maskedAddress, unusedAddress } from '../values/address'
import { bits32, integer } from '../values/integer'
import { name } from '../values/names'
import { namedProtocol, protocol } from '../values/protocol'
import { mismatch, type ValueType } from '../values/value'

const policyAddr = raw(16, 4)

/** linux/netfilter/xt_policy.h; `match` and `invert` are bit fields. */
export const policyElement = struct('struct xt_policy_elem', 76, {
  saddr: policyAddr,
  smask: policyAddr,
  daddr: policyAddr,
  dmask: policyAddr,
  spi: u32,
  reqid: u32,
  proto: u8,
  mode: u8,
  match: u8,
  invert: u8,
})
const NUMBERS = ['', '2', '3', '4'] as const
const elementsOf = (pol: Field<unknown>) => NUMBERS.map((_, i) => elementOf(pol, policyElement, i))
type Element = ReturnType<typeof elementsOf>[number]

const DIRECTIONS = { in: 0x1, out: 0x2 }
const [NONE, STRICT] = [0x4, 0x8] as const
const [SADDR, DADDR, PROTO, MODE, SPI, REQID] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20] as const
const MODES = { transport: 0, tunnel: 1 }

const address: typeof maskedAddress = { ...maskedAddress, list: maskedAddress.format }
const transform: ValueType<number> = {
  ...namedProtocol,
  expects: 'esp, ah or ipcomp, or the number of one of them',
  parse(word, context) {
    const number = protocol.parse(word, context)
    return [50, 51, 108].includes(number) ? number : mismatch()
  },
}

interface Stored {
  readonly pol: Field<unknown>
  readonly flags: Field<number>
  readonly len: Field<number>
}

/** The list of elements. It is empty with `--pol none`, and otherwise has at least one element. */
function listOf({ pol, flags, len }: Stored) {
  const elements = elementsOf(pol)
  const none = bit(flags, NONE)
  const resize = (bytes: Uint8Array, at: number, least: number): void => {
    const used = elements.findLastIndex(({ match }) => match.read(bytes, at) !== 0) + 1
    len.write(bytes, at, none.read(bytes, at) ? 0 : Math.max(1, least, used))
  }
  return {
    elements,
    isNone: {
      ...none,
      write(bytes: Uint8Array, at: number, truth: boolean) {
        if (truth && len.read(bytes, at) > 1) mismatch('--pol none takes no elements')
        none.write(bytes, at, truth)
        resize(bytes, at, len.read(bytes, at))
      },
    },
    /** Whether the element at `index` is the last one and has no options: then only the length of the list shows that it exists. */
    isBareEnd: (index: number): Field<boolean> => ({
      ...none,
      read: (bytes, at) => len.read(bytes, at) === index + 1 && elements[index]?.match.read(bytes, at) === 0,
      write: () => undefined,
    }),
    /** A flag of the element at `index`. Setting it extends the list to that element; clearing it can shorten the list. */
    within: (index: number, field: Field<boolean>): Field<boolean> => ({
      ...field,
      read: (bytes, at) => index < Math.max(1, len.read(bytes, at)) && field.read(bytes, at),
      write(bytes, at, truth) {
        if (truth && index > 0 && none.read(bytes, at)) mismatch('--pol none takes no elements')
        field.write(bytes, at, truth)
        resize(bytes, at, truth ? Math.max(index + 1, len.read(bytes, at)) : 1)
      },
    }),
  }
}

export const policy = match('policy', {
  revisions: {
    0: struct('struct xt_policy_info', 308, { pol: array(policyElement, NUMBERS.length), flags: u16, len: u16 }),
  },
  unused: ({ pol }, family) =>
    elementsOf(pol).flatMap(({ saddr, smask, daddr, dmask }) =>
      [saddr, smask, daddr, dmask].flatMap((field) => unusedAddress(field, family)),
    ),
  list:
    ({ len }) =>
    ({ bytes, at, texts: { dir, pol, strict, ...texts } }) => {
      const count = len.read(bytes, at)
      const said = NUMBERS.flatMap((number, i) => [
        count > 1 && i < count ? `[${i}]` : '',
        ...Object.keys(texts).map((name) => (name.replace(/^\D*/, '') === number ? texts[name] : '')),
      ])
      return ['policy match', dir, pol, strict, ...said].filter(Boolean).join(' ')
    },
  translate:
    ({ pol, flags, len }) =>
    (bytes, at) => {
      const isSet = (mask: number): boolean => (flags.read(bytes, at) & mask) !== 0
      const isBare = elementsOf(pol).every(({ match }) => match.read(bytes, at) === 0) && len.read(bytes, at) <= 1
      if (!isSet(DIRECTIONS.in) || isSet(STRICT) || !isBare) return undefined
      return `meta secpath ${isSet(NONE) ? 'missing' : 'exists'}`
    },
  asks: circumstance('which IPsec policy is for it'),
  options: (at) => {
    const { elements, isNone, isBareEnd, within } = listOf(at)
    return {
      dir: option(name(DIRECTIONS), bits(at.flags, DIRECTIONS.in | DIRECTIONS.out), { required: true }),
      pol: option(name({ ipsec: false, none: true }), isNone, { always: true }),
      strict: flag(bit(at.flags, STRICT)),
      ...sections('next', NUMBERS, (index) => {
        const { saddr, smask, daddr, dmask, spi, reqid, proto, mode, match, invert } = elements[index] as Element
        const stored = (mask: number) => ({ present: within(index, bit(match, mask)), negation: bit(invert, mask) })
        return {
          isBare: within(index, isBareEnd(index)),
          options: {
            reqid: option(integer(0xffff_ffff), reqid, stored(REQID)),
            spi: option(bits32, spi, stored(SPI)),
            proto: option(transform, proto, stored(PROTO)),
            mode: option(name(MODES), mode, stored(MODE)),
            'tunnel-dst': option(address, both(daddr, dmask), stored(DADDR)),
            'tunnel-src': option(address, both(saddr, smask), stored(SADDR)),
          },
        }
      }),
    }
  },
  check:
    ({ flags, len }) =>
    (bytes, at, { hooks }) => {
      const isFor = (direction: number): boolean => (flags.read(bytes, at) & direction) !== 0
      if (len.read(bytes, at) > NUMBERS.length) return about('next4', `there can be at most ${NUMBERS.length} elements`)
      if (!isFor(DIRECTIONS.in | DIRECTIONS.out)) return about('dir', 'must be in or out')
      if (isFor(DIRECTIONS.in) && hooks.some((hook) => NO_IN.includes(hook)))
        return about('dir', `--dir in cannot be used in ${NO_IN.join(' or ')}`)
      return isFor(DIRECTIONS.out) && hooks.some((hook) => NO_OUT.includes(hook))
        ? about('dir', `--dir out cannot be used in ${NO_OUT.join(' or ')}`)
        : undefined
    },
  usage:
    ({ pol, flags, len }) =>
    (bytes, at) => {
      const isSet = (mask: number): boolean => (flags.read(bytes, at) & mask) !== 0
      const count = len.read(bytes, at)
      const given = elementsOf(pol).map(({ match }) => match.read(bytes, at))
      if (isSet(NONE) && (isSet(STRICT) || given.some(Boolean)))
        return about('pol', '--pol none takes neither --strict nor elements')
      if (count > 1 && !isSet(STRICT)) return about('next2', '--next needs --strict')
      if (isSet(STRICT) && given.slice(0, count).includes(0))
        return about('strict', 'with --strict, each element needs an option')
      const isTunnel = elementsOf(pol).map(
        ({ mode, invert }, i) =>
          ((given[i] ?? 0) & MODE) !== 0 &&
          (mode.read(bytes, at) === MODES.tunnel) !== ((invert.read(bytes, at) & MODE) !== 0),
      )
      return given.some((mask, i) => (mask & (SADDR | DADDR)) !== 0 && !isTunnel[i])
        ? about('mode', '--tunnel-src and --tunnel-dst need --mode tunnel')
        : undefined
    },
})
