/** Compares a rate that the target RATEEST estimates with a number, or with another such rate. */

import { ERRNO } from '../../abi/errno'
import { type Field, raw, u16, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { circumstance } from '../evaluation'
import { about, match, suspicion } from '../extension'
import { either, is } from '../fields'
import type { ListForm } from '../listing'
import { flag, option } from '../option'
import { bitrate } from '../values/fraction'
import { integer } from '../values/integer'
import { name as text } from '../values/string'

const [INVERT, ABSOLUTE, RELATIVE, DELTA, BPS, PPS] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20] as const
const MODES = { eq: 1, lt: 2, gt: 3 } as const

const packetsRate = integer(0xffff_ffff)

/** A listing shows only the number, or nothing if it is omitted. */
const listBare: ListForm<number> = (_, { words }) => words.join('')

/** Whether a rate is compared with another rate, not with a number. The kernel requires exactly one of two flags. */
const relation = (flags: Field<number>): Field<boolean> => ({
  ...flags,
  read: (bytes, at) => (flags.read(bytes, at) & RELATIVE) !== 0,
  write: (bytes, at, truth) =>
    flags.write(bytes, at, (flags.read(bytes, at) & ~(ABSOLUTE | RELATIVE)) | (truth ? RELATIVE : ABSOLUTE)),
})

/** linux/netfilter/xt_rateest.h */
export const rateest = match('rateest', {
  revisions: {
    0: struct('struct xt_rateest_match_info', 72, {
      name1: chars(16),
      name2: chars(16),
      flags: u16,
      mode: u16,
      bps1: u32,
      pps1: u32,
      bps2: u32,
      pps2: u32,
      est1: raw(8, 8),
      est2: raw(8, 8),
    }),
  },
  private: ({ est1, est2 }) => [est1, est2],
  atLeastOne: [
    ['rateest-lt', 'rateest-gt', 'rateest-eq'],
    ['rateest-bps', 'rateest-pps', 'rateest-bps1', 'rateest-pps1'],
  ],
  suspects:
    ({ name1, name2, flags }) =>
    (bytes, at) => {
      const isRelative = relation(flags).read(bytes, at)
      const names = { rateest: name1, ...(isRelative && { rateest2: name2 }) }
      return Object.entries(names).map(([parameter, field]) => {
        const reason = `no rule with the target RATEEST estimates ${JSON.stringify(field.read(bytes, at))}`
        return suspicion(parameter, ERRNO.ENOENT, reason, true)
      })
    },
  asks: circumstance('what rates are estimated'),
  options: ({ name1, name2, flags, mode, bps1, bps2, pps1, pps2 }) => {
    const isRelative = relation(flags)
    const isDelta = bit(flags, DELTA)
    /** Whether a kind of rate is compared. Of its two numbers, one without effect is not shown. */
    const asked = (kind: number, own: Field<number>, other: Field<number>, alone: boolean): Field<boolean> => ({
      ...flags,
      read: (bytes, at) =>
        bit(flags, kind).read(bytes, at) &&
        (isDelta.read(bytes, at) || own.read(bytes, at) !== 0 || (alone && other.read(bytes, at) === 0)),
      write(bytes, at, truth) {
        if (truth || other.read(bytes, at) === 0) bit(flags, kind).write(bytes, at, truth)
      },
    })
    const bare = (own: Field<number>): Field<boolean> => ({
      ...isDelta,
      read: (bytes, at) => isRelative.read(bytes, at) && !isDelta.read(bytes, at) && own.read(bytes, at) === 0,
    })
    const compared = (name: keyof typeof MODES) =>
      flag(is(mode, MODES[name], 0), {
        negation: bit(flags, INVERT),
        excludes: (['lt', 'gt', 'eq'] as const).filter((other) => other !== name).map((other) => `rateest-${other}`),
        list: `[! ]${name}`,
      })
    return {
      'rateest-delta': flag(isDelta, { list: 'delta' }),
      rateest: option(text(15), name1, {
        aliases: ['rateest1'],
        required: true,
        spelled: either(isRelative, 'rateest1', 'rateest'),
        list: '$',
      }),
      'rateest-bps1': option(bitrate, bps1, {
        present: asked(BPS, bps1, bps2, false),
        bare: bare(bps1),
        list: listBare,
      }),
      'rateest-pps1': option(packetsRate, pps1, {
        present: asked(PPS, pps1, pps2, false),
        bare: bare(pps1),
        list: listBare,
      }),
      'rateest-lt': compared('lt'),
      'rateest-gt': compared('gt'),
      'rateest-eq': compared('eq'),
      'rateest-bps': option(bitrate, bps2, {
        aliases: ['rateest-bps2'],
        present: asked(BPS, bps2, bps1, true),
        bare: bare(bps2),
        spelled: either(isDelta, 'rateest-bps2', 'rateest-bps'),
        list: listBare,
      }),
      'rateest-pps': option(packetsRate, pps2, {
        aliases: ['rateest-pps2'],
        present: asked(PPS, pps2, pps1, true),
        bare: bare(pps2),
        spelled: either(isDelta, 'rateest-pps2', 'rateest-pps'),
        list: listBare,
      }),
      rateest2: option(text(15), name2, { present: isRelative, list: '$' }),
    }
  },
  check:
    ({ flags, mode }) =>
    (bytes, at) => {
      const kinds = flags.read(bytes, at) & (BPS | PPS)
      if (kinds === 0) return about('rateest-bps', '--rateest-bps or --rateest-pps is required')
      const way = flags.read(bytes, at) & (ABSOLUTE | RELATIVE)
      if (way !== ABSOLUTE && way !== RELATIVE)
        return about('rateest2', 'rates can be compared either with a number or with each other')
      return mode.read(bytes, at) < MODES.eq || mode.read(bytes, at) > MODES.gt
        ? about('rateest-eq', 'there is no such comparison')
        : undefined
    },
  usage:
    ({ flags, bps1, bps2, pps1, pps2 }) =>
    (bytes, at) => {
      const said = (fields: Readonly<Record<string, Field<number>>>): string | undefined =>
        Object.keys(fields).find((name) => fields[name]?.read(bytes, at) !== 0)
      const given = flags.read(bytes, at)
      if ((given & DELTA) !== 0) return undefined
      const subtracted = said({ 'rateest-bps1': bps1, 'rateest-pps1': pps1 })
      if (subtracted !== undefined) return about(subtracted, `the number of --${subtracted} needs --rateest-delta`)
      const number = (given & RELATIVE) === 0 ? undefined : said({ 'rateest-bps': bps2, 'rateest-pps': pps2 })
      return number === undefined
        ? undefined
        : about(number, `to compare two rates, --${number} takes a number only with --rateest-delta`)
    },
  list:
    ({ flags }) =>
    ({ bytes, at, numeric, texts: { rateest: first, rateest2: second, ...texts } }) => {
      const given = flags.read(bytes, at)
      const isDelta = (given & DELTA) !== 0
      const test = texts['rateest-lt'] ?? texts['rateest-gt'] ?? texts['rateest-eq']
      const kinds = [BPS, PPS].filter((kind) => (given & kind) !== 0)
      const word = (name: string, none: string): string => texts[`rateest-${name}`] ?? none
      const [bps1, bps2] = ['bps1', 'bps'].map((name) => word(name, numeric ? '0' : '0bit'))
      const [pps1, pps2] = ['pps1', 'pps'].map((name) => word(name, '0'))
      const side = (bps: string | undefined, pps: string | undefined): (string | undefined)[] =>
        kinds.flatMap((kind) =>
          kind === BPS ? ['bps', isDelta ? bps : undefined] : ['pps', isDelta ? pps : undefined],
        )
      const alone = kinds.flatMap((kind) =>
        kind === BPS
          ? ['bps', isDelta ? bps1 : undefined, bps2, test]
          : ['pps', isDelta ? pps1 : undefined, test, pps2],
      )
      const compared = (given & RELATIVE) === 0 ? alone : [...side(bps1, pps1), test, second, ...side(bps2, pps2)]
      return ['rateest match', first, isDelta ? 'delta' : undefined, ...compared].filter(Boolean).join(' ')
    },
})
