/** Runs ipset(8) for comparison: it reads what we print, and we read what it prints. */
import fc from 'fast-check'
import type { FamilyName } from '../../src/abi/family'
import { PROTOCOLS } from '../../src/abi/protocols'
import type { SetTypeName } from '../../src/ipset/types'
import { run } from './run-program'

export type Entry = Readonly<Record<string, unknown>>

const range = (value: unknown): string => (Array.isArray(value) ? value.join('-') : String(value))

/** A port in the syntax of ipset. For ICMP, its type and code. */
function portWords({ protocol, port }: Entry): string {
  if (protocol === undefined) return range(port)
  const isIcmp = protocol === 'icmp' || protocol === 'ipv6-icmp'
  const name = protocol === 'ipv6-icmp' ? 'icmpv6' : protocol
  return `${name}:${isIcmp ? `${(port as number) >> 8}/${(port as number) & 255}` : range(port)}`
}

const hex = (value: number): string => `0x${value.toString(16)}`

/** The parts of an entry, in the order of ipset. */
const PARTS: readonly [string, (entry: Entry) => string][] = [
  ['ip', ({ ip }) => String(ip)],
  ['net', ({ net }) => String(net)],
  ['port', portWords],
  ['ip2', ({ ip2 }) => String(ip2)],
  ['net2', ({ net2 }) => String(net2)],
  ['mac', ({ mac }) => String(mac)],
  ['iface', ({ iface, physdev }) => `${physdev ? 'physdev:' : ''}${iface}`],
  ['mark', ({ mark }) => hex(mark as number)],
  ['set', ({ set }) => String(set)],
]

/** Options that may follow an entry. */
const OPTIONS: readonly [string, (value: never) => readonly string[]][] = [
  ['before', (name: string) => ['before', name]],
  ['after', (name: string) => ['after', name]],
  ['timeout', (value: number) => ['timeout', String(value)]],
  ['packets', (value: bigint) => ['packets', String(value)]],
  ['bytes', (value: bigint) => ['bytes', String(value)]],
  ['comment', (value: string) => ['comment', value]],
  ['skbmark', ([mark, mask]: readonly [number, number]) => ['skbmark', `${hex(mark)}/${hex(mask)}`]],
  [
    'skbprio',
    ([major, minor]: readonly [number, number]) => ['skbprio', `${major.toString(16)}:${minor.toString(16)}`],
  ],
  ['skbqueue', (value: number) => ['skbqueue', String(value)]],
  ['nomatch', () => ['nomatch']],
  ['wildcard', () => ['wildcard']],
]

/** An entry as arguments of an ipset command. */
export function entryWords(entry: Entry): string[] {
  const parts = PARTS.filter(([key]) => entry[key] !== undefined).map(([, words]) => words(entry))
  const options = OPTIONS.filter(([key]) => entry[key] !== undefined).flatMap(([key, words]) =>
    words(entry[key] as never),
  )
  return [parts.join(','), ...options]
}

/** The create options of a set, as arguments. */
export function createWords(options: Entry): string[] {
  return Object.entries(options).flatMap(([key, value]) => {
    if (value === undefined || value === false) return []
    if (value === true) return [key]
    if (key === 'family') return [key, value === 'ipv6' ? 'inet6' : 'inet']
    return [key, key === 'markmask' || key === 'initval' ? hex(value as number) : range(value)]
  })
}

/** Runs lines with ipset. @returns its error message, if any */
export function restoreSets(lines: readonly (readonly string[])[]): string {
  const text = lines.map((words) => words.map((word, i) => (words[i - 1] === 'comment' ? `"${word}"` : word)).join(' '))
  return run('ipset', ['restore'], `${text.join('\n')}\n`).stderr
}

/** The original timeout of an entry, if it was a multiple of a thousand seconds and little time has passed. */
export const untouched = (left: number): number => Math.ceil(left / 1000) * 1000

/** The output of `ipset save` for a set, in order, without its name and random values. */
export function savedSet(name: string): string[] {
  const { status, stdout, stderr } = run('ipset', ['save', name])
  if (status !== 0) throw new Error(stderr)
  const [head = '', ...entries] = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/^(create|add) \S+/, '$1').replace(/ initval 0x[0-9a-f]+/, ''))
    .map((line) => line.replace(/^(add .* timeout )(\d+)/, (_, head, left) => head + untouched(Number(left))))
  return [head, ...entries.sort()]
}

// Arbitrary entries

const byte = fc.nat(255)
const ipv4 = fc.tuple(fc.integer({ min: 1, max: 223 }), byte, byte, byte).map((bytes) => bytes.join('.'))
const group = fc.oneof(fc.constant(0), fc.nat(0xffff))
const ipv6 = fc
  .tuple(fc.integer({ min: 0x2000, max: 0x3fff }), group, group, group, group, group, group, group)
  .map((groups) => groups.map((one) => one.toString(16)).join(':'))
const address = (family: FamilyName): fc.Arbitrary<string> => (family === 'ipv6' ? ipv6 : ipv4)

const withLength = (family: FamilyName, least: number): fc.Arbitrary<string> =>
  fc
    .tuple(address(family), fc.integer({ min: least, max: family === 'ipv6' ? 128 : 32 }))
    .map(([ip, length]) => `${ip}/${length}`)

/** A small IPv4 range. */
const rangeOf4 = fc.tuple(ipv4, fc.nat(20)).map(([ip, more]) => {
  const [head, last] = [ip.slice(0, ip.lastIndexOf('.')), Number(ip.slice(ip.lastIndexOf('.') + 1))]
  return `${ip}-${head}.${Math.min(255, last + more)}`
})

const hosts = (family: FamilyName): fc.Arbitrary<string> =>
  family === 'ipv6' ? ipv6 : fc.oneof({ arbitrary: ipv4, weight: 4 }, rangeOf4, withLength('ipv4', 27))
const network = (family: FamilyName): fc.Arbitrary<string> =>
  family === 'ipv6' ? fc.oneof(ipv6, withLength('ipv6', 1)) : fc.oneof(ipv4, withLength('ipv4', 1), rangeOf4)

const port = fc.nat(0xffff)
const ports = fc.oneof(
  { arbitrary: port, weight: 3 },
  fc.tuple(fc.nat(65000), fc.nat(9)).map(([first, more]) => [first, first + more] as const),
)
const protocols = Object.entries(PROTOCOLS).flatMap(([name, number]) => (number === 0 ? [] : [name]))
const PORTED = ['tcp', 'udp', 'sctp', 'udplite']
const portAndProtocol = (family: FamilyName) =>
  fc.oneof(
    { arbitrary: fc.record({ protocol: fc.constantFrom(...PORTED), port: ports }), weight: 4 },
    fc.record({ protocol: fc.constant(family === 'ipv6' ? 'ipv6-icmp' : 'icmp'), port }),
    fc.record({
      protocol: fc.constantFrom(...protocols.filter((name) => !PORTED.includes(name) && !name.includes('icmp'))),
      port: fc.constant(0),
    }),
  )
const mac = fc
  .tuple(fc.integer({ min: 1, max: 255 }), byte, byte, byte, byte, byte)
  .map((bytes) => bytes.map((one) => one.toString(16).padStart(2, '0')).join(':'))
const iface = fc.stringMatching(/^[a-z][a-z0-9.]{0,14}$/)
const yes = fc.constant(true)
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

const IN_RANGE = fc.oneof(
  fc.tuple(byte, byte).map(([a, b]) => `10.9.${a}.${b}`),
  fc.tuple(byte, fc.integer({ min: 24, max: 32 })).map(([a, length]) => `10.9.${a}.0/${length}`),
)

type Parts = (family: FamilyName) => Readonly<Record<string, fc.Arbitrary<unknown>>>
const ported = (family: FamilyName) => ({ '': portAndProtocol(family) })
const nomatch = { nomatch: maybe(yes) }

/** The parts of the entries of each type. Parts without a name are merged into the entry. */
export const ENTRY_PARTS: Readonly<Record<SetTypeName, Parts>> = {
  'bitmap:ip': () => ({ ip: IN_RANGE }),
  'bitmap:ip,mac': () => ({ ip: byte.map((last) => `10.9.0.${last}`), mac: maybe(mac) }),
  'bitmap:port': () => ({ port: ports }),
  'hash:ip': (family) => ({ ip: hosts(family) }),
  'hash:mac': () => ({ mac }),
  'hash:ip,mac': (family) => ({ ip: address(family), mac }),
  'hash:net': (family) => ({ net: network(family), ...nomatch }),
  'hash:net,net': (family) => ({ net: network(family), net2: network(family), ...nomatch }),
  'hash:ip,port': (family) => ({ ip: hosts(family), ...ported(family) }),
  'hash:net,port': (family) => ({ net: network(family), ...ported(family), ...nomatch }),
  'hash:ip,port,ip': (family) => ({ ip: hosts(family), ...ported(family), ip2: address(family) }),
  'hash:ip,port,net': (family) => ({ ip: hosts(family), ...ported(family), net2: network(family), ...nomatch }),
  'hash:net,port,net': (family) => ({ net: network(family), ...ported(family), net2: network(family), ...nomatch }),
  'hash:net,iface': (family) => ({
    net: network(family),
    iface,
    physdev: maybe(yes),
    wildcard: maybe(yes),
    ...nomatch,
  }),
  'hash:ip,mark': (family) => ({ ip: hosts(family), mark: fc.nat(0xffff_ffff) }),
  'list:set': () => ({ set: fc.constantFrom('one', 'two', 'three') }),
}

/** Options of entries, for sets that support them. Timeouts are so long that they read the same for a while. */
const ANY_OPTIONS = {
  timeout: fc.constantFrom(0, 100_000, 2_147_000),
  packets: fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }),
  bytes: fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }),
  comment: fc.stringMatching(/^[a-zA-Z0-9 ,;\\äß]{1,40}$/),
  skbmark: fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)),
  skbprio: fc.tuple(fc.nat(0xffff), fc.nat(0xffff)),
  skbqueue: fc.nat(0xffff),
}

/** Required options of each type. The sets have room for {@link ENTRY_PARTS}. */
export const NEEDED_OPTIONS: Readonly<Partial<Record<SetTypeName, Entry>>> = {
  'bitmap:ip': { range: '10.9.0.0-10.9.255.255' },
  'bitmap:ip,mac': { range: '10.9.0.0-10.9.0.255' },
  'bitmap:port': { range: [0, 65535] },
}

/** Whether the kernel supports sets of this type, according to the tool. Creates a set in the current namespace. */
export const hasType = (type: SetTypeName): boolean =>
  !/not supported/.test(run('ipset', ['create', 'probe', type, ...createWords(NEEDED_OPTIONS[type] ?? {})]).stderr)

/** The create options that {@link ANY_OPTIONS} require. */
export const ALL_EXTENSIONS = { timeout: 200_000, counters: true, comment: true, skbinfo: true }

const laid = (record: Record<string, unknown>): Entry =>
  Object.fromEntries(
    Object.entries(record)
      .flatMap(([key, value]) => (key === '' ? Object.entries(value as object) : [[key, value] as const]))
      .filter(([, value]) => value !== undefined),
  )

/** Entries of a type with different parts. */
export function entriesOf(
  type: SetTypeName,
  family: FamilyName,
  withOptions: boolean,
  count: number,
  seed: number,
): Entry[] {
  const parts = fc.record(ENTRY_PARTS[type](family)).map(laid)
  const options = withOptions ? fc.record(ANY_OPTIONS, { requiredKeys: [] }) : fc.constant({})
  return fc.sample(fc.tuple(parts, options), { numRuns: count, seed }).map(([one, more]) => ({ ...one, ...more }))
}
