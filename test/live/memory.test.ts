/** Compares the in-process kernel with Linux: the same requests must get the same answers. */
import { spawnSync } from 'node:child_process'
import { ERRNO, errnoName } from '../../src/abi/errno'
import { FAMILIES, type Family, type FamilyName } from '../../src/abi/family'
import { IP6T_F_PROTO } from '../../src/abi/ip6-tables'
import { HOOKS, type Hook, hookBit, TABLES, type TableName, VERDICTS } from '../../src/abi/netfilter'
import { PROTOCOLS } from '../../src/abi/protocols'
import { counters, countersInfo, getEntries, getInfo, getRevision, replace } from '../../src/abi/x-tables'
import { type Field, u16, u32, u64 } from '../../src/binary/codec'
import type { Extension, Variant } from '../../src/extensions/extension'
import { allExtensions, kernelName, knownPayloads } from '../../src/extensions/registry'
import { type Connection, type Kernel, SockoptFailure } from '../../src/kernel/kernel'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import {
  buildEntry,
  buildErrorEntry,
  buildPart,
  buildVerdict,
  buildVerdictEntry,
  nextOffset,
  partName,
  targetOffset,
} from '../../src/ruleset/entry'
import { entryExtensions } from '../../src/ruleset/entry-extensions'
import { Random } from '../kernel/random'
import { fixtures, writtenRules } from '../support/fixtures'
import { mapsAllIds } from '../support/user-namespace'

const EPROTOTYPE = 91

const SETS = { four: 'ipv4', six: 'ipv6', list: 'any' } as const

/** Connections of both families to a kernel. */
function open(kernel: Kernel): Readonly<Record<FamilyName, Connection>> {
  return { ipv4: kernel.connect('ipv4'), ipv6: kernel.connect('ipv6') }
}

// A separate namespace, because other live tests run at the same time and rely on the tables of their shared namespace.
const namespace = NetworkNamespace.create()
const linuxKernel = new LinuxKernel({ namespace })
const memoryKernel = new MemoryKernel({ sets: SETS })
const linux = open(linuxKernel)
const memory = open(memoryKernel)

beforeAll(() => {
  for (const [name, type] of Object.entries({ four: 'hash:ip', six: 'hash:ip family inet6', list: 'list:set' })) {
    const command = [`--net=${namespace.path}`, 'ipset', 'create', name, ...type.split(' ')]
    const { status, stderr } = spawnSync('nsenter', command, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`ipset: ${stderr}`)
  }
})

afterAll(() => {
  for (const connection of [...Object.values(linux), ...Object.values(memory)]) connection.close()
  namespace.close()
})

/** `ok`, or the name of the errno. */
function outcome(call: () => void): string {
  try {
    call()
    return 'ok'
  } catch (error) {
    if (!(error instanceof SockoptFailure)) throw error
    // For an unknown revision, Linux returns EPROTOTYPE if the extension is registered for all families at once, which
    // is not declared. It means the same.
    return errnoName(error.errno === EPROTOTYPE ? ERRNO.ENOENT : error.errno)
  }
}

/** The outcome of getsockopt for `value`, and the bytes afterwards. */
function ask(connection: Connection, option: number, value: Uint8Array): [string, string] {
  const bytes = value.slice()
  return [outcome(() => connection.getsockopt(option, bytes)), Buffer.from(bytes).toString('hex')]
}

function expectSameAnswer(family: FamilyName, option: number, value: Uint8Array): void {
  expect(ask(memory[family], option, value)).toEqual(ask(linux[family], option, value))
}

function named(name: string, size: number, edit: (value: Uint8Array) => void = () => {}): Uint8Array {
  const value = new Uint8Array(size)
  value.set(Buffer.from(name).subarray(0, size))
  edit(value)
  return value
}

/** The whole table as a kernel returns it, after the answer to GET_INFO. */
function readTable(connection: Connection, { sockopt }: Family, table: string): Buffer {
  const info = named(table, getInfo.size)
  connection.getsockopt(sockopt.getInfo, info)
  const size = getInfo.fields.size.read(info, 0)
  const value = named(table, getEntries.size + size, (bytes) => getEntries.fields.size.write(bytes, 0, size))
  connection.getsockopt(sockopt.getEntries, value)
  return Buffer.concat([info, value.subarray(getEntries.size)])
}

function expectSameTable(family: Family, table: string): void {
  const [ours, theirs] = [readTable(memory[family.name], family, table), readTable(linux[family.name], family, table)]
  expect(ours.toString('hex').match(/.{16}/g)).toEqual(theirs.toString('hex').match(/.{16}/g))
}

/** Whether the running kernel was built with it. */
function isBuilt(extension: Extension, { name, sockopt }: Family): boolean {
  const option = extension.kind === 'match' ? sockopt.getRevisionMatch : sockopt.getRevisionTarget
  const revisions = extension.variants(name).map(({ revision }) => getRevisionOf(kernelName(extension), revision))
  return revisions.some((value) => outcome(() => linux[name].getsockopt(option, value.slice())) === 'ok')
}

describe.each(Object.values(FAMILIES))('$name', (family) => {
  const { sockopt } = family

  describe.each(Object.keys(TABLES) as TableName[])('table %s', (table) => {
    test('is the same when it is created', () => expectSameTable(family, table))
  })

  test('tables are listed newest first', () => {
    expect(memoryKernel.tables(family.name)).toEqual(linuxKernel.tables(family.name))
  })

  test.each([0, 31, 83, 84, 85, 200])('GET_INFO with %d bytes', (size) => {
    for (const table of ['filter', 'nope', '', 'x'.repeat(32), 'filter\0junk'])
      expectSameAnswer(family.name, sockopt.getInfo, named(table, size))
  })

  test.each([
    [0, 0],
    [39, 0],
    [40, 0],
    [40, 1],
    [47, 7],
    [100, 60],
    [100, 61],
  ])('GET_ENTRIES with %d bytes, and a size field of %d', (size, said) => {
    for (const table of ['filter', 'nope'])
      expectSameAnswer(
        family.name,
        sockopt.getEntries,
        named(table, size, (bytes) => {
          if (size >= getEntries.size) getEntries.fields.size.write(bytes, 0, said)
        }),
      )
  })

  test.each(['match', 'target'] as const)('revisions of every %s', (kind) => {
    const option = kind === 'match' ? sockopt.getRevisionMatch : sockopt.getRevisionTarget
    // Only those that both support: the in-process kernel has no others.
    for (const extension of allExtensions(kind).filter((one) => isBuilt(one, family)))
      for (const variant of extension.variants(family.name))
        expectSameAnswer(family.name, option, getRevisionOf(kernelName(extension, variant), variant.revision))
    for (const name of ['', 'ERROR', 'no such thing'])
      for (const revision of [0, 1, 255]) expectSameAnswer(family.name, option, getRevisionOf(name, revision))
    for (const size of [0, 29, 31]) expectSameAnswer(family.name, option, named('tcp', size))
    expectSameAnswer(family.name, option, named('x'.repeat(29), getRevision.size))
    expectSameAnswer(family.name, option, named('tcp\0junk', getRevision.size))
  })

  test.each([0, 39, 40, 41, 55, 56, 103, 104, 105, 120])('SET_ADD_COUNTERS with %d bytes', (size) => {
    for (const table of ['filter', 'nope'])
      for (const count of [0, 1, 4, 5, 0x1000_0000]) {
        const value = named(table, size, (bytes) => {
          if (size >= countersInfo.size) countersInfo.fields.numCounters.write(bytes, 0, count)
        })
        expect(outcome(() => memory[family.name].setsockopt(sockopt.addCounters, value))).toBe(
          outcome(() => linux[family.name].setsockopt(sockopt.addCounters, value)),
        )
      }
  })

  test('unknown options', () => {
    expectSameAnswer(family.name, 1000, named('filter', 84))
    const set = (connection: Connection): string => outcome(() => connection.setsockopt(1000, new Uint8Array(8)))
    expect(set(memory[family.name])).toBe(set(linux[family.name]))
  })
})

const getRevisionOf = (name: string, revision: number): Uint8Array => {
  const value = new Uint8Array(getRevision.size)
  getRevision.write(value, 0, { name, revision })
  return value
}

describe('ipsets', () => {
  const [VERSION, BY_NAME, BY_INDEX, FAMILY] = [0x100, 6, 7, 8] as const

  const request = (size: number, op: number, version: number, at: number, rest: Uint8Array): Uint8Array => {
    const value = new Uint8Array(size).fill(0xee)
    const view = new DataView(value.buffer)
    if (size >= 4) view.setUint32(0, op, true)
    if (size >= 8) view.setUint32(4, version, true)
    if (size >= at + rest.length) value.set(rest, at)
    return value
  }
  const name = (text: string): Uint8Array => Buffer.from(`${text}\0`).subarray(0, 32)
  const index = (value: number): Uint8Array => Uint8Array.of(value, value >> 8)

  test('by name and by index', () => {
    for (const text of ['four', 'six', 'list', 'nope', '', 'x'.repeat(31), 'x'.repeat(32)]) {
      expectSameAnswer('ipv4', 83, request(44, FAMILY, 7, 12, name(text)))
      expectSameAnswer('ipv4', 83, request(40, BY_NAME, 7, 8, name(text)))
    }
    for (const number of [0, 1, 2, 3, 255, 256, 300, 0xffff])
      expectSameAnswer('ipv4', 83, request(40, BY_INDEX, 7, 8, index(number)))
  })

  test('odd sizes, versions and operations', () => {
    for (const op of [VERSION, BY_NAME, BY_INDEX, FAMILY, 0x55])
      for (const size of [0, 4, 7, 8, 9, 39, 40, 41, 43, 44, 45])
        for (const version of [0, 5, 6, 7, 8]) expectSameAnswer('ipv4', 83, request(size, op, version, 8, name('four')))
    expectSameAnswer('ipv6', 83, request(8, VERSION, 7, 8, name('')))
  })
})

/** Entries, and the positions of the chains among them. */
interface Draft {
  table: string
  validHooks: number
  entries: Uint8Array[]
  /** By hook: the indexes of the first entry and of the policy. */
  hooks: Map<number, [first: number, policy: number]>
}

interface Sent {
  readonly table: string
  readonly value: Uint8Array
}

const concat = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** The offset of each entry, and the end of the last one. */
function offsets(entries: readonly Uint8Array[]): number[] {
  const places = [0]
  for (const { length } of entries) places.push((places.at(-1) as number) + length)
  return places
}

function requestOf(draft: Draft, numCounters: number): Sent {
  const places = offsets(draft.entries)
  const at = (end: 0 | 1) => HOOKS.map((_, hook) => places[draft.hooks.get(hook)?.[end] ?? 0] as number)
  const blob = concat(draft.entries)
  const head = new Uint8Array(replace.size)
  replace.write(head, 0, {
    name: draft.table,
    validHooks: draft.validHooks,
    numEntries: draft.entries.length,
    size: blob.length,
    hookEntry: at(0),
    underflow: at(1),
    numCounters,
    counters: 0n,
  })
  return { table: draft.table, value: concat([head, blob]) }
}

const numEntriesOf = (connection: Connection, { sockopt }: Family, table: string): number => {
  const info = named(table, getInfo.size)
  connection.getsockopt(sockopt.getInfo, info)
  return getInfo.fields.numEntries.read(info, 0)
}

/** Bytes of a payload by offset; all others are zero. */
type Bytes = Readonly<Record<number, number>>

interface Sample {
  readonly kind: 'match' | 'target'
  readonly name: string
  readonly family: FamilyName
  readonly what: string
  readonly sample: Bytes
  readonly table?: TableName
  readonly proto?: number
}

interface Unchecked extends Sample {
  readonly is: (payload: Uint8Array) => boolean
}

const byte = (payload: Uint8Array, at: number): number => payload[at] ?? 0

/** Values that Linux checks in addition to the parameters. The in-process kernel refuses the same ones. */
const CHECKED: readonly Sample[] = [
  { kind: 'match', name: 'limit', family: 'ipv4', what: 'no burst', sample: { 0: 1 } },
  { kind: 'match', name: 'connlabel', family: 'ipv4', what: 'a label above 127', sample: { 0: 128 } },
  { kind: 'match', name: 'connlabel', family: 'ipv4', what: 'unknown options', sample: { 2: 4 } },
  { kind: 'match', name: 'connbytes', family: 'ipv4', what: 'no mode', sample: { 16: 3 } },
  { kind: 'match', name: 'quota', family: 'ipv4', what: 'unknown flags', sample: { 0: 2 } },
  { kind: 'match', name: 'statistic', family: 'ipv4', what: 'no mode', sample: { 0: 2 } },
  { kind: 'match', name: 'time', family: 'ipv4', what: 'an hour that no day has', sample: { 15: 1 } },
  {
    kind: 'match',
    name: 'time',
    family: 'ipv4',
    what: 'a time of the same day that is said to go on',
    sample: { 12: 1, 21: 2 },
  },
  { kind: 'match', name: 'time', family: 'ipv4', what: 'unknown flags', sample: { 21: 4 } },
  { kind: 'match', name: 'recent', family: 'ipv4', what: 'two commands', sample: { 8: 3, 10: 65 } },
  { kind: 'match', name: 'recent', family: 'ipv4', what: 'no name', sample: { 8: 1 } },
  { kind: 'match', name: 'recent', family: 'ipv4', what: 'hits without a look', sample: { 4: 1, 8: 2, 10: 65 } },
  { kind: 'match', name: 'rateest', family: 'ipv4', what: 'no rate', sample: { 0: 65, 32: 2, 34: 1 } },
  { kind: 'match', name: 'hashlimit', family: 'ipv4', what: 'no burst', sample: { 0: 65, 256: 1, 284: 1, 288: 1 } },
  {
    kind: 'match',
    name: 'hashlimit',
    family: 'ipv4',
    what: 'bytes that cost next to nothing',
    sample: { 0: 65, 256: 1, 272: 0x20, 284: 1, 288: 1 },
  },
  {
    kind: 'match',
    name: 'hashlimit',
    family: 'ipv4',
    what: 'bytes that cost next to nothing in 32 bits',
    sample: { 0: 65, 260: 1, 272: 0x20, 284: 1, 288: 1 },
  },
  {
    kind: 'match',
    name: 'hashlimit',
    family: 'ipv4',
    what: 'no rate to sample',
    sample: { 0: 65, 272: 0x40, 284: 1, 288: 1, 292: 1 },
  },
  {
    kind: 'match',
    name: 'hashlimit',
    family: 'ipv4',
    what: 'a rate to sample of more than 32 bits',
    sample: { 0: 65, 260: 1, 272: 0x40, 284: 1, 288: 1, 292: 1 },
  },
  {
    kind: 'match',
    name: 'hashlimit',
    family: 'ipv4',
    what: 'no rate to sample, and no interval',
    sample: { 0: 65, 272: 0x40, 284: 1, 288: 1 },
  },
  {
    kind: 'match',
    name: 'hashlimit',
    family: 'ipv4',
    what: 'a prefix of more than an address',
    sample: { 0: 65, 256: 1, 264: 1, 284: 1, 288: 1, 296: 33 },
  },
  { kind: 'target', name: 'RATEEST', family: 'ipv4', what: 'no interval', sample: { 0: 65, 16: 4, 17: 1 } },
  { kind: 'target', name: 'RATEEST', family: 'ipv4', what: 'no weight', sample: { 0: 65 } },
  {
    kind: 'match',
    name: 'tcp',
    family: 'ipv4',
    what: 'unknown inversions',
    sample: { 11: 0x10 },
    proto: 6,
  },
  {
    kind: 'match',
    name: 'udp',
    family: 'ipv4',
    what: 'unknown inversions',
    sample: { 8: 0x04 },
    proto: 17,
  },
  {
    kind: 'match',
    name: 'icmp',
    family: 'ipv4',
    what: 'unknown inversions',
    sample: { 3: 2 },
    proto: 1,
  },
  {
    kind: 'match',
    name: 'icmp6',
    family: 'ipv6',
    what: 'unknown inversions',
    sample: { 3: 2 },
    proto: 58,
  },
  {
    kind: 'target',
    name: 'LOG',
    family: 'ipv4',
    what: 'a level above 7',
    sample: { 0: 8 },
  },
  {
    kind: 'target',
    name: 'LOG',
    family: 'ipv4',
    what: 'a prefix that is not terminated',
    sample: { 31: 65 },
  },
  {
    kind: 'target',
    name: 'REJECT',
    family: 'ipv4',
    what: 'echo replies',
    sample: { 0: 4 },
  },
  {
    kind: 'target',
    name: 'REJECT',
    family: 'ipv6',
    what: 'echo replies',
    sample: { 0: 5 },
  },
  {
    kind: 'target',
    name: 'CT',
    family: 'ipv4',
    what: 'unknown flags',
    sample: { 0: 0x20 },
    table: 'raw',
  },
  {
    kind: 'match',
    name: 'set',
    family: 'ipv4',
    what: 'too many dimensions',
    sample: { 2: 7 },
  },
  { kind: 'match', name: 'multiport', family: 'ipv4', what: 'ports of neither side', sample: { 0: 3 }, proto: 6 },
  { kind: 'match', name: 'multiport', family: 'ipv6', what: 'more ports than fit', sample: { 1: 16 }, proto: 6 },
  { kind: 'match', name: 'multiport', family: 'ipv4', what: 'half a range', sample: { 1: 1, 32: 1 }, proto: 6 },
  {
    kind: 'match',
    name: 'cpu',
    family: 'ipv4',
    what: 'an unknown inversion',
    sample: { 4: 2 },
  },
  {
    kind: 'match',
    name: 'dscp',
    family: 'ipv4',
    what: 'more than six bits',
    sample: { 0: 0x40 },
  },
  {
    kind: 'match',
    name: 'ecn',
    family: 'ipv4',
    what: 'an unknown operation',
    sample: { 0: 0x02 },
  },
  {
    kind: 'match',
    name: 'ecn',
    family: 'ipv6',
    what: 'TCP without -p tcp',
    sample: { 0: 0x10 },
  },
  {
    kind: 'match',
    name: 'devgroup',
    family: 'ipv4',
    what: 'unknown flags',
    sample: { 0: 0x10 },
  },
  {
    kind: 'match',
    name: 'devgroup',
    family: 'ipv4',
    what: 'the group to go out by in INPUT',
    sample: { 0: 4 },
  },
  {
    kind: 'match',
    name: 'addrtype',
    family: 'ipv4',
    what: 'both interfaces',
    sample: { 4: 0x0c },
  },
  {
    kind: 'match',
    name: 'addrtype',
    family: 'ipv4',
    what: 'the interface to go out by in INPUT',
    sample: { 4: 0x08 },
  },
  {
    kind: 'match',
    name: 'addrtype',
    family: 'ipv6',
    what: 'a type that IPv6 has not',
    sample: { 0: 0x08 },
  },
  {
    kind: 'target',
    name: 'DSCP',
    family: 'ipv4',
    what: 'more than six bits',
    sample: { 0: 0x40 },
    table: 'mangle',
  },
  {
    kind: 'target',
    name: 'TTL',
    family: 'ipv4',
    what: 'an unknown change',
    sample: { 0: 3, 1: 1 },
    table: 'mangle',
  },
  {
    kind: 'target',
    name: 'HL',
    family: 'ipv6',
    what: 'a change by 0',
    sample: { 0: 1 },
    table: 'mangle',
  },
  {
    kind: 'target',
    name: 'ECN',
    family: 'ipv4',
    what: 'a codepoint of three bits',
    sample: { 0: 1, 1: 4 },
    table: 'mangle',
  },
  {
    kind: 'target',
    name: 'CONNMARK',
    family: 'ipv4',
    what: 'a shift by all bits',
    sample: { 13: 32 },
    table: 'mangle',
  },
  {
    kind: 'target',
    name: 'CHECKSUM',
    family: 'ipv4',
    what: 'nothing to do',
    sample: {},
    table: 'mangle',
  },
  {
    kind: 'target',
    name: 'AUDIT',
    family: 'ipv4',
    what: 'an unknown type',
    sample: { 0: 3 },
  },
  {
    kind: 'target',
    name: 'CONNSECMARK',
    family: 'ipv4',
    what: 'neither way',
    sample: { 0: 3 },
    table: 'security',
  },
  {
    kind: 'target',
    name: 'SECMARK',
    family: 'ipv4',
    what: 'an unknown mode',
    sample: { 0: 2 },
    table: 'mangle',
  },
  { kind: 'match', name: 'ah', family: 'ipv4', what: 'unknown inversions', sample: { 8: 2 }, proto: 51 },
  { kind: 'match', name: 'ah', family: 'ipv4', what: 'another protocol', sample: { 0: 1 }, proto: 6 },
  { kind: 'match', name: 'ah', family: 'ipv6', what: 'unknown inversions', sample: { 13: 4 } },
  { kind: 'match', name: 'esp', family: 'ipv4', what: 'unknown inversions', sample: { 8: 2 }, proto: 50 },
  { kind: 'match', name: 'ipcomp', family: 'ipv6', what: 'unknown inversions', sample: { 8: 2 }, proto: 108 },
  {
    kind: 'match',
    name: 'dccp',
    family: 'ipv4',
    what: 'an inversion of what is not given',
    sample: { 8: 1, 10: 2 },
    proto: 33,
  },
  { kind: 'match', name: 'dccp', family: 'ipv6', what: 'unknown flags', sample: { 8: 16 }, proto: 33 },
  {
    kind: 'match',
    name: 'sctp',
    family: 'ipv4',
    what: 'an inversion of what is not given',
    sample: { 284: 1, 288: 2 },
    proto: 132,
  },
  {
    kind: 'match',
    name: 'sctp',
    family: 'ipv4',
    what: 'chunks without a way to match them',
    sample: { 284: 4 },
    proto: 132,
  },
  {
    kind: 'match',
    name: 'sctp',
    family: 'ipv6',
    what: 'flags of more chunks than fit',
    sample: { 280: 5 },
    proto: 132,
  },
  { kind: 'match', name: 'frag', family: 'ipv6', what: 'unknown inversions', sample: { 13: 4 } },
  { kind: 'match', name: 'hbh', family: 'ipv6', what: 'options in any order', sample: { 4: 4 } },
  { kind: 'match', name: 'dst', family: 'ipv6', what: 'more options than fit', sample: { 38: 17 } },
  { kind: 'match', name: 'rt', family: 'ipv6', what: 'addresses of no type', sample: { 16: 16 } },
  { kind: 'match', name: 'rt', family: 'ipv6', what: 'addresses where the type is not 0', sample: { 16: 17, 17: 1 } },
  { kind: 'match', name: 'rt', family: 'ipv6', what: 'more addresses than fit', sample: { 276: 17 } },
  { kind: 'match', name: 'mh', family: 'ipv6', what: 'unknown inversions', sample: { 2: 2 }, proto: 135 },
  {
    kind: 'match',
    name: 'ipv6header',
    family: 'ipv6',
    what: 'an inversion of some headers',
    sample: { 0: 128, 1: 64 },
  },
  { kind: 'match', name: 'srh', family: 'ipv6', what: 'unknown flags', sample: { 105: 64 } },
  { kind: 'target', name: 'NFQUEUE', family: 'ipv4', what: 'no queue', sample: {} },
  { kind: 'target', name: 'NFQUEUE', family: 'ipv6', what: 'queues above 65535', sample: { 0: 0xff, 1: 0xff, 2: 2 } },
  { kind: 'target', name: 'NFQUEUE', family: 'ipv4', what: 'unknown flags', sample: { 2: 1, 4: 4 } },
  { kind: 'target', name: 'NFLOG', family: 'ipv4', what: 'unknown flags', sample: { 8: 2 } },
  { kind: 'target', name: 'NFLOG', family: 'ipv6', what: 'a prefix that is not terminated', sample: { 75: 65 } },
  { kind: 'target', name: 'TEE', family: 'ipv4', what: 'no gateway', sample: {} },
  {
    kind: 'target',
    name: 'TEE',
    family: 'ipv6',
    what: 'a name that is not terminated',
    sample: { 0: 1, 16: 65, 31: 65 },
  },
  { kind: 'target', name: 'TCPMSS', family: 'ipv4', what: 'no match of SYN', sample: { 1: 5 }, proto: 6 },
  { kind: 'target', name: 'TPROXY', family: 'ipv4', what: 'no protocol', sample: {}, table: 'mangle' },
  { kind: 'target', name: 'NETMAP', family: 'ipv4', what: 'no addresses', sample: { 0: 1 }, table: 'nat' },
  { kind: 'target', name: 'REDIRECT', family: 'ipv6', what: 'addresses', sample: { 0: 1 }, table: 'nat' },
  { kind: 'target', name: 'DNPT', family: 'ipv6', what: 'bits behind the prefix', sample: { 0: 1 }, table: 'mangle' },
  { kind: 'target', name: 'DNPT', family: 'ipv6', what: 'a prefix above 64', sample: { 32: 65 }, table: 'mangle' },
  { kind: 'target', name: 'HMARK', family: 'ipv4', what: 'no modulus', sample: {} },
  { kind: 'target', name: 'HMARK', family: 'ipv6', what: 'ports and an index', sample: { 40: 0x14, 52: 1 } },
  { kind: 'target', name: 'IDLETIMER', family: 'ipv4', what: 'no timeout', sample: { 4: 65 } },
  { kind: 'target', name: 'IDLETIMER', family: 'ipv6', what: 'no label', sample: { 0: 1 } },
  { kind: 'target', name: 'IDLETIMER', family: 'ipv4', what: 'Android', sample: { 0: 1, 4: 65, 32: 1 } },
  { kind: 'target', name: 'SET', family: 'ipv4', what: 'a set to map from in filter', sample: {} },
  { kind: 'target', name: 'SET', family: 'ipv4', what: 'too many dimensions', sample: { 2: 7, 8: 0xff, 9: 0xff } },
  { kind: 'target', name: 'SET', family: 'ipv4', what: 'a set that is not there', sample: { 0: 9, 8: 0xff, 9: 0xff } },
]

/** Seconds that every kernel can count. */
const LONGEST = 100_000

/** Bursts of at least {@link LONGEST}, and tables of more than 2^20 rows, in any revision. */
function isLongHashlimit(payload: Uint8Array): boolean {
  const isOld = payload.length === 56
  const at = isOld ? 16 : 272
  if ([isOld ? at + 12 : at + 4, isOld ? at + 16 : at + 8].some((place) => u32.read(payload, place) > 2 ** 20))
    return true
  const [period, burst] = isOld
    ? [u32.read(payload, 20), u32.read(payload, 24)]
    : [Number(u64.read(payload, 256)), Number(u64.read(payload, 264))]
  return period * Math.max(1, burst) >= LONGEST * (isOld ? 10_000 : 1_000_000)
}

/**
 * Values that Linux checks but the declarations cannot. The in-process kernel accepts them, or refuses them with
 * another errno. The requests below do not contain them.
 */
const UNCHECKED: readonly Unchecked[] = [
  {
    kind: 'match',
    name: 'cgroup',
    family: 'ipv4',
    what: 'a control group that there is not',
    sample: { 0: 1, 4: 65 },
    is: (payload) => payload.length > 8 && byte(payload, 0) !== 0,
  },
  {
    kind: 'target',
    name: 'SECMARK',
    family: 'ipv4',
    what: 'a context that no security module knows',
    sample: { 0: 1, 1: 65 },
    is: (payload) => byte(payload, 0) === 1,
    table: 'mangle',
  },
  {
    kind: 'match',
    name: 'limit',
    family: 'ipv4',
    what: 'a burst that takes longer than the ticks of the kernel count, of which each has its own',
    sample: { 3: 0x11, 4: 5 },
    is: (payload) => u32.read(payload, 0) * u32.read(payload, 4) >= LONGEST * 10_000,
  },
  {
    kind: 'match',
    name: 'hashlimit',
    family: 'ipv4',
    what: 'the same, and tables that the kernel makes smaller',
    sample: { 0: 65, 262: 3, 264: 5, 284: 1, 288: 1 },
    is: isLongHashlimit,
  },
  {
    kind: 'match',
    name: 'rateest',
    family: 'ipv4',
    what: 'an estimated rate that there is not',
    sample: { 0: 65, 32: 0x12, 34: 1 },
    is: (payload) =>
      (byte(payload, 32) & 0x30) !== 0 &&
      [2, 4].includes(byte(payload, 32) & 6) &&
      [1, 2, 3].includes(u16.read(payload, 34)),
  },
  {
    kind: 'target',
    name: 'CT',
    family: 'ipv4',
    what: 'a helper that the machine does not have',
    sample: { 12: 65 },
    // Linux returns at most 32 bytes of it, which is also less than the length of the declared names.
    is: (payload) => byte(payload, 12) !== 0 || payload.subarray(28).some((value) => value !== 0),
    table: 'raw',
    proto: 6,
  },
]

/** Linux refuses users and groups that the user namespace does not map. The in-process kernel has no user namespace. */
const namesStrangers = (kind: string, name: string): boolean => !mapsAllIds && kind === 'match' && name === 'owner'

const isUnchecked = (kind: string, name: string, payload: Uint8Array): boolean =>
  namesStrangers(kind, name) || UNCHECKED.some((one) => one.kind === kind && one.name === name && one.is(payload))

/** Linux has more revisions of some extensions than are declared. All of them have low numbers. */
const isUndeclared = (family: Family, kind: 'match' | 'target', name: string, revision: number): boolean =>
  revision < 8 &&
  knownPayloads(kind, family.name, name, revision).length === 0 &&
  EXTENSIONS.some((one) => one.kind === kind && kernelName(one) === name)

/** Linux modifies these payloads. */
const isRewritten = (name: string, revision: number): boolean => revision === 0 && /^set$/i.test(name)

/** Whether the request contains a payload of an undeclared revision, or a value of {@link UNCHECKED}. */
function asksUnchecked(family: Family, value: Uint8Array): boolean {
  const blob = value.subarray(replace.size)
  for (let at = 0; at + family.entrySize + 32 <= blob.length; at += nextOffset(family, blob, at) || blob.length) {
    const target = at + targetOffset(family, blob, at)
    for (let part = at + family.entrySize; part <= target && part + 32 <= blob.length; ) {
      const whole = u16.read(blob, part)
      const name = partName(blob, { at: part, size: whole })
      const kind = part === target ? 'target' : 'match'
      if (isUndeclared(family, kind, name, blob[part + 31] as number)) return true
      if (isRewritten(name, blob[part + 31] as number)) return true
      if (isUnchecked(kind, name, blob.subarray(part + 32, part + Math.max(whole, 32)))) return true
      part += Math.max(whole, 8)
    }
  }
  return false
}

/** Linux checks more than the bytes of these: whether a program terminates, or whether an object exists. */
const ELSEWHERE: readonly string[] = ['bpf', 'nfacct']

/** The extensions that drafts use. */
const EXTENSIONS: readonly Extension[] = [...allExtensions('match'), ...allExtensions('target')].filter(
  (one) => !ELSEWHERE.includes(one.name) && one.families.some((family) => isBuilt(one, FAMILIES[family])),
)

const PROTOCOL_NUMBERS: readonly number[] = [0, 1, 6, 17, 33, 50, 51, 58, 108, 132, 135]

const fits = ({ demands }: Extension, table: TableName, hook: Hook | undefined, proto: number): boolean =>
  demands.tables?.includes(table) !== false &&
  (hook === undefined || demands.hooks?.includes(hook) !== false) &&
  demands.protocols?.some((name) => PROTOCOLS[name] === proto) !== false

/** The fields of a struct that refer to a set. */
const setsIn = ({ struct }: Variant): Field<unknown>[] =>
  Object.entries(struct.fields as Readonly<Record<string, Field<unknown>>>)
    .filter(([name]) => /^(?:match|add|del|map)Set$/.test(name))
    .map(([, field]) => field)

const setOrNone = (random: Random): number[] => (random.below(4) === 0 ? [0xff, 0xff] : [random.below(3), 0])

/**
 * The field by which rules share an object. Linux also checks whether such rules are consistent. The labels of
 * IDLETIMER are shared by the whole machine.
 */
const SHARED: Readonly<Record<string, string>> = {
  RATEEST: 'name',
  hashlimit: 'name',
  recent: 'name',
  IDLETIMER: 'label',
}

/** Payloads that iptables wrote, by extension and revision. */
const WRITTEN = new Map<string, Uint8Array[]>()
const writtenKey = (family: FamilyName, kind: string, name: string, revision: number): string =>
  [family, kind, name, revision].join(' ')
for (const fixture of fixtures())
  for (const { entry } of writtenRules(fixture))
    for (const { kind, name, revision, at, size } of entryExtensions(FAMILIES[fixture.capture.family], entry.bytes)) {
      const key = writtenKey(fixture.capture.family, kind, name, revision)
      const payload = entry.bytes.slice(at, at + size)
      if (!isUnchecked(kind, name, payload)) WRITTEN.set(key, [...(WRITTEN.get(key) ?? []), payload])
    }

/** A payload without values of {@link UNCHECKED}: mostly one that iptables wrote, with some bytes changed. */
function draftPayload(random: Random, extension: Extension, variant: Variant): Uint8Array {
  const { kind } = extension
  const name = kernelName(extension)
  const written = random.pick(WRITTEN.get(writtenKey(variant.family, kind, name, variant.revision)) ?? [])
  const bytes = (random.below(4) === 0 ? undefined : written)?.slice() ?? variant.initial.slice()
  const share = random.pick([2, bytes.length, 2 * bytes.length, 4 * bytes.length]) as number
  for (let i = 0; i < bytes.length; i++) {
    if (random.below(share) !== 0) continue
    const kept = bytes[i] as number
    bytes[i] = random.pick([0, 1, 2, 3, random.below(256)])
    if (isUnchecked(kind, name, bytes)) bytes[i] = kept
  }
  const shared = variant.struct.fields[SHARED[name] ?? '']
  if (shared !== undefined) bytes.set(Buffer.from(`${random.below(2 ** 30)}\0`), shared.offset)
  // An existing set, and the required values of fixed fields: otherwise hardly any rule would be accepted.
  for (const { offset } of setsIn(variant)) bytes.set(random.below(20) === 0 ? [3, 0] : setOrNone(random), offset)
  for (const { field, value } of variant.fixed) if (random.below(20) !== 0) field.write(bytes, 0, value)
  return bytes
}

function draftRule(random: Random, family: Family, table: TableName, hook: Hook | undefined): Uint8Array {
  const head = new Uint8Array(family.entrySize)
  const { proto, flags, invflags, src, iniface, nfcache } = family.entry.fields
  const number = random.pick(PROTOCOL_NUMBERS)
  for (const { offset } of [src, iniface, nfcache]) head[offset] = random.below(3)
  proto.write(head, 0, number)
  if (random.below(3) !== 0) flags.write(head, 0, 1)
  if (random.below(40) === 0) invflags.write(head, 0, random.below(128))
  const parts: Uint8Array[] = []
  let target = buildVerdict(random.pick([-1, -2, -4, -5, 8, 8, 8, 8]))
  for (let left = random.below(3); left > 0; left--) {
    const odd = random.below(60) === 0
    const extension = random.pick(EXTENSIONS.filter((one) => odd || fits(one, table, hook, number)))
    const variant = extension && random.pick(extension.variants(family.name))
    if (extension === undefined || variant === undefined) continue
    // The first of several payloads that the declaration accepts: otherwise most tables would contain an invalid one.
    const rule = {
      protocol: number,
      protocolNegated: false,
      storedProtocol: number,
      table,
      hooks: hook === undefined ? [] : [hook],
      hasSet: () => true,
      matches: [],
    }
    const drafts = Array.from({ length: odd ? 1 : 4 }, () => draftPayload(random, extension, variant))
    const payload = drafts.find((one) => variant.check?.(one, 0, rule) === undefined) ?? variant.initial
    const part = buildPart(kernelName(extension, variant), variant.revision, payload)
    if (extension.kind === 'match') parts.push(part)
    else target = part
  }
  return buildEntry(family, head, parts, target)
}

/** A table that Linux mostly accepts. Its user-defined chains are jumped to, and contain jumps. */
function draftTable(random: Random, family: Family): Draft {
  const table = random.pick(Object.keys(TABLES) as TableName[])
  const draft: Draft = { table, validHooks: 0, entries: [], hooks: new Map() }
  for (const hook of TABLES[table]) {
    const number = HOOKS.indexOf(hook)
    draft.validHooks |= 1 << number
    const first = draft.entries.length
    for (let left = random.below(4); left > 0; left--) draft.entries.push(draftRule(random, family, table, hook))
    draft.entries.push(buildVerdictEntry(family, random.pick([VERDICTS.ACCEPT, VERDICTS.DROP])))
    draft.hooks.set(number, [first, draft.entries.length - 1])
  }
  const chains: number[] = []
  for (let left = random.below(4); left > 0; left--) {
    draft.entries.push(buildErrorEntry(family, `chain${left}`))
    chains.push(draft.entries.length)
    for (let rules = random.below(3); rules > 0; rules--)
      draft.entries.push(draftRule(random, family, table, undefined))
    if (random.below(8) !== 0) draft.entries.push(buildVerdictEntry(family, VERDICTS.RETURN))
  }
  if (random.below(10) !== 0) draft.entries.push(buildErrorEntry(family, 'ERROR'))
  aimJumps(random, family, draft, chains)
  return draft
}

/** Makes most jumps go to a later chain, so that there are few loops. */
function aimJumps(random: Random, family: Family, { entries }: Draft, chains: readonly number[]): void {
  const places = offsets(entries)
  const { targetOffset, nextOffset } = family.entry.fields
  for (const [i, entry] of entries.entries()) {
    const view = new DataView(entry.buffer, entry.byteOffset)
    const verdict = targetOffset.read(entry, 0) + 32
    if (entry[verdict - 30] !== 0 || view.getInt32(verdict, true) < 0) continue
    const later = chains.filter((chain) => chain > i + 1)
    const chain = random.below(12) === 0 ? random.below(entries.length) : random.pick(later)
    const next = (places[i] as number) + nextOffset.read(entry, 0)
    view.setInt32(verdict, chain === undefined || random.below(5) === 0 ? next : (places[chain] as number), true)
  }
}

/** Breaks something, or nothing. */
function mutate(random: Random, family: Family, { table, value }: Sent): Sent {
  const kind = random.below(14)
  const bytes = value.slice()
  const view = new DataView(bytes.buffer)
  const places = Object.values(replace.fields)
    .map(({ offset }) => offset)
    .filter((offset) => offset > 0 && offset < 88)
  const anywhere = replace.size + random.below(bytes.length - replace.size)
  const atHead = replace.size + random.pick(entryStarts(family, value))
  if (kind === 0) bytes[anywhere] = (bytes[anywhere] as number) ^ (1 << random.below(8))
  else if (kind === 1) bytes[anywhere] = random.below(256)
  else if (kind === 2)
    view.setUint32(random.pick(places) as number, random.pick([0, 1, 7, 8, 152, 0x0e, 0xffff_ffff]), true)
  else if (kind === 3) return { table, value: bytes.subarray(0, bytes.length - random.below(200)) }
  else if (kind === 4) return { table, value: concat([bytes, new Uint8Array(random.below(40))]) }
  else if (kind === 5) bytes[atHead + family.entry.fields.targetOffset.offset] = random.below(256)
  else if (kind === 6) bytes[atHead + family.entry.fields.nextOffset.offset] = random.below(256)
  else if (kind === 7) mutateInside(random, family, bytes, atHead)
  return { table, value: bytes }
}

/** Changes a byte that is probably part of a header: size, name or revision. */
function mutateInside(random: Random, family: Family, bytes: Uint8Array, entry: number): void {
  const target = family.entry.fields.targetOffset.read(bytes, entry)
  const part = entry + random.pick([family.entrySize, target])
  const at = part + random.pick([0, 1, 2, 3, 5, 30, 31, 32, 33, 34, 35, 36, 37, 38, 40, 43])
  if (at < bytes.length) bytes[at] = random.pick([0, 1, 4, 8, 255, random.below(256)])
}

function entryStarts(family: Family, value: Uint8Array): number[] {
  const starts: number[] = []
  for (let at = 0; at < value.length - replace.size; ) {
    starts.push(at)
    at += family.entry.fields.nextOffset.read(value, replace.size + at) || value.length
  }
  return starts
}

/** Sends a request to both. @returns the outcomes, Linux first, and whether they returned the same counters */
function sendBoth(
  family: Family,
  { value }: Sent,
  room: number,
): { said: [string, string]; written: [Buffer, Buffer] } {
  const send = (connection: Connection): [string, Buffer] => {
    const answer = new Uint8Array(room)
    const bytes = value.slice()
    const { replace: option } = family.sockopt
    const at = bytes.length >= replace.size ? replace.fields.counters.offset : undefined
    return [outcome(() => connection.setsockopt(option, bytes, answer, at)), Buffer.from(answer)]
  }
  const [theirs, ours] = [send(linux[family.name]), send(memory[family.name])]
  return { said: [theirs[0], ours[0]], written: [theirs[1], ours[1]] }
}

/** The first eight bytes in which the two tables differ, Linux first. */
function differenceOf(family: Family, table: string): { at: number; bytes: [string, string] } | undefined {
  const [theirs, ours] = [readTable(linux[family.name], family, table), readTable(memory[family.name], family, table)]
  if (theirs.equals(ours)) return undefined
  const at = theirs.findIndex((byte, i) => byte !== ours[i])
  return { at: at - getInfo.size, bytes: [theirs.toString('hex', at, at + 8), ours.toString('hex', at, at + 8)] }
}

/** Adds the same counters to both. */
function addRandomCounters(random: Random, family: Family, table: string): void {
  const count = numEntriesOf(linux[family.name], family, table)
  const value = named(table, countersInfo.size + count * counters.size)
  countersInfo.fields.numCounters.write(value, 0, count)
  for (let i = countersInfo.size; i < value.length; i++) value[i] = random.below(256)
  linux[family.name].setsockopt(family.sockopt.addCounters, value)
  memory[family.name].setsockopt(family.sockopt.addCounters, value)
}

describe.each(Object.values(FAMILIES))('SET_REPLACE, $name', (family) => {
  const { XTABLES_TEST_REQUESTS } = process.env
  const requests = Number(XTABLES_TEST_REQUESTS ?? 600)

  test.each([1, 2, 3, 4])('the same outcome and the same table, seed %d', (seed) => {
    const random = new Random(seed)
    const outcomes = { ok: 0 } as Record<string, number> & { ok: number }
    const differences: unknown[] = []
    for (let i = 0; i < requests; i++) {
      const draft = draftTable(random, family)
      const count = numEntriesOf(linux[family.name], family, draft.table)
      const sent = mutate(random, family, requestOf(draft, count))
      if (asksUnchecked(family, sent.value)) continue
      const { said, written } = sendBoth(family, sent, count * counters.size)
      outcomes[said[0]] = (outcomes[said[0]] ?? 0) + 1
      const difference = differenceOf(family, draft.table)
      if (said[0] !== said[1] || difference !== undefined || !written[0].equals(written[1]))
        differences.push({ i, said, difference, table: draft.table, value: Buffer.from(sent.value).toString('base64') })
      if (difference !== undefined) break
      if (random.below(5) === 0) addRandomCounters(random, family, draft.table)
    }
    expect(differences).toEqual([])
    // Otherwise, only refusals would be compared.
    expect(outcomes.ok).toBeGreaterThan(requests / 5)
  })
})

describe('what the kernel checks beyond the parameters', () => {
  const rule = ({ kind, name, family, sample, proto = 0 }: Sample): Uint8Array => {
    const extension = EXTENSIONS.find((one) => one.kind === kind && kernelName(one) === name) as Extension
    const variant = extension.variants(family)[0] as Variant
    const payload = new Uint8Array(variant.size)
    for (const [at, value] of Object.entries(sample)) payload[Number(at)] = value
    const part = buildPart(name, variant.revision, payload)
    const head = new Uint8Array(FAMILIES[family].entrySize)
    FAMILIES[family].entry.fields.proto.write(head, 0, proto)
    if (family === 'ipv6' && proto !== 0) FAMILIES[family].entry.fields.flags.write(head, 0, IP6T_F_PROTO)
    return kind === 'match'
      ? buildEntry(FAMILIES[family], head, [part], buildVerdict(VERDICTS.DROP))
      : buildEntry(FAMILIES[family], head, [], part)
  }

  const send = (one: Sample): [string, string] => {
    const family = FAMILIES[one.family]
    const table = one.table ?? 'filter'
    const policies = TABLES[table].map(() => buildVerdictEntry(family, VERDICTS.ACCEPT))
    const hooks = TABLES[table].map((hook, i) => [HOOKS.indexOf(hook), [i === 0 ? 0 : i + 1, i + 1]] as const)
    const validHooks = TABLES[table].reduce((mask, hook) => mask | hookBit(hook), 0)
    const entries = [rule(one), ...policies, buildErrorEntry(family, 'ERROR')]
    const draft: Draft = { table, validHooks, entries, hooks: new Map(hooks) as Draft['hooks'] }
    const count = numEntriesOf(linux[family.name], family, table)
    return sendBoth(family, requestOf(draft, count), count * counters.size).said
  }

  test.each(CHECKED)('$family $name: $what', (one) => {
    const [theirs, ours] = send(one)
    expect(theirs).not.toBe('ok')
    expect(ours).toBe(theirs)
  })

  // Once a declaration has the check, move its value to CHECKED.
  test.failing.each(UNCHECKED)('$family $name: $what', (one) => {
    const [theirs, ours] = send(one)
    expect(ours).toBe(theirs)
  })
})
