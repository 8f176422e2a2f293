/** How many bytes or packets the connection has transferred so far. */

import { IP_CT_DIR, NFT_CT } from '../../abi/nf-tables'
import { be64, type Field, u8, u64 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { HAS_CONNECTION } from '../evaluation'
import { about, match } from '../extension'
import { ordered } from '../fields'
import { connection, type NativePart, readNatively, type Source, sourceKey, type Test } from '../native'
import { encoded, equality } from '../native-tests'
import { nftRange } from '../nft-words'
import { option } from '../option'
import { range64 } from '../values/integer'
import { name } from '../values/names'

const MAX = 2n ** 64n - 1n

type Counts = readonly [first: bigint, last: bigint]

/** Indexed by the stored value. */
const KEYS = [NFT_CT.PKTS, NFT_CT.BYTES, NFT_CT.AVGPKT]
const DIRECTIONS = [IP_CT_DIR.ORIGINAL, IP_CT_DIR.REPLY, undefined]

/** A test of a 64-bit number, which is byte-swapped before it is compared. */
function askedCounts({ op, value, to, mask, isTurned = false }: Test): Counts | undefined {
  if (value.length !== u64.size || mask !== undefined) return undefined
  const isPlain = to === undefined && (op === 'eq' || op === 'neq')
  if (isPlain === isTurned) return undefined
  const first = (isPlain ? u64 : be64).read(value, 0)
  if (op === 'gt') return first === MAX ? undefined : [first + 1n, MAX]
  if (op === 'gte') return [first, MAX]
  return op === 'eq' || op === 'neq' ? [first, to === undefined ? first : be64.read(to, 0)] : undefined
}

function countTest(source: Source, [first, last]: Counts, negated: boolean): Test {
  const op = equality(negated)
  if (first === last) return { kind: 'test', source, op, value: encoded(u64, first) }
  if (last === MAX) return { kind: 'test', source, op: 'gte', value: encoded(be64, first), isTurned: true }
  return { kind: 'test', source, op, value: encoded(be64, first), to: encoded(be64, last), isTurned: true }
}

/** If connections are not counted, nf_tables reads 0, but the match never holds. */
const findsZero = (first: bigint, negated: boolean): boolean => (first === 0n) !== negated

interface CountFields {
  readonly range: Field<Counts>
  readonly negated: Field<boolean>
  readonly what: Field<number>
  readonly direction: Field<number>
}

/** Tests that a count of one or both directions lies inside a range, or outside it. */
function counted({ range, negated, what, direction }: CountFields): NativePart {
  const sources = KEYS.map((key) => DIRECTIONS.map((way) => connection(key, way)))
  return {
    keys: sources.flat().map(sourceKey),
    write(bytes, at) {
      const source = sources[what.read(bytes, at)]?.[direction.read(bytes, at)]
      const [[first, last], isNegated] = [range.read(bytes, at), negated.read(bytes, at)]
      if (source === undefined || first > last || findsZero(first, isNegated)) return undefined
      return [countTest(source, [first, last], isNegated)]
    },
    read(statement, bytes, at) {
      const asked = statement.kind === 'test' ? askedCounts(statement) : undefined
      if (statement.kind !== 'test' || asked === undefined) return false
      const isNegated = statement.op === 'neq'
      if (asked[0] > asked[1] || findsZero(asked[0], isNegated)) return false
      // The ends of a range are stored in reverse if it is negated.
      if (isNegated && asked[0] === asked[1]) return false
      const key = sourceKey(statement.source)
      const mode = sources.findIndex((ways) => ways.some((one) => sourceKey(one) === key))
      range.write(bytes, at, asked)
      negated.write(bytes, at, isNegated)
      what.write(bytes, at, mode)
      direction.write(bytes, at, sources[mode]?.findIndex((one) => sourceKey(one) === key) as number)
      return true
    },
  }
}

/** linux/netfilter/xt_connbytes.h */
export const connbytes = match('connbytes', {
  revisions: { 0: struct('struct xt_connbytes_info', 24, { from: u64, to: u64, what: u8, direction: u8 }) },
  native: ({ from, to, what, direction }) => readNatively(counted({ ...ordered(both(from, to)), what, direction })),
  translate:
    ({ from, to, what, direction }) =>
    (bytes, at) => {
      const way = ['original ', 'reply ', ''][direction.read(bytes, at)]
      const name = `ct ${way}${['packets', 'bytes', 'avgpkt'][what.read(bytes, at)]}`
      const [first, last] = [from.read(bytes, at), to.read(bytes, at)]
      if (last === MAX && first !== MAX) return `${name} ge ${first}`
      if (first === MAX && last !== MAX) return `${name} lt ${last}`
      return first > last ? nftRange(name, [last, first], true) : nftRange(name, [first, last])
    },
  asks: () => () => [HAS_CONNECTION, { kind: 'circumstance', decides: 'how much its connection has transferred' }],
  options: ({ from, to, what, direction }) => {
    const { range, negated } = ordered(both(from, to))
    return {
      connbytes: option(range64, range, {
        required: true,
        negation: negated,
        refuses: ([first, last], isNegated) =>
          first > last
            ? 'the range is reversed'
            : isNegated && first === last
              ? 'the kernel cannot look for all but one number'
              : undefined,
        list: '[! ]connbytes $',
      }),
      'connbytes-mode': option(name({ packets: 0, bytes: 1, avgpkt: 2 }), what, {
        required: true,
        list: 'connbytes mode $',
      }),
      'connbytes-dir': option(name({ original: 0, reply: 1, both: 2 }), direction, {
        required: true,
        list: 'connbytes direction $',
      }),
    }
  },
  check:
    ({ what, direction }) =>
    (bytes, at) =>
      what.read(bytes, at) > 2
        ? about('connbytes-mode', 'there is no such mode')
        : direction.read(bytes, at) > 2
          ? about('connbytes-dir', 'there is no such direction')
          : undefined,
})
