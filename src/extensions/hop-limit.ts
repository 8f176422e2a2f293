/** Options of the extensions that test or change the IPv4 TTL or the IPv6 hop limit. */
import { type Field, u8 } from '../binary/codec'
import { type Does, isWholly, type Seen } from './evaluation'
import { about, type Check } from './extension'
import { among, is } from './fields'
import { type NativePart, type Source, sourceKey, type Test } from './native'
import { askedRange, encoded, NETWORK8 } from './native-tests'
import { type Option, option } from './option'
import { integer } from './values/integer'

interface HopFields {
  readonly mode: Field<number>
  readonly value: Field<number>
}

/** No mode: no option was given. */
const UNSAID = 0xff

type Hops<P extends string, Names extends string, Alias extends string = never> = Readonly<
  Record<`${P}-${Names}`, Option<string | number, Alias>>
>

/** enum in linux/netfilter_ipv4/ipt_ttl.h */
const [EQ, NE, LT, GT] = [0, 1, 2, 3] as const

/** `--ttl-eq`, `--ttl-lt` and `--ttl-gt`. Exactly one is required. */
export function hopComparisons<P extends string>(
  prefix: P,
  { mode, value }: HopFields,
): Hops<P, 'eq', P> & Hops<P, 'lt' | 'gt'> {
  const than = (sign: string, of: number, excludes: string[]) =>
    option(integer(255), value, { present: is(mode, of, UNSAID), excludes, list: `${sign} $` })
  return {
    [`${prefix}-eq`]: option(integer(255), value, {
      aliases: [prefix],
      present: among(mode, [EQ, NE], UNSAID),
      negation: is(mode, NE, EQ),
      excludes: [`${prefix}-lt`, `${prefix}-gt`],
      list: (_, { negated, words: [word] }) => `${negated ? '!=' : '=='} ${word}`,
    }),
    [`${prefix}-lt`]: than('<', LT, [`${prefix}-gt`]),
    [`${prefix}-gt`]: than('>', GT, []),
  } as never
}

const OPS = { [EQ]: 'eq', [NE]: 'neq', [LT]: 'lt', [GT]: 'gt' } as const
const LAST = 255

/** The tests of the TTL or hop limit byte. */
export const hopTests = (source: Source, { mode, value }: HopFields): NativePart => ({
  keys: [sourceKey(source)],
  write(bytes, at) {
    const op = OPS[mode.read(bytes, at) as keyof typeof OPS]
    return op && [{ kind: 'test', source, op, value: encoded(u8, value.read(bytes, at)) }]
  },
  read(statement, bytes, at) {
    const said = statement.kind === 'test' ? comparisonOf(statement) : undefined
    if (said === undefined) return false
    mode.write(bytes, at, said[0])
    value.write(bytes, at, said[1])
    return true
  },
})

/** A comparison with one number, or with a range that reaches the lowest or highest number. */
function comparisonOf(test: Test): readonly [mode: number, value: number] | undefined {
  const { range, negated } = askedRange(test, NETWORK8) ?? { range: [1, 0], negated: false }
  const [first, last] = range
  if (first > last) return undefined
  if (test.op === 'lt') return [LT, last + 1]
  if (test.op === 'gt') return [GT, first - 1]
  if (first === last) return [negated ? NE : EQ, first]
  if (negated || (first === 0) === (last === LAST)) return undefined
  return first === 0 ? [LT, last + 1] : [GT, first - 1]
}

/** enum in linux/netfilter_ipv4/ipt_TTL.h */
const [SET, INC, DEC] = [0, 1, 2] as const

/** `--ttl-set`, `--ttl-dec` and `--ttl-inc`. Exactly one is required. */
export function hopChanges<P extends string>(prefix: P, { mode, value }: HopFields): Hops<P, 'set' | 'dec' | 'inc'> {
  const change = (of: number, min: number, verb: string, excludes: string[]) =>
    option(integer(255, min), value, { present: is(mode, of, UNSAID), excludes, list: `${verb} $` })
  return {
    [`${prefix}-set`]: change(SET, 0, 'set to', [`${prefix}-dec`, `${prefix}-inc`]),
    [`${prefix}-dec`]: change(DEC, 1, 'decrement by', [`${prefix}-inc`]),
    [`${prefix}-inc`]: change(INC, 1, 'increment by', []),
  } as never
}

/** How the TTL or hop limit byte changes. */
export const hopChange =
  (source: Source, { mode, value }: HopFields): Does =>
  (bytes, at) => {
    const [how, by] = [mode.read(bytes, at), value.read(bytes, at)]
    if (how === SET) return [{ kind: 'set', to: source, value: Uint8Array.of(by) }]
    const changed = (hops: number): number => (how === INC ? Math.min(LAST, hops + by) : Math.max(0, hops - by))
    const make = (old: Seen): Seen =>
      isWholly(old) ? { ...old, bytes: old.bytes.map(changed) } : { ...old, known: new Uint8Array(1) }
    return [{ kind: 'update', to: source, make }]
  }

/** What the kernel refuses in a change. */
export const refuseHopChange =
  (prefix: string, { mode, value }: HopFields): Check =>
  (bytes, at) => {
    const change = mode.read(bytes, at)
    if (change > DEC) return about(`${prefix}-set`, 'the mode must be set, decrement or increment')
    return change !== SET && value.read(bytes, at) === 0
      ? about(`${prefix}-${change === INC ? 'inc' : 'dec'}`, 'must not be 0')
      : undefined
  }
