/** SCTP ports, and the types of a packet's chunks. */

import { array, type Field, pair, raw, u16, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { asked, bytesAt, HAS_TRANSPORT, oneOf, type PacketView, question, type Truth } from '../evaluation'
import { about, fixed, invertsGiven, match } from '../extension'
import { counted, view } from '../fields'
import { readNatively, transport } from '../native'
import { givenPortTests } from '../native-ports'
import { onlyWhere } from '../native-tests'
import { option } from '../option'
import { portOptions } from '../ports'
import { name } from '../values/names'
import { portRange } from '../values/port'
import { type Chunk, type Chunks, chunkTypes } from '../values/sctp'

/** XT_NUM_SCTP_FLAGS */
const FLAG_SLOTS = 4
const UNUSED = Uint8Array.of(0xff, 0, 0)

/** SCTP_CHUNK_MATCH_ANY, _ALL and _ONLY */
const MATCH_TYPES = { any: 1, all: 2, only: 4 }
const matchType = name(MATCH_TYPES, { anyCase: true })

const isSet = (map: Uint8Array, type: number): boolean => ((map[type >> 3] as number) & (1 << (type & 7))) !== 0

function chunksOf(map: Uint8Array, infos: readonly Uint8Array[]): Chunks {
  const types = Array.from({ length: 256 }, (_, type) => type).filter((type) => isSet(map, type))
  if (types.length === 256 && infos.length === 0) return 'ALL'
  const flagged = infos.map((info) => [...info] as unknown as Chunk).filter(([type]) => types.includes(type))
  // By type, but chunks with flags keep their stored order, which is that of the original text.
  const left = [...flagged]
  return types.map((type) => (flagged.some(([one]) => one === type) ? left.shift() : undefined) ?? [type, 0, 0])
}

function mapOf(chunks: Chunks): Uint8Array {
  const map = new Uint8Array(256)
  if (chunks === 'ALL') return map.fill(0xff)
  for (const [type] of chunks) map[type >> 3] = (map[type >> 3] as number) | (1 << (type & 7))
  return map
}

const infosOf = (chunks: Chunks): Uint8Array[] =>
  chunks === 'ALL' ? [] : chunks.filter(([, , mask]) => mask !== 0).map((chunk) => Uint8Array.from(chunk))

/**
 * Whether all stored flags belong to chunks in the map. iptables stores those of I_DATA under 15, an index into its own table
 * instead of the chunk type: they cannot be written as text.
 */
const areOfChunks = (map: Field<Uint8Array>, infos: Field<readonly Uint8Array[]>): Field<boolean> => ({
  ...map,
  read: (bytes, at) => infos.read(bytes, at).every(([type]) => isSet(map.read(bytes, at), type as number)),
  write: () => {},
})

interface Wanted {
  readonly map: Uint8Array
  /** Type, flags and mask of each chunk whose flags are tested. */
  readonly infos: readonly Uint8Array[]
}

function isWanted({ map, infos }: Wanted, type: number, flags: number): boolean {
  const info = infos.find(([one]) => one === type)
  const [, value = 0, mask = 0] = info ?? []
  return isSet(map, type) && (flags & mask) === value
}

/** Bytes of the packet's header, and of the header of each chunk. */
const [HEADER, CHUNK_HEADER] = [12, 4] as const

/** Whether the packet has any wanted chunk, all of them, or only wanted ones, depending on `matchType`. */
function hasChunks(packet: PacketView, matchType: number, wanted: Wanted): Truth {
  const found = new Set<number>()
  for (let at = HEADER; ; ) {
    const [first, header] = [bytesAt(packet, transport(at, 1)), bytesAt(packet, transport(at, CHUNK_HEADER))]
    if (first === undefined) return undefined
    if (first === 'absent') break
    if (header === undefined || header === 'absent') return header && false
    const [type, flags, high, low] = header as unknown as [number, number, number, number]
    const length = 0x100 * high + low
    if (length === 0) return false
    const is = isWanted(wanted, type, flags)
    if (matchType === MATCH_TYPES.any && is) return true
    if (matchType === MATCH_TYPES.only && !is) return false
    if (is) found.add(type)
    at += 4 * Math.ceil(length / 4)
  }
  if (matchType === MATCH_TYPES.any) return false
  const types = Array.from({ length: 256 }, (_, type) => type)
  return matchType === MATCH_TYPES.only || types.every((type) => !isSet(wanted.map, type) || found.has(type))
}

/** linux/netfilter/xt_sctp.h */
export const sctp = match('sctp', {
  protocols: ['sctp'],
  revisions: {
    0: struct('struct xt_sctp_info', 292, {
      dpts: pair(u16),
      spts: pair(u16),
      chunkmap: raw(256, 4),
      chunkMatchType: u32,
      flagInfo: array(raw(3), FLAG_SLOTS),
      flagCount: u32,
      flags: u32,
      invflags: u32,
    }),
  },
  bits: ({ flags, invflags }) => [
    [flags, 0x07],
    [invflags, 0x07],
  ],
  worded: ({ chunkmap, flagInfo, flagCount }) => [
    fixed(areOfChunks(chunkmap, counted(flagCount, flagInfo, UNUSED)), true),
  ],
  check: ({ flags, invflags, chunkMatchType, flagCount }) => {
    const inversions = invertsGiven(flags, invflags, ['sport', 'dport', 'chunk-types'])
    return (bytes, at, rule) => {
      if (flagCount.read(bytes, at) > FLAG_SLOTS)
        return about('chunk-types', `at most ${FLAG_SLOTS} types of chunk can have flags`)
      const isOfType = (chunkMatchType.read(bytes, at) & 0x07) !== 0
      if (bit(flags, 0x04).read(bytes, at) && !isOfType)
        return about('chunk-types', 'the first word must be any, all or only')
      return inversions(bytes, at, rule)
    }
  },
  list: 'sctp',
  native: ({ spts, dpts, flags, invflags }) => {
    return readNatively(givenPortTests({ spts, dpts, flags, invflags }), onlyWhere(bit(flags, 0x04), false))
  },
  asks:
    ({ spts, dpts, flags, invflags, chunkmap, chunkMatchType, flagInfo, flagCount }) =>
    (bytes, at) => {
      const ports = [HAS_TRANSPORT, ...asked([givenPortTests({ spts, dpts, flags, invflags })], bytes, at)]
      if (!bit(flags, 0x04).read(bytes, at)) return ports
      const type = chunkMatchType.read(bytes, at)
      const wanted = { map: chunkmap.read(bytes, at), infos: counted(flagCount, flagInfo, UNUSED).read(bytes, at) }
      const chunks = question((packet) => hasChunks(packet, type, wanted))
      return [...ports, oneOf([[chunks]], bit(invflags, 0x04).read(bytes, at))]
    },
  options: ({ chunkmap, chunkMatchType, flagInfo, flagCount, ...at }) => {
    const chunks: Field<Chunks> = view(
      both(chunkmap, counted(flagCount, flagInfo, UNUSED)),
      ([map, infos]) => chunksOf(map, infos),
      (chunks) => [mapOf(chunks), infosOf(chunks)] as const,
    )
    return {
      ...portOptions(at, portRange({ protocol: 'sctp', listed: 'sctp' })),
      'chunk-types': option([matchType, chunkTypes], both(chunkMatchType, chunks), {
        present: bit(at.flags, 0x04),
        negation: bit(at.invflags, 0x04),
        list: '[! ]$ $',
      }),
    }
  },
})
