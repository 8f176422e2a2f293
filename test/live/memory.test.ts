/** The in-process kernel against the machine's: the same requests, the same answers. */
import { spawnSync } from 'node:child_process'
import { errnoName } from '../../src/abi/errno'
import { FAMILIES, type Family, type FamilyName } from '../../src/abi/family'
import { HOOKS, TABLES, type TableName, VERDICTS } from '../../src/abi/netfilter'
import { counters, countersInfo, getEntries, getInfo, getRevision, replace } from '../../src/abi/x-tables'
import { matches, targets } from '../../src/extensions/registry'
import { type Connection, type Kernel, SockoptFailure } from '../../src/kernel/kernel'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { buildEntry, buildErrorEntry, buildPart, buildVerdict, buildVerdictEntry } from '../../src/ruleset/entry'
import { Random } from '../kernel/random'

const SETS = { four: 'ipv4', six: 'ipv6', list: 'any' } as const

/** Both kernels over sockets of both families. */
function open(kernel: Kernel): Readonly<Record<FamilyName, Connection>> {
  return { ipv4: kernel.connect('ipv4'), ipv6: kernel.connect('ipv6') }
}

const linuxKernel = new LinuxKernel()
const memoryKernel = new MemoryKernel({ sets: SETS })
const linux = open(linuxKernel)
const memory = open(memoryKernel)

beforeAll(() => {
  for (const [name, type] of Object.entries({ four: 'hash:ip', six: 'hash:ip family inet6', list: 'list:set' })) {
    const { status, stderr } = spawnSync('ipset', ['create', name, ...type.split(' ')], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`ipset: ${stderr}`)
  }
})

afterAll(() => {
  for (const connection of [...Object.values(linux), ...Object.values(memory)]) connection.close()
})

/** `ok`, or the name of the errno. */
function outcome(call: () => void): string {
  try {
    call()
    return 'ok'
  } catch (error) {
    if (error instanceof SockoptFailure) return errnoName(error.errno)
    throw error
  }
}

/** What getsockopt makes of `value`: the outcome, and the bytes afterwards. */
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

/** The whole table as a kernel hands it out, the answer to GET_INFO in front. */
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

describe.each(Object.values(FAMILIES))('$name', (family) => {
  const { sockopt } = family

  describe.each(Object.keys(TABLES) as TableName[])('table %s', (table) => {
    test('is the same when it comes into being', () => expectSameTable(family, table))
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
  ])('GET_ENTRIES with %d bytes, said to be %d', (size, said) => {
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
    // Of those that both declare, as the in-process kernel has no others.
    for (const { kernelName, variants } of kind === 'match' ? matches : targets)
      for (const { revision } of variants[family.name])
        expectSameAnswer(family.name, option, getRevisionOf(kernelName, revision))
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

/** Entries, and where the chains of a table lie among them. */
interface Draft {
  table: string
  validHooks: number
  entries: Uint8Array[]
  /** By hook: index of the first entry and of the policy. */
  hooks: Map<number, [first: number, policy: number]>
}

interface Sent {
  readonly table: string
  readonly value: Uint8Array
}

const concat = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** Where each entry begins, and where the last one ends. */
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

/** Payloads that Linux takes, and the protocol that each wants of its rule. */
function payload(random: Random, family: FamilyName, name: string, size: number): { bytes: Uint8Array; proto: number } {
  const bytes = new Uint8Array(size)
  const some = (at: number, count: number, max = 255): void => {
    for (let i = at; i < at + count; i++) bytes[i] = random.below(max + 1)
  }
  const protocols: Record<string, number> = { tcp: 6, udp: 17, icmp: 1, icmp6: 58 }
  switch (name) {
    case 'tcp':
      some(0, 11)
      bytes[11] = random.below(16)
      break
    case 'udp':
      some(0, 8)
      bytes[8] = random.below(4)
      break
    case 'icmp':
    case 'icmp6':
      some(0, 3)
      bytes[3] = random.below(2)
      break
    case 'set':
      some(2, 46)
      bytes[0] = random.below(4)
      bytes[2] = random.below(7)
      break
    case 'LOG':
      some(1, 30)
      bytes[0] = random.below(8)
      break
    case 'REJECT':
      bytes[0] = random.pick([0, 1, 3, 8, 4, family === 'ipv4' ? 7 : 6])
      break
    case 'MASQUERADE':
      if (family === 'ipv4') bytes[0] = 1
      bytes[family === 'ipv4' ? 4 : 0] = random.below(256) & 0xfe
      some(family === 'ipv4' ? 8 : 4, 8)
      break
    case 'CT':
      bytes[0] = random.below(32)
      some(2, 10)
      break
    default:
      some(0, size)
  }
  return { bytes, proto: protocols[name] ?? (random.below(3) === 0 ? random.pick([1, 6, 17, 58]) : 0) }
}

/** The extensions whose rules the drafts are made of, by what a blob says of them. */
const EXTENSIONS = [...matches, ...targets]

function draftRule(random: Random, family: Family, size: number): Uint8Array {
  const head = new Uint8Array(family.entrySize)
  const { proto, flags, invflags, src, iniface } = family.entry.fields
  head[src.offset] = random.below(256)
  head[iniface.offset] = random.below(2)
  const parts: Uint8Array[] = []
  let target = buildVerdict(random.pick([-1, -2, -4, -5, -5, random.below(size) * 8]))
  for (let left = random.below(3); left > 0; left--) {
    const extension = random.pick(EXTENSIONS)
    const variant = random.pick(extension.variants[family.name])
    if (variant === undefined) continue
    const made = payload(random, family.name, extension.kernelName, variant.size)
    const part = buildPart(extension.kernelName, variant.revision, made.bytes)
    if (extension.kind === 'match') parts.push(part)
    else target = part
    if (made.proto !== 0 || extension.kind === 'match') proto.write(head, 0, made.proto)
  }
  if (random.below(2) === 0) flags.write(head, 0, 1)
  if (random.below(20) === 0) invflags.write(head, 0, random.below(128))
  return buildEntry(family, head, parts, target)
}

/** A table that Linux mostly takes. Its user chains are jumped to, and jump on. */
function draftTable(random: Random, family: Family): Draft {
  const table = random.pick(Object.keys(TABLES) as TableName[])
  const draft: Draft = { table, validHooks: 0, entries: [], hooks: new Map() }
  for (const hook of TABLES[table]) {
    const number = HOOKS.indexOf(hook)
    draft.validHooks |= 1 << number
    const first = draft.entries.length
    for (let left = random.below(4); left > 0; left--) draft.entries.push(draftRule(random, family, 40))
    draft.entries.push(buildVerdictEntry(family, random.pick([VERDICTS.ACCEPT, VERDICTS.DROP])))
    draft.hooks.set(number, [first, draft.entries.length - 1])
  }
  const chains: number[] = []
  for (let left = random.below(4); left > 0; left--) {
    draft.entries.push(buildErrorEntry(family, `chain${left}`))
    chains.push(draft.entries.length)
    for (let rules = random.below(3); rules > 0; rules--) draft.entries.push(draftRule(random, family, 60))
    if (random.below(8) !== 0) draft.entries.push(buildVerdictEntry(family, VERDICTS.RETURN))
  }
  if (random.below(10) !== 0) draft.entries.push(buildErrorEntry(family, 'ERROR'))
  aimJumps(random, family, draft, chains)
  return draft
}

/** Gives most jumps a chain that comes later, so that only few go in a circle. */
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

/** Breaks something, or not. */
function mutate(random: Random, family: Family, { table, value }: Sent): Sent {
  const kind = random.below(9)
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

/** Changes a byte of what is most likely a header: size, name or revision. */
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

/** Sends a request to both. @returns what they said, Linux first, and whether they wrote the same counters. */
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

/** The first eight bytes in which the tables of the two differ, Linux first. */
function differenceOf(family: Family, table: string): { at: number; bytes: [string, string] } | undefined {
  const [theirs, ours] = [readTable(linux[family.name], family, table), readTable(memory[family.name], family, table)]
  if (theirs.equals(ours)) return undefined
  const at = theirs.findIndex((byte, i) => byte !== ours[i])
  return { at: at - getInfo.size, bytes: [theirs.toString('hex', at, at + 8), ours.toString('hex', at, at + 8)] }
}

/** Adds the same to the counters of both. */
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
    const outcomes: Record<string, number> = {}
    const differences: unknown[] = []
    for (let i = 0; i < requests; i++) {
      const draft = draftTable(random, family)
      const count = numEntriesOf(linux[family.name], family, draft.table)
      const sent = mutate(random, family, requestOf(draft, count))
      const { said, written } = sendBoth(family, sent, count * counters.size)
      outcomes[said[0]] = (outcomes[said[0]] ?? 0) + 1
      const difference = differenceOf(family, draft.table)
      if (said[0] !== said[1] || difference !== undefined || !written[0].equals(written[1]))
        differences.push({ i, said, difference, table: draft.table, value: Buffer.from(sent.value).toString('base64') })
      if (difference !== undefined) break
      if (random.below(5) === 0) addRandomCounters(random, family, draft.table)
    }
    expect(differences).toEqual([])
    // Else this would compare refusals alone.
    expect(outcomes['ok']).toBeGreaterThan(requests / 5)
  })
})
