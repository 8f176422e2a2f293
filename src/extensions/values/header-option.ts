/** Options of IPv6 extension headers, by type and length. */
import { readInteger } from './integer'
import { halves, mismatch, type ValueType } from './value'

/** Means any length, so it is not a length itself. */
const ANY_LENGTH = 0xff

const byte = (word: string, max: number): number => {
  const value = readInteger(word)
  return value === undefined || value > max
    ? mismatch(`${JSON.stringify(word)} is not a number from 0 to ${max}`)
    : value
}

function parseOne(item: string): number {
  const [type, length] = halves(item, ':')
  const number = byte(type, 0xff)
  if (length === undefined) return (number << 8) | ANY_LENGTH
  if (number === 0) return mismatch('the option of type 0, Pad1, has no length')
  return (number << 8) | byte(length, ANY_LENGTH - 1)
}

/** A comma list of up to `max` options. Each has the type in the upper byte and the length in the lower. */
export const headerOptions = (max: number): ValueType<readonly number[]> => ({
  expects: `a comma list of up to ${max} options, each type[:length], the type 0 to 255, the length 0 to 254`,
  parse(word) {
    const options = word.split(',').map(parseOne)
    return options.length <= max ? options : mismatch('there are too many options')
  },
  format: (options) =>
    options.map((one) => ((one & 0xff) === ANY_LENGTH ? String(one >> 8) : `${one >> 8}:${one & 0xff}`)).join(','),
})
