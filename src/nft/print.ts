/** Statements in the syntax of nft(8), as iptables-translate 1.8.9 writes them. */
import type { FamilyName } from '../abi/family'
import { NFT_CT, NFT_META, NFT_REJECT } from '../abi/nf-tables'
import { be16, u32 } from '../binary/codec'
import type { Context } from '../extensions/context'
import {
  type Assignment,
  type Change,
  connection,
  meta,
  network,
  type Plain,
  type Statement,
  sourceKey,
} from '../extensions/native'
import { formatAddress } from '../extensions/values/address'
import { hex } from '../extensions/values/integer'
import { nftQuoted } from '../extensions/values/string'
import { printTest } from './print-tests'

type Names = readonly (readonly [number, string])[]

const SET: ReadonlyMap<string, (value: number) => string> = new Map([
  [sourceKey(meta(NFT_META.MARK)), (value: number) => `meta mark set ${hex(value)}`],
  [sourceKey(connection(NFT_CT.MARK)), (value: number) => `ct mark set ${hex(value)}`],
  [sourceKey(meta(NFT_META.PRIORITY)), (value: number) => `meta priority set ${classId(value)}`],
])

function classId(value: number): string {
  if (value === 0) return 'none'
  return value === 0xffff_ffff ? 'root' : `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`
}

function printAssignment({ to, value }: Assignment): string | undefined {
  if (sourceKey(to) === sourceKey(meta(NFT_META.NFTRACE))) return `nftrace set ${value[0]}`
  return SET.get(sourceKey(to))?.(u32.read(value, 0))
}

const MARKS: ReadonlyMap<string, readonly [set: string, read: string]> = new Map([
  [sourceKey(meta(NFT_META.MARK)), ['meta mark', 'mark'] as const],
  [sourceKey(connection(NFT_CT.MARK)), ['ct mark', 'ct mark'] as const],
])

const ALL = 0xffff_ffff

/** Header fields that can be set. */
const FIELDS = {
  ipv4: new Map([[sourceKey({ ...network(0, 2), checksum: 10 }), ['ip dscp', 0x00fc] as const]]),
  ipv6: new Map([[sourceKey(network(0, 2)), ['ip6 dscp', 0x0fc0] as const]]),
}

function printFieldChange({ to, mask, xor }: Change, { family }: Context): string | undefined {
  const [name, bits = 0] = FIELDS[family.name].get(sourceKey(to)) ?? []
  if (name === undefined || be16.read(mask, 0) !== 0xffff - bits) return undefined
  const value = be16.read(xor, 0) / (bits & -bits)
  return `${name} set 0x${value.toString(16).padStart(2, '0')}`
}

function printChange(change: Change, context: Context): string | undefined {
  const { to, from, mask, xor, shift = 0 } = change
  if (to.from === 'payload') return printFieldChange(change, context)
  const [target, source] = [MARKS.get(sourceKey(to))?.[0], MARKS.get(sourceKey(from))?.[1]]
  if (target === undefined || source === undefined) return undefined
  const [kept, turned] = [u32.read(mask, 0), u32.read(xor, 0)]
  const isCopy = sourceKey(to) !== sourceKey(from)
  const value = `${source}${isCopy && kept === ALL ? '' : ` ${changeWords(kept, turned)}`}`
  return `${target} set ${shift === 0 ? value : `( ${value} ) ${shift > 0 ? '<<' : '>>'} ${Math.abs(shift)}`}`
}

function changeWords(kept: number, turned: number): string {
  if (turned === 0) return `and ${hex(kept)}`
  if (kept === (~turned & ALL) >>> 0) return `or ${hex(turned)}`
  return kept === ALL ? `xor ${hex(turned)}` : `and ${hex(kept)} xor ${hex(turned)}`
}

type Data = Readonly<Record<string, unknown>>

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug']
const USUAL_LEVEL = 4

function logFlags(bits: number): string[] {
  if (bits === 0x2f) return ['flags all']
  const ofTcp = [...(bits & 1 ? ['sequence'] : []), ...(bits & 2 ? ['options'] : [])].join(',')
  return [
    ...(ofTcp === '' ? [] : [`flags tcp ${ofTcp}`]),
    ...(bits & 4 ? ['flags ip options'] : []),
    ...(bits & 8 ? ['flags skuid'] : []),
    ...(bits & 0x20 ? ['flags ether'] : []),
  ]
}

function printLog(data: Data): string | undefined {
  const { prefix, snaplen, qthreshold, group, level, flags: bits = 0 } = data as Record<string, number | undefined>
  const text = prefix === undefined ? '' : nftQuoted(String(prefix))
  if (text === undefined) return undefined
  return [
    'log',
    ...(text === '' ? [] : [`prefix ${text}`]),
    ...(snaplen === undefined ? [] : [`snaplen ${snaplen}`]),
    ...(qthreshold === undefined ? [] : [`queue-threshold ${qthreshold}`]),
    ...(group === undefined ? [] : [`group ${group}`]),
    ...(level === undefined || level === USUAL_LEVEL ? [] : [`level ${LEVELS[level]}`]),
    ...logFlags(bits),
  ].join(' ')
}

const REJECTS: Readonly<Record<FamilyName, { type: string; usual: number; codes: Readonly<Record<number, string>> }>> =
  {
    ipv4: {
      type: 'icmp',
      usual: 3,
      codes: {
        0: 'net-unreachable',
        1: 'host-unreachable',
        2: 'prot-unreachable',
        9: 'net-prohibited',
        10: 'host-prohibited',
        13: 'admin-prohibited',
      },
    },
    ipv6: {
      type: 'icmpv6',
      usual: 4,
      codes: { 0: 'no-route', 1: 'admin-prohibited', 3: 'addr-unreachable', 5: 'policy-fail', 6: 'reject-route' },
    },
  }

function printReject({ type, icmpCode }: Data, { family }: Context): string {
  const { type: protocol, usual, codes } = REJECTS[family.name]
  if (type === NFT_REJECT.TCP_RST) return 'reject with tcp reset'
  return icmpCode === usual ? 'reject' : `reject with ${protocol} type ${codes[icmpCode as number]}`
}

const UNITS: Names = [
  [1, 'second'],
  [60, 'minute'],
  [60 * 60, 'hour'],
  [24 * 60 * 60, 'day'],
]

function printLimit({ rate, unit, burst }: Data): string {
  const [, period] = UNITS.find(([seconds]) => seconds === Number(unit)) ?? []
  return `limit rate ${rate}/${period} burst ${burst} packets`
}

const QUEUE_FLAGS: Names = [
  [0x01, 'bypass'],
  [0x02, 'fanout'],
]
const NAT_FLAGS: Names = [
  [0x04, 'random'],
  [0x10, 'fully-random'],
  [0x08, 'persistent'],
]

const flagList = (bits: unknown, names: Names): string[] => {
  const words = names.filter(([bit]) => (((bits as number | undefined) ?? 0) & bit) !== 0).map(([, name]) => name)
  return words.length === 0 ? [] : [words.join(',')]
}

function printQueue({ num, total = 1, flags: bits }: Data): string {
  const last = (num as number) + (total as number) - 1
  return ['queue num', last === num ? `${num}` : `${num}-${last}`, ...flagList(bits, QUEUE_FLAGS)].join(' ')
}

const range = (first: string, last: string): string => (first === last ? first : `${first}-${last}`)

function portText({ portMin, portMax = portMin }: Data): string {
  if (portMin === undefined) return ''
  const [first, last] = [portMin, portMax].map((bytes) => String(be16.read(bytes as Uint8Array, 0)))
  return `:${range(first as string, last as string)}`
}

function addressText({ addressMin, addressMax = addressMin }: Data, context: Context, hasPorts: boolean): string {
  if (addressMin === undefined) return ''
  const [first, last] = [addressMin, addressMax].map((bytes) =>
    formatAddress((bytes as Uint8Array).subarray(0, context.family.addressSize), context),
  )
  const text = range(first as string, last as string)
  return hasPorts && context.family.name === 'ipv6' ? `[${text}]` : text
}

function printNat(name: string, data: Data, context: Context): string {
  const ports = portText(data)
  const to = `${addressText(data, context, ports !== '')}${ports}`
  return [name, ...(to === '' ? [] : [`to ${to}`]), ...flagList(data['flags'], NAT_FLAGS)].join(' ')
}

const PLAIN: Readonly<Record<string, (data: Data, context: Context) => string | undefined>> = {
  log: printLog,
  reject: printReject,
  limit: printLimit,
  queue: printQueue,
  notrack: () => 'notrack',
  nat: (data, context) => printNat(data['type'] === 0 ? 'snat' : 'dnat', data, context),
  masq: (data, context) => printNat('masquerade', data, context),
  redir: (data, context) => printNat('redirect', data, context),
}

const printPlain = ({ name, data }: Plain, context: Context): string | undefined => PLAIN[name]?.(data, context)

/** The text of a statement; empty if it tests nothing, undefined if it cannot be expressed. */
export function printStatement(statement: Statement, context: Context): string | undefined {
  switch (statement.kind) {
    case 'look':
      return ''
    case 'test':
      return printTest(statement, context)
    case 'set':
      return printAssignment(statement)
    case 'change':
      return printChange(statement, context)
    case 'expression':
      return printPlain(statement, context)
  }
}
