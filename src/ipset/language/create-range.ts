/** The range that a bitmap covers: given as one word, or by its two ends in the old syntax. */
import { compareAddresses, type Reading, readHost, readNetblock, readRange } from './addresses'
import { readBarePort } from './ports'
import { syntax, usage } from './text-errors'

type Ports = readonly [number, number]

const ordered = (one: number, other: number): Ports => (one <= other ? [one, other] : [other, one])

const joined = (one: string, other: string): string =>
  compareAddresses(one, other) <= 0 ? `${one}-${other}` : `${other}-${one}`

/** Collects the options that give a range. */
export class RangeReader {
  readonly #isOfPorts: boolean
  #whole: string | undefined
  #first: string | undefined
  #last: string | undefined

  constructor(kind: 'portRange' | 'addressRange') {
    this.#isOfPorts = kind === 'portRange'
  }

  /** The names of the options that it accepts. */
  get names(): readonly string[] {
    return this.#isOfPorts ? ['range', 'from', 'to'] : ['range', 'from', 'to', 'network']
  }

  /** @throws SetTextError */
  read(name: string, word: string, reading: Reading): void {
    if (name === 'to' ? this.#last !== undefined : (this.#first ?? this.#whole) !== undefined)
      throw syntax(`${name} already specified`)
    if (this.#isOfPorts) this.#readPorts(name, word, reading)
    else if (name === 'range') this.#whole = readRange(word, reading)
    else if (name === 'network') this.#whole = readNetblock(word, reading)
    else this.#setEnd(name, readHost(word, reading))
  }

  /** @returns the value of the option `range`. @throws SetTextError if an end is missing */
  join(): string | Ports {
    if (this.#whole !== undefined) return this.#whole
    const [first, last] = [this.#first, this.#last]
    if (first === undefined) throw usage("Mandatory option `range' is missing")
    if (last === undefined) throw usage("Mandatory option `to' is missing")
    return this.#isOfPorts ? ordered(Number(first), Number(last)) : joined(first, last)
  }

  #readPorts(name: string, word: string, reading: Reading): void {
    const ports = readBarePort(word, reading)
    const [first, last] = typeof ports === 'number' ? [ports] : ports
    this.#setEnd(name, String(first))
    if (last !== undefined) this.#last = String(last)
  }

  #setEnd(name: string, end: string): void {
    if (name === 'to') this.#last = end
    else this.#first = end
  }
}
