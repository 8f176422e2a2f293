/** Protocols, by number or name. */
import { exactProtocolNumber, protocolName, protocolNumber } from './databases'
import { readInteger } from './integer'
import { mismatch, type ValueType } from './value'

const inRange = (number: number | undefined): number => (number === undefined || number > 255 ? mismatch() : number)

const expects = 'a protocol name or a number from 0 to 255'

/** Names in the exact spelling of the system's database; printed as a number. */
export const protocol: ValueType<number> = {
  expects,
  parse: (word) => inRange(readInteger(word) ?? exactProtocolNumber(word)),
  format: String,
}

const nameOf = (number: number): string => (number === 0 ? 'all' : (protocolName(number) ?? String(number)))

/** Names in any case; printed as a name if there is one. */
export const namedProtocol: ValueType<number> = {
  expects,
  parse: (word) => inRange(readInteger(word) ?? protocolNumber(word)),
  format: nameOf,
  list: (number, { numeric }) => (numeric ? String(number) : nameOf(number)),
}
