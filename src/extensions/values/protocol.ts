/** Protocols, by number or name. */
import { protocolName, protocolNumber } from './databases'
import { readInteger } from './integer'
import { mismatch, type ValueType } from './value'

const parse = (word: string): number => {
  const number = readInteger(word) ?? protocolNumber(word) ?? mismatch()
  return number <= 255 ? number : mismatch()
}

const expects = 'a protocol name or a number 0 to 255'

/** Printed as a number. */
export const protocol: ValueType<number> = { expects, parse, format: String }

/** Printed by its name where it has one. */
export const namedProtocol: ValueType<number> = {
  expects,
  parse,
  format: (number) => (number === 0 ? 'all' : (protocolName(number) ?? String(number))),
}
