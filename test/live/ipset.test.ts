import type { FamilyName } from '../../src/abi/family'
import { IptcError, SetError, UnsupportedError } from '../../src/errors'
import { IpSet } from '../../src/ipset/ip-set'
import { SET_TYPES, type SetTypeName } from '../../src/ipset/types'
import {
  ALL_EXTENSIONS,
  createWords,
  type Entry,
  entriesOf,
  entryWords,
  hasType,
  NEEDED_OPTIONS,
  restoreSets,
  savedSet,
  untouched,
} from '../support/ipset'
import { run } from '../support/run-program'

const { XTABLES_TEST_SEED = '1', XTABLES_TEST_SET_ENTRIES = '60' } = process.env
const SEED = Number(XTABLES_TEST_SEED)
const COUNT = Number(XTABLES_TEST_SET_ENTRIES)

/** Ways to create a set of a type, in addition to its required options. */
const HASH: readonly Entry[] = [
  { hashsize: 64, maxelem: 9, bucketsize: 4, initval: 0x1234 },
  { forceadd: true, timeout: 5 },
]
const WAYS: Readonly<Partial<Record<SetTypeName, readonly Entry[]>>> = {
  'bitmap:ip': [{ netmask: 24 }],
  'hash:ip': [...HASH, { netmask: 20 }],
  'hash:ip,port': [...HASH, { netmask: 20 }],
  'hash:net,net': [...HASH, { netmask: 20 }],
  'hash:ip,mark': [...HASH, { markmask: 0xff00 }],
  'list:set': [{ size: 5 }],
}
const MASKED: readonly SetTypeName[] = ['hash:ip', 'hash:ip,port', 'hash:net,net']

const cases = Object.entries(SET_TYPES).flatMap(([type, { families }]) =>
  families.map((family) => [type as SetTypeName, family] as const),
)

/** Runs ipset, which must succeed. */
function ipset(...args: string[]): void {
  const { status, stderr } = run('ipset', args)
  if (status !== 0) throw new Error(stderr)
}

const refusedByTool = (...args: string[]): string => run('ipset', args).stderr.trim()

const withFamily = (family: FamilyName | 'any'): Entry => (family === 'any' ? {} : { family })
/** The family as an argument of ipset. Some types do not accept one. */
const familyWords = (type: SetTypeName, family: FamilyName | 'any'): Entry =>
  SET_TYPES[type].families.length === 2 ? { family } : {}

const make = (name: string, type: SetTypeName, options: Entry): IpSet => IpSet.create(name, type, options as never)

beforeEach(() => {
  for (const name of ['one', 'two', 'three']) ipset('create', name, 'hash:ip')
})
afterEach(() => {
  ipset('flush')
  ipset('destroy')
})

const without = (key: string, { [key]: _, ...rest }: Entry): Entry => rest
/** Entries without their order and remaining time. */
const sorted = (listed: readonly Entry[]): Entry[] => {
  const text = (entry: unknown): string =>
    JSON.stringify(entry, (_, value) => (typeof value === 'bigint' ? `${value}` : value))
  const entries = listed.map((entry) =>
    'timeout' in entry ? { ...entry, timeout: untouched(entry['timeout'] as number) } : entry,
  )
  return entries.sort((a, b) => (text(a) < text(b) ? -1 : 1))
}

describe.each(cases)('%s of %s', (type, family) => {
  test('what we write is listed as what ipset writes, and we list the same', () => {
    if (!hasType(type)) {
      expect(() => make('ours', type, { ...NEEDED_OPTIONS[type], ...withFamily(family) })).toThrow(UnsupportedError)
      return
    }
    ipset('destroy', 'probe')
    for (const extensions of [{}, ALL_EXTENSIONS]) {
      const options = { ...NEEDED_OPTIONS[type], ...extensions }
      const ours = make('ours', type, { ...options, ...withFamily(family) })
      ipset('create', 'theirs', type, ...createWords({ ...options, ...familyWords(type, family) }))
      const theirs = IpSet.open('theirs')
      const count = type === 'list:set' ? 3 : COUNT
      const entries = entriesOf(type, family as FamilyName, extensions === ALL_EXTENSIONS, count, SEED)
      const complaints = restoreSets(entries.map((entry) => ['-exist', 'add', 'theirs', ...entryWords(entry)]))
      expect(complaints).toBe('')
      ours.add(entries as never, { exist: true })
      expect(savedSet('ours')).toEqual(savedSet('theirs'))
      expect(sorted(ours.list())).toEqual(sorted(theirs.list()))
      expect(without('initval', ours.header().options as Entry)).toEqual(
        without('initval', theirs.header().options as Entry),
      )
      for (const set of [ours, theirs]) expect(set).toMatchObject({ type, family })
      // Each entry can be removed as it was read.
      const listed = ours.list()
      expect(listed.length).toBe(new Set(savedSet('ours').slice(1)).size)
      const removable = listed.filter((entry) => isRemovable(type, entry as Entry))
      ours.remove(removable.map((entry) => stripped(entry as Entry)) as never)
      expect(savedSet('ours')).toHaveLength(1 + listed.length - removable.length)
      ours.flush()
      ours.add(listed as never)
      expect(savedSet('ours')).toEqual(savedSet('theirs'))
      ours.destroy()
      theirs.destroy()
    }
  })

  test('a set is created as by ipset', () => {
    if (!hasType(type)) return
    ipset('destroy', 'probe')
    const masks = MASKED.includes(type) ? [{ bitmask: family === 'ipv6' ? 'ffff::ff' : '255.255.0.255' }] : []
    for (const way of [...(WAYS[type] ?? (type.startsWith('hash') ? HASH : [])), ...masks]) {
      const options = { ...NEEDED_OPTIONS[type], ...way }
      const ours = (): IpSet => make('ours', type, { ...options, ...withFamily(family) })
      const words = createWords({ ...options, ...familyWords(type, family) })
      // Older kernels do not support all options.
      if (refusedByTool('create', 'theirs', type, ...words) !== '') {
        expect(ours).toThrow(IptcError)
        continue
      }
      ours()
      expect(savedSet('ours')).toEqual(savedSet('theirs'))
      expect(IpSet.open('theirs').header().options).toMatchObject(way)
      ipset('destroy', 'ours')
      ipset('destroy', 'theirs')
    }
  })
})

/** Linux does not find entries of bitmap:ip,mac that still have no MAC address, whose timeout has not started. */
const isRemovable = (type: SetTypeName, entry: Entry): boolean =>
  type !== 'bitmap:ip,mac' || 'mac' in entry || !('timeout' in entry)

/** The parts that identify the entry: its options do not matter for removal. */
function stripped(entry: Entry): Entry {
  const options = ['timeout', 'packets', 'bytes', 'comment', 'skbmark', 'skbprio', 'skbqueue']
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !options.includes(key)))
}

test('missing types are declared', () => {
  const lacking = Object.keys(SET_TYPES).filter((type) => !hasType(type as SetTypeName))
  for (const type of lacking) expect(refusedByTool('create', 'x', type)).toMatch(/not supported/)
})

test('opening a set of another type than required is refused', () => {
  expect(() => IpSet.open('one', 'hash:net')).toThrow(
    new SetError('XT_SET_OTHER_TYPE', { set: 'one', operation: 'open' }, 'it is of type hash:ip, not "hash:net"'),
  )
})
