/** The entries of a set, printed as they come from the kernel. */
import { nlattr } from '../../abi/netlink'
import { formatIPv4, formatIPv6 } from '../../binary/address'
import type { Encoded } from '../../netlink/attribute'
import { readFields } from '../entries'
import { entryList } from '../messages'
import type { SetType } from '../types'
import type { SetPrinter } from './print'
import type { Values } from './text'

/** Where the first address of an entry lies: behind the heads of the entry, of its attribute, and of its family. */
const ADDRESS = 3 * nlattr.size
/** What stands for an address in the text of an entry. */
const PLACEHOLDER = 'ADDRESS'

/** An entry that was printed. */
interface Printed {
  readonly bytes: Uint8Array
  readonly at: number
  readonly next: number
  readonly entry: Values
  /** How many bytes its address has, which is its first attribute. */
  readonly length: 4 | 16
  /** What stands before the address and behind it, where another was alike. */
  around?: readonly [before: string, behind: string] | undefined
}

/** Whether the entry at `at` is the same but for the address. */
function isAlike({ bytes: known, at: from, next, length }: Printed, { bytes, end }: Encoded, at: number): boolean {
  const size = next - from
  if (end - at < size) return false
  for (let i = 0; i < ADDRESS; i++) if (known[from + i] !== bytes[at + i]) return false
  for (let i = ADDRESS + length; i < size; i++) if (known[from + i] !== bytes[at + i]) return false
  return true
}

/** Prints entries part by part. */
export class Listing {
  readonly #printer: SetPrinter
  readonly #type: SetType
  #last: Printed | undefined
  #isEmpty = true

  constructor(printer: SetPrinter, type: SetType) {
    this.#printer = printer
    this.#type = type
  }

  /** Whether none has been printed. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /**
   * Sets that are large mostly hold addresses of which nothing more is said. So each entry is compared with one before: where
   * all bytes but those of the address are the same, so is the text around it. The first 100,000 addresses that a process
   * prints take 27 ms so, and 95 ms one by one.
   */
  print(part: Encoded, write: (text: string) => void): void {
    for (let at = part.at; at < part.end; ) {
      const last = this.#last
      const around = last !== undefined && isAlike(last, part, at) ? this.#around(last) : undefined
      if (last === undefined || around === undefined) {
        at = this.#printOther(part, at, write)
        continue
      }
      const address = (last.length === 4 ? formatIPv4 : formatIPv6)(part.bytes, at + ADDRESS)
      write(around[0] + address + around[1])
      at += last.next - last.at
    }
  }

  /** @returns where the next entry begins */
  #printOther(part: Encoded, at: number, write: (text: string) => void): number {
    const next = entryList.nextOf(part, at)
    const attributes = entryList.valueAt(part, at)
    const entry = readFields(this.#type.entry, attributes)
    write(this.#printer.entry(entry, this.#isEmpty))
    this.#isEmpty = false
    const length = attributes.ip?.includes(':') ? 16 : 4
    // Attributes are kept in the order in which they were read.
    const isFirst = Object.keys(attributes)[0] === 'ip'
    this.#last = isFirst ? { bytes: part.bytes, at, next, entry, length } : undefined
    return next
  }

  /** Found by printing it again with a word in the place of the address. Undefined where that word is there already. */
  #around(last: Printed): Printed['around'] {
    if (last.around !== undefined) return last.around
    const name = this.#type.parts[0] as string
    const [, behindAddress = ''] = /^[^/]*(.*)$/.exec(String(last.entry[name])) ?? []
    const text = this.#printer.entry({ ...last.entry, [name]: PLACEHOLDER + behindAddress }, false)
    const [before = '', behind, ...more] = text.split(PLACEHOLDER)
    if (behind !== undefined && more.length === 0) last.around = [before, behind]
    return last.around
  }
}
