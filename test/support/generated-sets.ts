/** Generated ipset command lines: for each set type, its creation, and entries in every form that the tool accepts. */
import type { FamilyName } from '../../src/abi/family'
import { SET_TYPES, type SetTypeName } from '../../src/ipset/types'
import type { Random } from '../kernel/random'

type Family = FamilyName | 'any'
type Words = readonly string[]

const times = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

const ODD_NUMBERS = ['', 'x', '-1', '0x', '08', '4294967296', '99999999999999999999', '5x', '1.5', '1 2']
const odd = (random: Random, words: readonly string[], often = 30): string | undefined =>
  random.below(often) === 0 ? random.pick(words) : undefined

function number(random: Random, max: number): string {
  const value = random.below(Math.min(max, 0x7fff_ffff) + 1)
  return odd(random, ODD_NUMBERS) ?? random.pick([`${value}`, `${value}`, `0x${value.toString(16)}`, `+${value}`])
}

const ODD_IPV4 = [
  '',
  'x y',
  '1.2.3.256',
  '0x1.2.3.4',
  '1.2.3.4.5',
  '[10.9.1.1',
  '::1',
  '.1',
  '1..2',
  '08.1.1.1',
  '-1.2.3.4',
]
const ODD_IPV6 = ['', '1.2.3.4', ':::', 'fe80::1%lo', '[::1', 'x', '1::2::3', '::1-', '/64']

function ipv4(random: Random): string {
  const [a, b] = [random.below(4), random.below(256)]
  return (
    odd(random, ODD_IPV4) ??
    random.pick([
      `10.9.${a}.${b}`,
      `10.9.${a}.${b}`,
      `10.9.${a}.${b}`,
      `10.9.${b}`,
      `012.011.${a}.${b}`,
      `[10.9.${a}.${b}]`,
      `${168362240 + b}`,
      '[localhost]',
      '0.0.0.0',
    ])
  )
}

function ipv6(random: Random): string {
  const hex = (): string => random.below(0x10000).toString(16)
  return (
    odd(random, ODD_IPV6) ??
    random.pick([
      `fe80::${hex()}`,
      `${hex()}:${hex()}::${hex()}`,
      `FE80:0:0::${hex()}`,
      `[::${hex()}]`,
      '::',
      `::ffff:10.9.1.2`,
    ])
  )
}

const address = (random: Random, family: Family): string => (family === 'ipv6' ? ipv6(random) : ipv4(random))

function prefix(random: Random, family: Family): string {
  const full = family === 'ipv6' ? 128 : 32
  return odd(random, ['', 'x', '33', '129', '-1', '024', '0x18', '255.255.0.0']) ?? `${full - random.below(6)}`
}

/** An address, a network or a range. */
function addresses(random: Random, family: Family): string {
  const one = address(random, family)
  const way = random.below(10)
  if (way < 3) return `${one}/${prefix(random, family)}`
  if (way > 3) return one
  // A small range, because the kernel adds each address of it separately.
  const [a, b] = [random.below(4), random.below(256)]
  return family === 'ipv6'
    ? `${one}-::1`
    : random.pick([`10.9.${a}.${b}-10.9.${a}.${255 - b}`, `[10.9.${a}.0]-10.9.${a}.${b}`])
}

const ICMP = [
  '8/0',
  '3/1',
  '200/3',
  'ping',
  'PING',
  'echo-re',
  'po',
  'tos',
  'foo',
  '256/1',
  '1',
  '1/2/3',
  '/1',
  '1/',
  'a/b',
  '0x3/03',
]
const PROTOCOLS = ['tcp', 'udp', 'sctp', 'udplite', '6', '17', '0x11', 'TCP']
const OTHERS = [
  'esp:0',
  '47:0',
  'gre:0',
  '200:0',
  'esp:5',
  'foo:5',
  'ip:0',
  '0:0',
  '256:0',
  'ospf:0',
  ':5',
  'tcp:',
  ':',
  'Tcp:5',
]

function port(random: Random): string {
  const one = (): string =>
    odd(random, ['65536', 'x', '', '[http]x', '[http', '08']) ??
    random.pick([
      `${random.below(1000)}`,
      `${random.below(100)}`,
      'http',
      'ssh',
      '[ftp-data]',
      '0x50',
      'ftp-data',
      'domain',
    ])
  const first = one()
  if (random.below(4) > 0 || /^\d{4,}$/.test(first)) return first
  return `${first}-${random.below(100)}`
}

function protocolAndPort(random: Random): string {
  const way = random.below(10)
  if (way < 3) return port(random)
  if (way < 7) return `${random.pick(PROTOCOLS)}:${port(random)}`
  if (way < 9) return `${random.pick(['icmp', 'icmpv6', '1', '58', 'ipv6-icmp'])}:${random.pick(ICMP)}`
  return random.pick(OTHERS)
}

function mac(random: Random): string {
  const byte = (): string => random.below(256).toString(16)
  return (
    odd(random, ['x', '1:2:3:4:5', '1:2:3:4:5:6:7', '1-2-3-4-5-6', 'g:1:1:1:1:1', '001:2:3:4:5:6', '1:2:3:4:5:100']) ??
    random.pick([
      times(6).map(byte).join(':'),
      times(6)
        .map(() => byte().toUpperCase().padStart(2, '0'))
        .join(':'),
    ])
  )
}

const IFACES = [
  'eth0',
  'lo',
  'physdev:eth0',
  'a:b',
  'eth+',
  'x.1',
  '012345678901234',
  '0123456789012345',
  'PHYSDEV:e',
  'eth-1',
  '[e-1]',
  'é',
]

/** The text of one part of an element. */
function part(name: string, random: Random, family: Family, type: SetTypeName): string {
  if (name === 'port') return type === 'bitmap:port' ? bitmapPort(random) : protocolAndPort(random)
  if (name === 'mac') return mac(random)
  if (name === 'iface') return random.pick(IFACES)
  if (name === 'mark') return number(random, 0xffff_ffff)
  if (name === 'set') return random.pick(['one', 'two', 'three', 'none', 'list', '01234567890123456789012345678901'])
  return addresses(random, family)
}

const bitmapPort = (random: Random): string =>
  random.below(3) === 0 ? `${random.pick(PROTOCOLS)}:${port(random)}` : port(random)

export function element(random: Random, type: SetTypeName, family: Family): string {
  const parts = (type.split(':')[1] as string).split(',').map((name) => part(name, random, family, type))
  if (type === 'bitmap:ip,mac' && random.below(4) === 0) parts.pop()
  const way = random.below(60)
  if (way === 0) parts.pop()
  else if (way === 1) parts.push(part('ip', random, family, type))
  else if (way === 2) parts.push('')
  return parts.join(',')
}

/** Options of entries. Timeouts are so long that they read the same for a while, or do not end. */
const OPTIONS: Readonly<Record<string, (random: Random) => Words>> = {
  timeout: (random) => [odd(random, ODD_NUMBERS, 10) ?? random.pick(['0', '100000', '2147483', '2147484', '0x186a0'])],
  packets: (random) => [number(random, 0x7fff_ffff)],
  bytes: (random) => [random.pick(['5', '18446744073709551614', '18446744073709551615', 'x'])],
  comment: (random) => [random.pick(['a', 'a b', '', 'é', 'x"y', 'a,b', '5', 'c'.repeat(255), 'c'.repeat(256)])],
  skbmark: (random) => [
    random.pick(['0x5', '0x5/0xff', '0xffffffff/0xffffffff', '0x0/0xf', '0x0/0x0', '5', '0x1/', 'x']),
  ],
  skbprio: (random) => [random.pick(['1:10', 'ffff:ffff', '0:0', '1', '1:', 'x:1', '0:5'])],
  skbqueue: (random) => [random.pick(['0', '5', '65535', '65536', 'x', '0x10'])],
  nomatch: () => [],
  wildcard: () => [],
  before: (random) => [random.pick(['one', 'two', 'three', 'none'])],
  after: (random) => [random.pick(['one', 'two', 'three', 'none'])],
  foo: () => [],
}

function optionWords(
  random: Random,
  table: Readonly<Record<string, (random: Random) => Words>>,
  names: Words,
  most: number,
): string[] {
  const words = times(random.below(most + 1)).flatMap(() => {
    const name = random.pick(names)
    const spelled = random.below(20) === 0 ? `--${name}` : name
    return [spelled, ...(table[name]?.(random) ?? [])]
  })
  if (random.below(60) === 0) words.pop()
  return words
}

/** Names of options that a set of this type may accept, and occasionally one that it does not. */
function entryOptionNames(random: Random, type: SetTypeName): Words {
  const own = Object.keys(SET_TYPES[type].entry).filter((name) => Object.hasOwn(OPTIONS, name))
  const all = ['timeout', 'packets', 'bytes', 'comment', 'skbmark', 'skbprio', 'skbqueue', ...own, ...own, ...own]
  return random.below(25) === 0 ? Object.keys(OPTIONS) : all
}

/** A line about one entry of the set. */
export function entryLine(random: Random, name: string, type: SetTypeName, family: Family): Words {
  const command = random.pick(['add', 'add', 'add', 'add', 'del', 'test', 'test'])
  const most = command === 'add' ? 3 : random.below(3) === 0 ? 1 : 0
  const names = command === 'add' || random.below(8) === 0 ? entryOptionNames(random, type) : ownOptions(type)
  const exist = random.below(3) === 0 ? ['-exist'] : []
  return [
    ...exist,
    command,
    name,
    element(random, type, family),
    ...(names.length > 0 ? optionWords(random, OPTIONS, names, most) : []),
  ]
}

const ownOptions = (type: SetTypeName): Words =>
  ['nomatch', 'before', 'after'].filter((name) => name in SET_TYPES[type].entry)

const CREATE: Readonly<Record<string, (random: Random) => Words>> = {
  hashsize: (random) => [random.pick(['64', '1', '100', '0x40', '4294967296', 'x'])],
  maxelem: (random) => [random.pick(['10', '65536', '0', '-1', '100000'])],
  bucketsize: (random) => [random.pick(['2', '14', '12', '0', '255', '256'])],
  netmask: (random) => [random.pick(['24', '32', '1', '0', '33', '64', '129', 'x'])],
  bitmask: (random) => [random.pick(['255.255.0.255', '255.0.0.0', '0.0.0.0', 'ffff::ff', 'x'])],
  markmask: (random) => [random.pick(['0xff', '5', '0', '4294967296'])],
  timeout: (random) => [random.pick(['0', '200000', '2147483', '2147484', 'x'])],
  size: (random) => [random.pick(['2', '8', '0', '-1'])],
  counters: () => [],
  comment: () => [],
  skbinfo: () => [],
  family: (random) => [random.pick(['inet', 'inet6', 'ipv4', '-6', 'INET', 'unspec'])],
  range: (random) => [
    random.pick([
      '10.9.0.0/16',
      '10.9.3.255-10.9.0.0',
      '10.9.0.0',
      '10.0.0.0/8',
      '0-1000',
      '90-80',
      'ssh-http',
      'udp:5-6',
      '5',
      'x',
    ]),
  ],
  from: (random) => [random.pick(['10.9.0.0', '5', 'x'])],
  to: (random) => [random.pick(['10.9.3.0', '500', 'x'])],
  network: (random) => [random.pick(['10.9.0.0/24', '10.9.0.0', 'x'])],
  probes: () => ['5'],
  foo: () => [],
  '-6': () => [],
}

/**
 * A line that creates a set, or is refused. Values that the kernel would choose at random are given, so that two
 * kernels lay out the set in the same way.
 */
export function createLine(random: Random, name: string, type: SetTypeName): Words {
  const own = Object.keys(SET_TYPES[type].create).filter((option) => Object.hasOwn(CREATE, option))
  const names =
    random.below(6) === 0 ? Object.keys(CREATE) : [...own, ...(SET_TYPES[type].families.length > 1 ? ['family'] : [])]
  const seed = 'initval' in SET_TYPES[type].create ? ['initval', '0x5'] : []
  return ['create', name, type, ...seed, ...optionWords(random, CREATE, names, 4)]
}

/** A line that creates the set whose entries are tested. */
export function plainCreateLine(name: string, type: SetTypeName, family: Family, extended: boolean): Words {
  const families = SET_TYPES[type].families.length > 1 ? ['family', family === 'ipv6' ? 'inet6' : 'inet'] : []
  const range: Words =
    type === 'bitmap:port' ? ['range', '0-1000'] : type.startsWith('bitmap') ? ['range', '10.9.0.0/22'] : []
  const seed = 'initval' in SET_TYPES[type].create ? ['initval', '0x5', 'hashsize', '64'] : []
  const more = extended ? ['timeout', '200000', 'counters', 'comment', 'skbinfo'] : []
  return ['create', name, type, ...families, ...range, ...seed, ...more]
}
