/** Lists of ports and port ranges. */

import { array, bool8, type Field, u8, u16 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { oneOf, thereIs } from '../evaluation'
import { about, match } from '../extension'
import { counted, view } from '../fields'
import { transport } from '../native'
import { NETWORK16, rangeAsTest } from '../native-tests'
import { nftSet } from '../nft-words'
import { option } from '../option'
import { type PortItem, portList } from '../values/port'
import { namedProtocol } from '../values/protocol'

/** XT_MULTI_PORTS */
const SLOTS = 15

/** enum xt_multiport_flags */
const [SOURCE, DESTINATION, EITHER] = [0, 1, 2] as const
const KINDS = ['sports', 'dports', 'ports'] as const

/** @param starts whether each port begins a range, which the next port ends */
function itemsOf(ports: readonly number[], starts: readonly boolean[]): PortItem[] {
  const [first, last] = ports
  if (first === undefined) return []
  const item: PortItem = starts[0] && last !== undefined ? [first, last] : [first]
  return [item, ...itemsOf(ports.slice(item.length), starts.slice(item.length))]
}

const areRanges = (ports: readonly number[], starts: readonly boolean[]): boolean =>
  starts.every((start, i) => !start || (starts[i + 1] === false && (ports[i] as number) <= (ports[i + 1] as number)))

const startsOf = (items: readonly PortItem[]): boolean[] =>
  items.flatMap((item) => (item.length === 1 ? [false] : [true, false]))

const HAS_PORTS = thereIs(transport(0, 4))

/** linux/netfilter/xt_multiport.h */
export const multiport = match('multiport', {
  protocols: ['tcp', 'udp', 'udplite', 'sctp', 'dccp'],
  revisions: {
    1: struct('struct xt_multiport_v1', 48, {
      flags: u8,
      count: u8,
      ports: array(u16, SLOTS),
      pflags: array(bool8, SLOTS),
      invert: bool8,
    }),
  },
  atLeastOne: true,
  check: ({ flags, count, ports, pflags }) => {
    const used = both(counted(count, ports, 0), counted(count, pflags, false))
    return (bytes, at) => {
      const kind = KINDS[flags.read(bytes, at)]
      if (kind === undefined) return about('ports', 'ports must be of the source, of the destination, or of either')
      if (count.read(bytes, at) > SLOTS) return about(kind, `there can be at most ${SLOTS} ports`)
      const isRight = areRanges(...used.read(bytes, at))
      return isRight ? undefined : about(kind, 'a range must be two ports in ascending order')
    }
  },
  translate: ({ flags, count, ports, pflags, invert }) => {
    const slots = both(counted(count, ports, 0), counted(count, pflags, false))
    return (bytes, at, context) => {
      const protocol = namedProtocol.format(context.protocol ?? 0, context)
      const items = itemsOf(...slots.read(bytes, at)).map((item) => item.join('-'))
      const sign = invert.read(bytes, at) ? '!= ' : ''
      const kind = flags.read(bytes, at)
      if (kind === SOURCE) return `${protocol} sport ${sign}${nftSet(items)}`
      if (kind === DESTINATION) return `${protocol} dport ${sign}${nftSet(items)}`
      const pairs = items.flatMap((item) => [`0-65535 . ${item}`, `${item} . 0-65535`])
      return `${protocol} sport . ${protocol} dport ${sign}{ ${pairs.join(', ')} }`
    }
  },
  asks: ({ flags, count, ports, pflags, invert }) => {
    const slots = both(counted(count, ports, 0), counted(count, pflags, false))
    return (bytes, at) => {
      const [kind, items] = [flags.read(bytes, at), itemsOf(...slots.read(bytes, at))]
      const offsets = kind === SOURCE ? [0] : kind === DESTINATION ? [2] : [0, 2]
      const tests = offsets.flatMap((offset) =>
        items.map(([first, last = first]) => [rangeAsTest(transport(offset, 2), NETWORK16, [first, last], false)]),
      )
      return [HAS_PORTS, oneOf(tests, invert.read(bytes, at))]
    }
  },
  options: ({ flags, count, ports, pflags, invert }) => {
    const slots = both(counted(count, ports, 0), counted(count, pflags, false))
    const ofKind = (kind: number): Field<readonly PortItem[]> =>
      view(
        both(flags, slots),
        ([held, [all, starts]]) => (held === kind ? itemsOf(all, starts) : undefined),
        (items) => [kind, [items.flat(), startsOf(items)]] as const,
      )
    const shared = { absent: [], negation: invert }
    return {
      sports: option(portList(SLOTS), ofKind(SOURCE), {
        ...shared,
        aliases: ['source-ports'],
        excludes: ['dports', 'ports'],
        list: 'multiport sports [ !]$',
      }),
      dports: option(portList(SLOTS), ofKind(DESTINATION), {
        ...shared,
        aliases: ['destination-ports'],
        excludes: ['ports'],
        list: 'multiport dports [ !]$',
      }),
      ports: option(portList(SLOTS), ofKind(EITHER), { ...shared, list: 'multiport ports [ !]$' }),
    }
  },
})
