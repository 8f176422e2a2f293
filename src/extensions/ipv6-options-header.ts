/** Shared by the matches on IPv6's two options headers (`hbh`, `dst`). linux/netfilter_ipv6/ip6t_opts.h */
import { array, type Field, u8, u16, u32 } from '../binary/codec'
import { bit, type Fields, struct } from '../binary/struct'
import { type Asks, ofHeader } from './evaluation'
import { about, type Check } from './extension'
import { bits, counted, view } from './fields'
import { headerSize } from './ipv6-headers'
import { type Native, optionalHeader, readNatively } from './native'
import { given, onlyWhere, presence, valueTest } from './native-tests'
import { option } from './option'
import { headerOptions } from './values/header-option'
import { integer } from './values/integer'

/** IP6T_OPTS_OPTSNR */
const SLOTS = 16

const NOT_STRICT = 0x04

const shape = { hdrlen: u32, flags: u8, invflags: u8, opts: array(u16, SLOTS), optsnr: u8 }
const opts = struct('struct ip6t_opts', 40, shape)
type OptsFields = Fields<typeof shape>

/** The length of a header in bytes, which its second byte stores in units of eight beyond the first eight. */
const inEights = (length: Field<number>): Field<number | undefined> =>
  view(
    length,
    (bytes) => (bytes % 8 === 0 && bytes > 0 ? bytes / 8 - 1 : undefined),
    (eights) => 8 * ((eights ?? 0) + 1),
  )

/** PAD1, an option of one byte without a length. */
const PAD1 = 0
const ANY_LENGTH = 0xff

/** Whether a header's first options are these, in this order. Each has a kind and a length; the length may be any. */
function beginsWith(options: Uint8Array, wanted: readonly number[]): boolean {
  let at = 0
  return wanted.every((one, i) => {
    const [kind, length] = [one >>> 8, one & 0xff]
    if (at >= options.length || options[at] !== kind) return false
    const has = options[at + 1]
    if (kind !== PAD1 && (has === undefined || (length !== ANY_LENGTH && length !== has))) return false
    at += kind === PAD1 ? 1 : 2 + (has as number)
    return at <= options.length || i === wanted.length - 1
  })
}

/**
 * The declaration that both matches share.
 * @param prefix of the names of the options
 * @param number of the header
 */
export const optionsHeader = (prefix: string, number: number) =>
  ({
    families: ['ipv6'],
    native: ({ hdrlen, flags, invflags }: OptsFields): Native => {
      const length = { value: inEights(hdrlen), negation: bit(invflags, 0x01) }
      return readNatively(
        presence(optionalHeader(number, 0, 1), flags),
        given(bit(flags, 0x01), valueTest(optionalHeader(number, 1, 1), u8, length)),
        onlyWhere(bits(flags, 0xfe), 0),
      )
    },
    asks:
      ({ hdrlen, flags, invflags, opts, optsnr }: OptsFields): Asks =>
      (bytes, at) => {
        const isAsked = (mask: number): boolean => bit(flags, mask).read(bytes, at)
        const [size, wanted] = [hdrlen.read(bytes, at), counted(optsnr, opts, 0).read(bytes, at)]
        const isOther = bit(invflags, 0x01).read(bytes, at)
        return [
          ofHeader(number, (header) => {
            const whole = headerSize(number, header[1] as number)
            if (whole > header.length || (isAsked(0x01) && (whole === size) === isOther)) return false
            return !isAsked(0x02) || beginsWith(header.subarray(2, whole), wanted)
          }),
        ]
      },
    revisions: { 0: opts },
    bits: ({ invflags }: OptsFields) => [[invflags, 0x01] as const],
    check:
      ({ flags, optsnr }: OptsFields): Check =>
      (bytes, at) => {
        // The flag is declared, but no kernel implements it.
        if (bit(flags, NOT_STRICT).read(bytes, at))
          return about(`${prefix}-opts`, 'options can only be matched in order')
        return optsnr.read(bytes, at) > SLOTS
          ? about(`${prefix}-opts`, `there can be at most ${SLOTS} options`)
          : undefined
      },
  }) as const

/** The option for the length of the header, in units of eight bytes. */
export const headerLength = ({ hdrlen, flags, invflags }: OptsFields) =>
  option(integer(0xffff_ffff), hdrlen, {
    present: bit(flags, 0x01),
    negation: bit(invflags, 0x01),
    list: 'length:[!]$',
  })

/** The option for the list of options that the header must contain. */
export const optionList = ({ opts, optsnr, flags }: OptsFields) =>
  option(headerOptions(SLOTS), counted(optsnr, opts, 0), { present: bit(flags, 0x02), list: 'opts $' })
