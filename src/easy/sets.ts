/** ipsets as dictionaries by name: type, creation options and entries. */
import { ERRNO } from '../abi/errno'
import type { FamilyName } from '../abi/family'
import { isObject, shown } from '../check-input'
import { IptcError, SetError, UnsupportedError } from '../errors'
import { contentsOf } from '../ipset/contents'
import { readEntries } from '../ipset/entries'
import { IpSet, type Replacement, type SetHeader } from '../ipset/ip-set'
import type { SetPlace } from '../ipset/sets'
import {
  type CreateOptions,
  isSetType,
  type ListedEntry,
  type SetEntry,
  type SetTypeName,
  setType,
  type ToldOptions,
} from '../ipset/types'
import { MemoryKernel } from '../kernel/memory/memory-kernel'
import { type EasyOptions, placeOf } from './options'

/**
 * A set as {@link dumpSets} returns it: type, creation options and entries. The random initval is omitted.
 * @typeParam T - the type of the set
 * @since 0.1.0
 */
export type DumpedSet<T extends SetTypeName = SetTypeName> = T extends SetTypeName
  ? {
      /** Type of the set, such as `hash:ip`. */
      readonly type: T
      /** Family of its addresses; `'any'` for types without one. */
      readonly family: FamilyName | 'any'
    } & Omit<ToldOptions<T>, 'initval'> & {
        /** All entries, in the kernel's order. */
        readonly entries: readonly ListedEntry<T>[]
      }
  : never

/**
 * A set as {@link applySets} creates it: type, creation options and entries. Counters may be strings, because JSON has
 * no bigint.
 * @typeParam T - the type of the set
 * @since 0.1.0
 */
export type SetDictionary<T extends SetTypeName = SetTypeName> = T extends SetTypeName
  ? {
      /** Type of the set, such as `hash:ip`. */
      readonly type: T
      /** Family of its addresses; IPv4 by default. */
      readonly family?: FamilyName | 'any'
    } & Omit<CreateOptions<T>, 'family'> & {
        /** All entries that the set shall have. */
        readonly entries: readonly SetEntry<T>[]
      }
  : never

/**
 * The difference between a set and its dictionary. An entry whose comment changes is both removed and added, and so is
 * an entry of a list of sets that changes its place among those that stay.
 * @since 0.1.0
 */
export interface SetDifference {
  /** Whether the set does not exist. */
  readonly missing: boolean
  /** Entries to be added. */
  readonly added: readonly ListedEntry[]
  /** Entries to be removed. */
  readonly removed: readonly ListedEntry[]
}

type Entry = Record<string, unknown>

/**
 * Returns the ipsets of a network namespace by name, lists of sets last.
 * @throws {@link UnsupportedError} for an unknown set type
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, IpSet, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * IpSet.create('blocked', 'hash:ip', {}, { kernel }).add('10.0.0.1')
 * console.log(easy.dumpSets({ kernel })['blocked']?.entries) // [ { ip: '10.0.0.1' } ]
 * ```
 */
export function dumpSets(options: EasyOptions = {}): Record<string, DumpedSet> {
  return Object.fromEntries(
    contentsOf(setPlace(options), undefined, false).map(({ header, parts }) => {
      const { name, type, family, options } = header as Header
      const { initval: _, ...made } = options
      const entries = parts.flatMap((part) => readEntries(setType(type), part))
      return [name, { type, family, ...made, entries } as unknown as DumpedSet]
    }),
  )
}

function listed(name: string, place: SetPlace): ListedEntry[] {
  using set = IpSet.open(name, place)
  return set.list()
}

/**
 * Makes sets match their dictionaries. Missing sets are created; the entries of existing ones are swapped atomically,
 * set by set. Other sets are left alone. Everything is first tried in an in-process kernel, before anything is changed.
 * @returns the entries added to and removed from each set
 * @throws {@link IptcError} with the path of the fault, as in `blocked.entries[3]`
 * @throws {@link SetError} if an existing set was created with other options
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const sets = { blocked: { type: 'hash:net', entries: ['10.0.0.0/8', '192.0.2.1'] } } as const
 * console.log(easy.applySets(sets, { kernel })) // { blocked: { added: 2, removed: 0, kept: 0 } }
 * ```
 */
export function applySets(
  sets: Readonly<Record<string, SetDictionary>>,
  options: EasyOptions = {},
): Record<string, Replacement> {
  return applySetsAfter(() => {}, sets, options)
}

/**
 * As {@link applySets}, but calls `body` when all sets exist and before any is filled. If it throws, nothing is
 * changed.
 */
export function applySetsAfter(
  body: () => void,
  sets: Readonly<Record<string, SetDictionary>>,
  options: EasyOptions,
): Record<string, Replacement> {
  const place = setPlace(options)
  const asked = askedFor(sets)
  rehearse(asked, place, 'passed over')
  // Create all sets before any is filled: a list of sets refers to others.
  make(asked, place, body)
  return Object.fromEntries(asked.map((one) => [one.name, filled(one, place)]))
}

/** Creates the missing sets. If one is refused, or `body` throws, none remains. @throws SetError, UnsupportedError */
function make(asked: readonly Asked[], place: SetPlace, body: () => void): void {
  const known = IpSet.names(place)
  const fresh: IpSet[] = []
  try {
    for (const one of asked) if (!known.includes(one.name)) fresh.push(created(one, place))
    body()
  } catch (error) {
    for (const set of fresh) set.destroy({ exist: true })
    throw error
  } finally {
    for (const set of fresh) set.close()
  }
}

function filled(asked: Asked, place: SetPlace): Replacement {
  using set = opened(asked, place)
  return set.replaceContents(asked.entries as never)
}

/**
 * Returns what {@link applySets} would change, omitting unchanged sets. Remaining timeouts and counters are ignored.
 * @throws as {@link applySets}
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const sets = { blocked: { type: 'hash:net', entries: ['10.0.0.0/8'] } } as const
 * console.log(easy.diffSets(sets, { kernel: new MemoryKernel() })['blocked']?.missing) // true
 * ```
 */
export function diffSets(
  sets: Readonly<Record<string, SetDictionary>>,
  options: EasyOptions = {},
): Record<string, SetDifference> {
  const place = setPlace(options)
  const asked = askedFor(sets)
  const wanted = rehearse(asked, place, 'errors')
  const known = IpSet.names(place)
  const differences = asked.map(({ name, type }): [string, SetDifference] => {
    const missing = !known.includes(name)
    const before = missing ? [] : listed(name, place)
    const after = listed(name, { kernel: wanted })
    const less = type === 'list:set' ? withoutInPlace : without
    return [name, { missing, added: less(after, before), removed: less(before, after) }]
  })
  return Object.fromEntries(
    differences.filter(([, { missing, added, removed }]) => missing || added.length + removed.length > 0),
  )
}

function without(entries: readonly ListedEntry[], others: readonly ListedEntry[]): ListedEntry[] {
  const keys = new Set(others.map(keyOf))
  return entries.filter((entry) => !keys.has(keyOf(entry)))
}

/** As {@link without}, and also those whose place among the common ones differs. */
function withoutInPlace(entries: readonly ListedEntry[], others: readonly ListedEntry[]): ListedEntry[] {
  const own = new Set(entries.map(keyOf))
  const order = others.map(keyOf).filter((key) => own.has(key))
  const known = new Set(order)
  let place = 0
  return entries.filter((entry) => {
    const key = keyOf(entry)
    return !known.has(key) || order[place++] !== key
  })
}

const keyOf = ({ timeout: _, packets: __, bytes: ___, ...lasting }: Entry): string => JSON.stringify(lasting)

function setPlace(options: EasyOptions): SetPlace {
  const { namespace, kernel } = placeOf(options)
  return { namespace, kernel: kernel as SetPlace['kernel'] }
}

type Header = SetHeader & { readonly options: Entry }

interface Asked {
  readonly name: string
  readonly type: SetTypeName
  readonly family: FamilyName | 'any' | undefined
  readonly options: Entry
  readonly entries: readonly unknown[]
}

/** @throws IptcError */
function askedFor(sets: unknown): Asked[] {
  if (!isObject(sets))
    throw new IptcError('XT_BAD_SETS', `the sets must be an object of sets by name, not ${shown(sets)}`)
  return Object.entries(sets).map(([name, set]) => askedSet(name, set))
}

function askedSet(name: string, set: unknown): Asked {
  if (!isObject(set)) throw wrong(name, `must be an object with a type and entries, not ${shown(set)}`)
  const { type, family, entries, ...options } = set as Entry
  if (!isSetType(type)) throw wrong(`${name}.type`, `must be a type of sets, such as hash:ip, not ${shown(type)}`)
  if (!Array.isArray(entries)) throw wrong(`${name}.entries`, `must be a list of entries, not ${shown(entries)}`)
  return { name, type, family: family as Asked['family'], options, entries: entries.map(withCounts) }
}

const COUNTS = ['packets', 'bytes'] as const

/** Converts counters that are strings in JSON. */
function withCounts(entry: unknown): unknown {
  if (!isObject(entry)) return entry
  const counts = COUNTS.flatMap((key) => {
    const value = (entry as Entry)[key]
    return typeof value === 'string' && /^\d+$/.test(value) ? [[key, BigInt(value)] as const] : []
  })
  return counts.length === 0 ? entry : { ...entry, ...Object.fromEntries(counts) }
}

const wrong = (place: string, what: string, cause?: unknown): IptcError =>
  new IptcError('XT_BAD_SETS', `set ${place} ${what}`, { cause })

const created = ({ name, type, family, options }: Asked, place: SetPlace): IpSet =>
  IpSet.create(name, type as 'hash:ip', { ...options, family } as never, place) as unknown as IpSet

/** @throws SetError if the set was created with other options */
function opened(asked: Asked, place: SetPlace): IpSet {
  const set = IpSet.open(asked.name, asked.type, place) as IpSet
  try {
    checkLike(set, asked)
    return set
  } catch (error) {
    set.close()
    throw error
  }
}

/** Values that the kernel chooses, or changes as a set grows. */
const SIZES = ['hashsize', 'bucketsize', 'initval']

/** @throws SetError */
function checkLike(set: IpSet, asked: Asked): void {
  const kernel = new MemoryKernel()
  const { family, options } = created(asked, { kernel }).header() as Header
  const told = (set.header() as Header).options
  const other = [...new Set([...Object.keys(options), ...Object.keys(told)])].find(
    (name) => !SIZES.includes(name) && JSON.stringify(options[name]) !== JSON.stringify(told[name]),
  )
  const what = set.family === family ? other : 'family'
  if (what === undefined) return
  throw new SetError(
    'XT_SET_OTHER_TYPE',
    { set: set.name, operation: 'create' },
    `it exists already, with another ${what}; destroy it first, or give it that ${what}`,
  )
}

/**
 * Tries the changes in an in-process kernel, next to copies of the existing sets.
 * @param limits limits that only this kernel has, such as the length of ranges: `pass` leaves the decision to Linux
 * @throws IptcError with the path; SetError if an existing set was created with other options
 */
function rehearse(asked: readonly Asked[], place: SetPlace, limits: 'passed over' | 'errors'): MemoryKernel {
  const kernel = new MemoryKernel()
  const names = asked.map(({ name }) => name)
  const there = IpSet.headers(place) as Header[]
  for (const { name, type, family, options } of there)
    if (!names.includes(name)) created({ name, type, family, options, entries: [] }, { kernel })
  const sets = asked.map((one) => [one, rehearsedSet(one, kernel)] as const)
  for (const [one, set] of sets) if (set !== undefined) rehearseEntries(one, set, limits)
  for (const one of asked) if (there.some(({ name }) => name === one.name)) opened(one, place).close()
  return kernel
}

/** @throws IptcError with the path of the entry */
function rehearseEntries({ name, entries }: Asked, set: IpSet, limits: 'passed over' | 'errors'): void {
  for (let from = 0; from < entries.length; )
    try {
      set.add(entries.slice(from) as never, { exist: true })
      return
    } catch (error) {
      const index = error instanceof SetError && error.index !== undefined ? from + error.index : undefined
      if (index === undefined || !isLimit(error) || limits === 'errors')
        throw wrong(`${name}.entries${index === undefined ? '' : `[${index}]`}:`, (error as Error).message, error)
      from = index + 1
    }
}

const isLimit = (error: unknown): boolean => error instanceof SetError && error.errno === ERRNO.EOPNOTSUPP

/** Undefined if only Linux can decide. */
function rehearsedSet(asked: Asked, kernel: MemoryKernel): IpSet | undefined {
  try {
    return created(asked, { kernel })
  } catch (error) {
    if (error instanceof UnsupportedError) return undefined
    throw wrong(`${asked.name}:`, (error as Error).message, error)
  }
}
