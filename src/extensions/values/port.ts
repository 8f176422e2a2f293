/** Ports: numbers or service names, alone or in ranges. */

import { servicePort } from './databases'
import { readInteger } from './integer'
import { halves, mismatch, type ValueType } from './value'

const MAX = 65535

/** What a port range is where none was given. */
export const anyPort = [0, MAX] as const

const readPort = (word: string, protocol: string | undefined): number => {
  const port = readInteger(word) ?? servicePort(word, protocol) ?? mismatch()
  return port <= MAX ? port : mismatch()
}

/** `first[:last]`, first 0 and last 65535 where left out. @param protocol whose service names count; any without. */
export const portRange = (protocol?: string): ValueType<readonly [number, number]> => ({
  expects: 'port[:port], each 0 to 65535 or a service name, the first no greater than the last',
  parse(word) {
    const [first, last] = halves(word, ':')
    const low = first === '' ? 0 : readPort(first, protocol)
    const high = last === undefined ? low : last === '' ? MAX : readPort(last, protocol)
    return low <= high ? [low, high] : mismatch('the range is reversed')
  },
  format: ([first, last]) => (first === last ? String(first) : `${first}:${last}`),
})

/** `first[-last]`, as the targets of the nat table write it. */
export const natPortRange: ValueType<readonly [number, number]> = {
  expects: 'port[-port], each 0 to 65535, the first no greater than the last',
  parse(word) {
    const [first, last] = halves(word, '-')
    const low = readPort(first, undefined)
    const high = last === undefined ? low : readPort(last, undefined)
    return low <= high ? [low, high] : mismatch('the range is reversed')
  },
  format: ([first, last]) => (first === last ? String(first) : `${first}-${last}`),
}
