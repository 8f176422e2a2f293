/** Sets how connection tracking handles a packet. */
import { ERRNO } from '../../abi/errno'
import { type Field, raw, u16, u32 } from '../../binary/codec'
import { bit, both, type Extent, struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { about, type Loss, suspicion, target } from '../extension'
import { bits, constant, is, view } from '../fields'
import { flag, option } from '../option'
import { isZero } from '../values/address'
import { integer } from '../values/integer'
import { type Named, nameList } from '../values/names'
import { name } from '../values/string'
import type { ValueType } from '../values/value'

const EVENTS = {
  new: 0x001,
  related: 0x002,
  destroy: 0x004,
  reply: 0x008,
  assured: 0x010,
  protoinfo: 0x020,
  helper: 0x040,
  mark: 0x080,
  natseqinfo: 0x100,
  secmark: 0x200,
}
const ctEvents = nameList(EVENTS)
const expEvents = nameList({ new: EVENTS.new })

const [NOTRACK, ORIGINAL, REPLY, MARK] = [0x01, 0x04, 0x08, 0x10] as const

/** The number of a zone, or `mark` for the packet's mark. */
const zone: ValueType<readonly [id: number, flags: number], number | Named<'mark'>> = {
  expects: 'a number from 0 to 65535, or mark',
  parse: (word, context) => (word.toLowerCase() === 'mark' ? [0, MARK] : [integer(65535).parse(word, context), 0]),
  format: ([id, flags]) => (flags === MARK ? 'mark' : String(id)),
}

const head = { flags: u16, zone: u16, ctEvents: u32, expEvents: u32, helper: chars(16) }
const withTimeout = struct('struct xt_ct_target_info_v1', 72, { ...head, timeout: chars(32), ct: raw(8, 8) })

/** linux/netfilter/xt_CT.h */
export const ctRevisions = {
  0: struct('struct xt_ct_target_info', 40, { ...head, ct: raw(8, 8) }),
  1: withTimeout,
  2: withTimeout,
}

/** Bytes of the name of a timeout policy that the kernel returns. */
const HANDED_OUT = 4

/** Whether the name of a policy may be the beginning of a longer one. The name has no effect if `ignored` is set. */
const isCut =
  ({ offset, size }: Extent, ignored: Field<boolean>): Loss['isAt'] =>
  (bytes, at) => {
    const [start, end] = [at + offset, at + offset + size]
    const isFull = !bytes.subarray(start, start + HANDED_OUT).includes(0)
    return isFull && isZero(bytes.subarray(start + HANDED_OUT, end)) && !ignored.read(bytes, at)
  }

/**
 * The kernel returns only the first 32 bytes, which cuts a timeout name to four characters and omits its own
 * pointer. The bytes after them can neither be compared nor be trusted when written back.
 */
export const handedOut = ({ ct }: { readonly ct: Extent }) => [{ offset: 32, size: ct.offset + ct.size - 32 }]

export const CT = target('CT', {
  tables: ['raw'],
  hooks: ['PREROUTING', 'OUTPUT'],
  revisions: ctRevisions,
  private: handedOut,
  bits: ({ flags }, revision) => [[flags, revision < 2 ? NOTRACK : 0x1f]],
  list: 'CT',
  translate:
    ({ flags }) =>
    (bytes, at) =>
      flags.read(bytes, at) === NOTRACK ? 'notrack' : undefined,
  does:
    ({ flags }) =>
    (bytes, place) =>
      bit(flags, NOTRACK).read(bytes, place) ? [{ kind: 'untracked' }] : [],
  options: ({ flags, zone: id, helper, ...at }) => {
    const stored = both(id, bits(flags, MARK))
    const direction = bits(flags, ORIGINAL | REPLY)
    const eitherWay = view(
      both(stored, direction),
      ([value, way]) => (way === ORIGINAL || way === REPLY ? undefined : value),
      (value) => [value, 0] as const,
    )
    return {
      notrack: flag(bit(flags, NOTRACK)),
      helper: option(name(15), helper),
      timeout: option(name(31), 'timeout' in at ? at.timeout : constant('')),
      ctevents: option(ctEvents, at.ctEvents),
      expevents: option(expEvents, at.expEvents),
      'zone-orig': option(zone, stored, { present: is(direction, ORIGINAL, 0), excludes: ['zone-reply', 'zone'] }),
      'zone-reply': option(zone, stored, { present: is(direction, REPLY, 0), excludes: ['zone'] }),
      zone: option(zone, eitherWay),
    }
  },
  losses: ({ flags, ...at }) =>
    'timeout' in at
      ? [
          {
            parameter: 'timeout',
            reason:
              `the kernel returns only ${HANDED_OUT} bytes of the name, so writing the rule back would bind the policy of ` +
              'that shorter name',
            isAt: isCut(at.timeout, bit(flags, NOTRACK)),
          },
        ]
      : [],
  suspects: ({ helper, ...at }) => {
    const timeout = 'timeout' in at ? at.timeout : constant('')
    return (bytes, place) => {
      const [used, policy] = [helper.read(bytes, place), timeout.read(bytes, place)]
      const unknown = (what: string, name: string): string => `the kernel has no ${what} ${JSON.stringify(name)}`
      return [
        ...(used === '' ? [] : [suspicion('helper', ERRNO.ENOENT, `${unknown('helper', used)} for the protocol`)]),
        ...(policy === '' ? [] : [suspicion('timeout', ERRNO.ENOENT, unknown('timeout policy', policy), true)]),
      ]
    }
  },
  check: ({ flags, ...at }) => {
    const untracked = bit(flags, NOTRACK)
    const names = { helper: at.helper, ...('timeout' in at && { timeout: at.timeout }) }
    return (bytes, place, rule) => {
      const named = Object.entries(names).find(([, field]) => field.read(bytes, place) !== '')?.[0]
      const anyProtocol = rule.protocol === 0 || rule.protocolNegated
      return named !== undefined && anyProtocol && !untracked.read(bytes, place)
        ? about(named, `--${named} needs -p with the protocol that it is for`)
        : undefined
    }
  },
})
