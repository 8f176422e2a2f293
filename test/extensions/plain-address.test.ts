/** Addresses in dotted decimal form have a fast path, which must give the same result as the general one. */
import fc from 'fast-check'
import { IPV4 } from '../../src/abi/family'
import { network } from '../../src/extensions/values/address'

const context = { family: IPV4, sets: { byName: () => undefined, byIndex: () => undefined } }
const read = (word: string): readonly number[] | undefined => {
  try {
    return [...network.parse(word, context)[0]]
  } catch {
    return undefined
  }
}

test('any four numbers', () => {
  const number = fc.oneof(fc.nat(300), fc.constantFrom('00', '01', '010', '0x1', '', '1000', '+1', ' 1'))
  fc.assert(
    fc.property(fc.array(number, { minLength: 4, maxLength: 4 }), (parts) => {
      const plain = parts.join('.')
      // With its first number in hexadecimal, an address takes the general path.
      const [first, ...rest] = parts
      if (typeof first !== 'number') return
      expect(read(plain)).toEqual(read([`0x${first.toString(16)}`, ...rest].join('.')))
    }),
  )
})

test.each(['1.2.3', '1.2.3.4.5', '1.2.3.4.', '.1.2.3.4', '1..2.3', '1.2.3.256', '1.2.3.4x', ''])(
  '%j is not an address, or abbreviated',
  (word) => {
    const bytes = read(word)
    if (bytes !== undefined) expect(word).toBe('1.2.3')
  },
)
