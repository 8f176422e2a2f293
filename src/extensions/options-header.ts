/** What the matches of IPv6's two headers of options share. linux/netfilter_ipv6/ip6t_opts.h */
import { array, u8, u16, u32 } from '../binary/codec'
import { bit, type Fields, struct } from '../binary/struct'
import { about, type Check } from './extension'
import { counted } from './fields'
import { option } from './option'
import { headerOptions } from './values/header-option'
import { integer } from './values/integer'

/** IP6T_OPTS_OPTSNR */
const SLOTS = 16

const NOT_STRICT = 0x04

const shape = { hdrlen: u32, flags: u8, invflags: u8, opts: array(u16, SLOTS), optsnr: u8 }
const opts = struct('struct ip6t_opts', 40, shape)
type OptsFields = Fields<typeof shape>

/** @param prefix of the names of its options */
export const optionsHeader = (prefix: string) =>
  ({
    families: ['ipv6'],
    revisions: { 0: opts },
    bits: ({ invflags }: OptsFields) => [[invflags, 0x01] as const],
    check:
      ({ flags, optsnr }: OptsFields): Check =>
      (bytes, at) => {
        // Declared, and in no kernel.
        if (bit(flags, NOT_STRICT).read(bytes, at))
          return about(`${prefix}-opts`, 'options are matched in their order only')
        return optsnr.read(bytes, at) > SLOTS
          ? about(`${prefix}-opts`, `there are at most ${SLOTS} options`)
          : undefined
      },
  }) as const

export const headerLength = ({ hdrlen, flags, invflags }: OptsFields) =>
  option(integer(0xffff_ffff), hdrlen, {
    present: bit(flags, 0x01),
    negation: bit(invflags, 0x01),
    list: 'length:[!]$',
  })

export const optionList = ({ opts, optsnr, flags }: OptsFields) =>
  option(headerOptions(SLOTS), counted(optsnr, opts, 0), { present: bit(flags, 0x02), list: 'opts $' })
