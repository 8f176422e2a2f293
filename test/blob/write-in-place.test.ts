/** Two ways to write a table: in the memory that it was read into, and in new memory. */
import fc from 'fast-check'
import { IPV4, IPV6 } from '../../src/abi/family'
import { readRuleset } from '../../src/blob/read'
import { writeInPlace, writeRuleset } from '../../src/blob/write'
import { draftOf } from '../../src/ruleset/ruleset'
import { edit, numbers, pickFrom, tableOf, tables } from '../ruleset/edits'
import { laidOut } from '../ruleset/tables'

test('both write the same bytes', () => {
  const told = { inPlace: 0, copied: 0 }
  const property = fc.property(
    fc.constantFrom(IPV4, IPV6),
    fc.constantFrom(...tables),
    numbers,
    fc.constantFrom(0, 96, 500, 5000),
    (family, name, list, room) => {
      const pick = pickFrom(list)
      const { layout, bytes } = laidOut(tableOf(family, name, pick))
      // Room for entries, and for the head of a request, at both ends.
      const memory = new Uint8Array(room + bytes.length + room)
      memory.set(bytes, room)
      const to = draftOf(readRuleset(family, name, layout, memory.subarray(room, room + bytes.length)))
      for (let i = 1 + pick(6); i > 0; i--) edit(to, pick)
      const expected = writeRuleset(to)
      const before = memory.slice()
      const written = writeInPlace(to)
      if (written !== undefined) {
        expect(written.layout).toEqual(expected.layout)
        expect(Buffer.compare(written.bytes, expected.bytes)).toBe(0)
      } else expect(Buffer.compare(memory, before)).toBe(0)
      told[written === undefined ? 'copied' : 'inPlace']++
    },
  )
  fc.assert(property, { numRuns: 1000 })
  expect(told.inPlace).toBeGreaterThan(200)
  expect(told.copied).toBeGreaterThan(50)
})
