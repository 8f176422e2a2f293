/** Generated requests about sets, valid and invalid, and the answers of two kernels. */
import { IPSET_FLAG, SET_FAMILIES } from '../../src/abi/ip-set'
import { NETLINK_NETFILTER, NLM_F_EXCL } from '../../src/abi/netlink'
import { type CreateAttributes, commands, type EntryAttributes, type ListValues } from '../../src/ipset/messages'
import { ask } from '../../src/ipset/sets'
import { SET_TYPES, type SetTypeName, setType } from '../../src/ipset/types'
import type { NetlinkPort } from '../../src/kernel/kernel'
import { NetlinkClient } from '../../src/netlink/client'
import { type Message, readMessage } from '../../src/netlink/message'
import { Refusal } from '../../src/netlink/refusal'
import type { Random } from '../kernel/random'
import { untouched } from './ipset'

type Command = keyof typeof commands
export interface SetRequest {
  readonly command: Command
  readonly values: Readonly<Record<string, unknown>>
  readonly flags: number
}

// Values come from small sets, so that the same ones occur repeatedly.

type Family = 'ipv4' | 'ipv6' | 'any'

const V4 = [
  ...Array.from({ length: 8 }, (_, i) => `10.0.0.${i}`),
  ...['10.0.0.40', '10.0.1.9', '0.0.0.0', '10.1.0.0', '10.255.255.255', '11.0.0.0'],
]
const V6 = ['2000::', '2000::1', '2000::2', '2000::ff', '2000:0:0:1::', '2001::', '::', '::1', 'ff00::1']
const MAC = ['00:00:00:00:00:00', '00:11:22:33:44:55', '00:11:22:33:44:66'].map((text) =>
  Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16)),
)
const IFACES = ['a', 'ab', 'abc', 'b', 'eth0', 'eth01']
const PROTOS = [6, 6, 6, 17, 132, 136, 1, 58, 50, 0]
const PORTS = [0, 1, 2, 3, 4, 80]
export const SET_NAMES = ['one', 'two', 'three', 'list', 'other'] as const

const addresses = (family: Family, random: Random): string =>
  random.below(40) === 0 ? random.pick(family === 'ipv6' ? V4 : V6) : random.pick(family === 'ipv6' ? V6 : V4)
const prefix = (family: Family, random: Random): number =>
  random.pick(family === 'ipv6' ? [0, 1, 16, 48, 64, 127, 128, 129] : [0, 1, 8, 16, 24, 29, 30, 31, 32, 32, 33])

const LENGTHS = [0, 27, 31, 32, 33, 128]

type Make = (random: Random, family: Family) => unknown
const address: Make = (random, family) => addresses(family, random)
const length: Make = (random, family) => prefix(family, random)
const port: Make = (random) => random.pick(PORTS)
/** The probability of an attribute in twelfths, and its value. */
type Often = readonly [number, Make]

const HOST = { ip: [12, address] } as const
/** Close to each other: otherwise a range would have more addresses than a set has room for. */
const near: Make = (random, family) => (family === 'ipv6' ? address(random, family) : random.pick(V4.slice(0, 9)))
const HOSTS = { ip: [12, near], cidr: [1, (random: Random) => random.pick(LENGTHS)], ipTo: [2, near] } as const
const END: Make = (random, family) => (family === 'ipv6' ? address(random, family) : random.pick(V4))
const NET = { ip: [12, address], cidr: [9, length], ipTo: [1, END] } as const
const NET2 = { ip2: [12, address], cidr2: [9, length], ip2To: [1, END] } as const
const PORT = { port: [12, port], portTo: [2, port], proto: [12, (random: Random) => random.pick(PROTOS)] } as const
const ETHER = (often: number) => ({ ether: [often, (random: Random) => random.pick(MAC)] }) as const
const name: Make = (random) => random.pick([...SET_NAMES, 'nope'])

const PARTS: Readonly<Record<SetTypeName, Readonly<Record<string, Often>>>> = {
  'bitmap:ip': HOSTS,
  'bitmap:ip,mac': { ...HOST, ...ETHER(6) },
  'bitmap:port': { port: [12, port], portTo: [3, port] },
  'hash:ip': HOSTS,
  'hash:mac': ETHER(12),
  'hash:ip,mac': { ...HOST, ...ETHER(12) },
  'hash:net': NET,
  'hash:net,net': { ...NET, ...NET2 },
  'hash:ip,port': { ...HOSTS, ...PORT },
  'hash:net,port': { ...NET, ...PORT },
  'hash:ip,port,ip': { ...HOSTS, ...PORT, ip2: [12, address] },
  'hash:ip,port,net': { ...HOSTS, ...PORT, ...NET2 },
  'hash:net,port,net': { ...NET, ...PORT, ...NET2 },
  'hash:net,iface': { ...NET, iface: [12, (random) => random.pick(IFACES)] },
  'hash:ip,mark': { ...HOSTS, mark: [12, (random) => random.pick([0, 1, 2, 0x100, 0xffff_ffff])] },
  'list:set': { name: [12, name], nameref: [3, name] },
}

const pair: Make = (random) => [random.below(3), random.below(3)]
const EXTRAS: Readonly<Record<string, Make>> = {
  timeout: (random) => random.pick([0, 100_000, 2_000_000]),
  packets: (random) => BigInt(random.below(100)),
  bytes: (random) => BigInt(random.below(100)),
  comment: (random) => random.pick(['', 'x', 'some words']),
  skbmark: pair,
  skbprio: pair,
  skbqueue: (random) => random.below(3),
}

const FLAGS = [IPSET_FLAG.NOMATCH, IPSET_FLAG.PHYSDEV, IPSET_FLAG.IFACE_WILDCARD, IPSET_FLAG.BEFORE]

function entryOf(type: SetTypeName, family: Family, random: Random): EntryAttributes {
  const entry: Record<string, unknown> = {}
  for (const [name, [often, make]] of Object.entries(PARTS[type]))
    if (random.below(12) < often && random.below(60) > 0) entry[name] = make(random, family)
  for (const [name, make] of Object.entries(EXTRAS)) if (random.below(6) === 0) entry[name] = make(random, family)
  if (random.below(3) === 0) entry['flags'] = random.pick(FLAGS) | (random.below(3) === 0 ? random.pick(FLAGS) : 0)
  return entry
}

/** As {@link entryOf}, mostly without options that the set does not support. */
function fitting(type: SetTypeName, family: Family, flags: number, hasTimeout: boolean, random: Random) {
  const { timeout, packets, bytes, comment, skbmark, skbprio, skbqueue, ...parts } = entryOf(type, family, random)
  const isOdd = random.below(30) === 0
  return {
    ...parts,
    ...((isOdd || hasTimeout) && { timeout }),
    ...((isOdd || (flags & IPSET_FLAG.WITH_COUNTERS) !== 0) && { packets, bytes }),
    ...((isOdd || (flags & IPSET_FLAG.WITH_COMMENT) !== 0) && { comment }),
    ...((isOdd || (flags & IPSET_FLAG.WITH_SKBINFO) !== 0) && { skbmark, skbprio, skbqueue }),
  }
}

const WITH = [IPSET_FLAG.WITH_COUNTERS, IPSET_FLAG.WITH_COMMENT, IPSET_FLAG.WITH_SKBINFO]

/** The create options of a set. */
function optionsOf(type: SetTypeName, family: Family, random: Random): CreateAttributes {
  const { create } = setType(type)
  const maybe = (name: string, values: readonly unknown[], often = 3) =>
    name in create && random.below(often) === 0 ? { [name]: random.pick(values) } : {}
  const masks = random.below(8) === 0
  const range =
    type === 'bitmap:port'
      ? { port: random.pick([0, 2]), portTo: random.pick([4, 80, 65535]) }
      : { ip: '10.0.0.0', ...random.pick([{ cidr: 24 }, { cidr: 29 }, { ipTo: '10.0.1.9' }, { ipTo: '10.0.3.255' }]) }
  return {
    ...('range' in create && range),
    ...maybe('timeout', [0, 200_000]),
    ...(random.below(2) === 0 && { flags: random.pick(WITH) | random.pick(WITH) }),
    ...maybe('hashsize', [0, 64, 100, 2048], 6),
    ...maybe('maxelem', [0, 1, 3, 10, 30], 6),
    ...maybe('bucketsize', [0, 3, 4, 11, 12, 255], 6),
    ...(masks && maybe('netmask', family === 'ipv6' ? [0, 16, 64, 128, 129] : [0, 8, 24, 30, 32, 33], 2)),
    ...(masks &&
      maybe('bitmask', family === 'ipv6' ? ['ffff::1', '::'] : ['255.0.0.255', '255.255.255.0', '0.0.0.0'], 2)),
    ...maybe('markmask', [1, 0xff, 0xffff_ffff]),
    ...maybe('size', [0, 3, 5, 100]),
  }
}

/** What is known about a set when a request is generated, so that most requests are valid. */
interface Known {
  readonly type: SetTypeName
  readonly family: Family
  readonly flags: number
  readonly hasTimeout: boolean
}

/** A sequence of requests, generated while they are executed. */
export class RequestMaker {
  readonly #random: Random
  readonly #types: readonly SetTypeName[]
  readonly #known = new Map<string, Known>()

  constructor(types: readonly SetTypeName[], random: Random) {
    this.#types = types
    this.#random = random
  }

  next(): SetRequest {
    const random = this.#random
    const flags = random.below(2) === 0 ? NLM_F_EXCL : 0
    const setname = random.pick(SET_NAMES)
    const known = this.#known.get(setname)
    const what = known === undefined && random.below(3) > 0 ? 99 : random.below(100)
    if (what < 40) return { command: 'add', flags, values: { setname, lineno: 1, adt: this.#entries(known) } }
    if (what < 52) return { command: 'remove', flags, values: { setname, lineno: 1, adt: this.#entries(known) } }
    if (what < 80) return { command: 'test', flags, values: { setname, data: this.#entry(known) } }
    if (what < 81) return { command: 'flush', flags, values: random.below(4) === 0 ? {} : { setname } }
    if (what < 83) return this.#moving('rename', { setname, setname2: random.pick(SET_NAMES) })
    if (what < 86) return this.#moving('swap', { setname, setname2: random.pick(SET_NAMES) })
    if (what < 90) return { command: 'header', flags, values: { setname } }
    if (what < 92) return this.#type()
    if (what < 94) return { command: 'destroy', flags, values: random.below(8) === 0 ? {} : { setname } }
    return this.#creation(setname, flags)
  }

  /** Takes note of the sets that exist after a request. */
  look(sets: readonly ListValues[]): void {
    this.#known.clear()
    for (const { setname = '', typename, family, data } of sets)
      this.#known.set(setname, {
        type: typename as SetTypeName,
        family: family === SET_FAMILIES.ipv6 ? 'ipv6' : family === SET_FAMILIES.ipv4 ? 'ipv4' : 'any',
        flags: data?.flags ?? 0,
        hasTimeout: data?.timeout !== undefined,
      })
  }

  #moving(command: 'rename' | 'swap', values: object): SetRequest {
    return { command, flags: 0, values: { ...values } }
  }

  #type(): SetRequest {
    const typename = this.#random.pick(this.#types)
    return { command: 'type', flags: 0, values: { typename, family: this.#random.pick([0, 2, 10]) } }
  }

  #creation(setname: string, flags: number): SetRequest {
    const random = this.#random
    const type = setname === 'list' && random.below(4) > 0 ? 'list:set' : random.pick(this.#types)
    const { families, revisions } = setType(type)
    const family = random.pick(families)
    const values = { setname, typename: type, revision: revisions[1], family: SET_FAMILIES[family] }
    return { command: 'create', flags, values: { ...values, data: optionsOf(type, family, random) } }
  }

  #entries(known: Known | undefined): EntryAttributes[] {
    return Array.from({ length: 1 + this.#random.below(3) }, (_, i) => ({ ...this.#entry(known), lineno: i + 1 }))
  }

  #entry(known: Known | undefined): EntryAttributes {
    const { type, family, flags, hasTimeout } = known ?? {
      type: 'hash:ip',
      family: 'ipv4',
      flags: 0,
      hasTimeout: false,
    }
    return fitting(type, family, flags, hasTimeout, this.#random)
  }
}

/** A kernel to send requests to. */
export class Asked {
  readonly #client: NetlinkClient

  constructor(port: NetlinkPort) {
    this.#client = new NetlinkClient(port, NETLINK_NETFILTER)
  }

  /** The answer: the errno and the number of the refused entry, or the returned data. */
  answer({ command, values, flags }: SetRequest): unknown {
    const kind = commands[command] as typeof commands.add
    const [outcome] = this.#client.batch([ask(kind, values as never, flags)])
    if (outcome?.refusal === undefined)
      return outcome?.messages.map((message) => {
        // The oldest revisions of some types are not implemented here.
        const { revisionMin: _, ...told } = readMessage(kind, message).values as { revisionMin?: number }
        return told
      })
    const { errno, echo } = outcome.refusal
    return { errno, lineno: echo && readMessage(kind, echo).values.lineno }
  }

  /** All sets, with the parts of each merged. */
  sets(setname?: string): ListValues[] {
    const sets = new Map<string, ListValues>()
    for (const message of this.#dump(setname)) {
      const { values } = readMessage(commands.list, message)
      const before = sets.get(values.setname ?? '')
      const adt = [...(before?.adt ?? []), ...(values.adt ?? [])]
      sets.set(values.setname ?? '', { ...values, ...before, adt })
    }
    return [...sets.values()]
  }

  close(): void {
    this.#client.close()
  }

  #dump(setname: string | undefined): Message[] {
    try {
      return this.#client.dumpAll(ask(commands.list, { setname }))
    } catch (error) {
      if (error instanceof Refusal) return []
      throw error
    }
  }
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, one) =>
    typeof one === 'bigint' ? `${one}n` : one instanceof Uint8Array ? Buffer.from(one).toString('hex') : one,
  )

const sortedKeys = (value: object): object =>
  Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

const entryText = (entry: EntryAttributes): string =>
  text(sortedKeys({ ...entry, ...(entry.timeout !== undefined && { timeout: untouched(entry.timeout) }) }))

/** The data in which two kernels must agree. Lists and bitmaps are compared in order, other sets in any order. */
export function comparable({ data, adt = [], ...described }: ListValues): object {
  const { hashsize: _, initval: __, memsize: ___, ...told } = data ?? {}
  const entries = adt.map(entryText)
  const isOrdered = !described.typename?.startsWith('hash')
  // Linux counts some expired entries of these sets.
  const isCounted = described.typename !== 'bitmap:ip,mac' || told.timeout === undefined
  const counted = isCounted ? told : { ...told, elements: undefined }
  return { ...described, data: sortedKeys(counted), adt: isOrdered ? entries : entries.sort() }
}

export const shownRequest = (one: SetRequest): string => text(one)
export const ALL_TYPES = Object.keys(SET_TYPES) as SetTypeName[]
