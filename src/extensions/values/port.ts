/** Ports: numbers or service names, alone or in ranges. */
import type { Context } from '../context'
import { protocolName, serviceName, servicePort } from './databases'
import { readDecimal, readInteger } from './integer'
import { halves, mismatch, type ValueType } from './value'

const MAX = 65535

/** The value of a port range if none was given. */
export const anyPort = [0, MAX] as const

export type PortRange = readonly [first: number, last: number]

/** How the extensions differ in reading and listing ports. */
interface PortOptions {
  /** The protocol whose service names are accepted. Default: any. */
  readonly protocol?: string
  /** The protocol whose service names are listed. Default: numbers are listed. */
  readonly listed?: string
  /** Numbers are always decimal. Otherwise 0x and octal are accepted too. */
  readonly decimal?: boolean
  /** Accepts ranges whose first port is greater than the last. They contain nothing. */
  readonly reversed?: boolean
  /** Accepts no ranges. */
  readonly single?: boolean
}

const readPort = (word: string, { protocol, decimal }: PortOptions): number => {
  const port = (decimal ? readDecimal(word) : readInteger(word)) ?? servicePort(word, protocol) ?? mismatch()
  return port <= MAX ? port : mismatch()
}

const ordered = (range: PortRange): PortRange => (range[0] <= range[1] ? range : mismatch('the range is reversed'))

const format =
  (separator: string) =>
  ([first, last]: PortRange): string =>
    first === last ? String(first) : `${first}${separator}${last}`

/** `first[:last]`, with first 0 and last 65535 if omitted. */
export const portRange = (options: PortOptions = {}): ValueType<PortRange> => ({
  expects: 'port[:port], each 0 to 65535 or a service name',
  parse(word) {
    const [first, last] = halves(word, ':')
    const low = first === '' && last !== undefined ? 0 : readPort(first, options)
    const range = [low, last === undefined ? low : last === '' ? MAX : readPort(last, options)] as const
    if (options.single && range[0] !== range[1]) return mismatch('a range is not accepted here')
    return options.reversed ? range : ordered(range)
  },
  format: format(':'),
  list: ([first, last], { numeric }) => {
    const word = (port: number): string =>
      (numeric || options.listed === undefined ? undefined : serviceName(port, options.listed)) ?? String(port)
    return first === last ? word(first) : `${word(first)}:${word(last)}`
  },
})

/** A port as a number or the name of a service of any protocol. */
export const parsePort = (word: string): number => readPort(word, {})

/** `first[-last]`, as the nat targets write it. Only numbers form a range, because names may contain a dash. */
export const natPortRange: ValueType<PortRange> = {
  expects: 'port[-port], each 0 to 65535, or a service name',
  parse(word) {
    const numbers = word.split('-').map(readInteger)
    if (numbers.length > 2 || numbers.includes(undefined)) {
      const port = parsePort(word)
      return [port, port]
    }
    const [first, last = first] = numbers as number[]
    return Math.max(first as number, last as number) <= MAX ? ordered([first as number, last as number]) : mismatch()
  },
  format: format('-'),
}

/** One port, or the first and last of a range. To the kernel, a range of one port differs from that port. */
export type PortItem = readonly [port: number] | PortRange

/** The name of the rule's protocol. */
const ruleProtocol = ({ protocol }: Context): string | undefined =>
  protocol === undefined ? undefined : protocolName(protocol)

/**
 * A comma list of ports and ranges. A range takes two of the `max` places. Service names are those of the
 * rule's protocol.
 */
export const portList = (max: number): ValueType<readonly PortItem[]> => ({
  expects: `a comma list of up to ${max} ports, each 0 to 65535 or a service name; first:last is a range and counts twice`,
  parse(word, context) {
    const protocol = ruleProtocol(context)
    const options = protocol === undefined ? {} : { protocol }
    const items = word.split(',').map((item): PortItem => {
      const [first, last] = halves(item, ':')
      const low = readPort(first, options)
      if (last === undefined) return [low]
      const high = readPort(last, options)
      return ordered([low, high])
    })
    return items.flat().length <= max ? items : mismatch('there are too many ports')
  },
  format: (items) => items.map((item) => item.join(':')).join(','),
  list(items, listing) {
    const protocol = listing.numeric ? undefined : ruleProtocol(listing)
    const word = (port: number): string => (protocol && serviceName(port, protocol)) || String(port)
    return items.map((item) => item.map(word).join(':')).join(',')
  },
})
