/** Random edits of tables: if checking only the edit accepts the table, checking everything must accept it, too. */
import fc from 'fast-check'
import { IPV4, IPV6 } from '../../src/abi/family'
import { Refusal, verify } from '../../src/blob/verify'
import { isSurelyTaken } from '../../src/blob/verify-edit'
import { draftOf, type Ruleset } from '../../src/ruleset/ruleset'
import { edit, numbers, pickFrom, tableOf, tables } from '../ruleset/edits'
import { laidOut } from '../ruleset/tables'

function isTaken(ruleset: Ruleset): boolean {
  const { family, table, layout, bytes } = laidOut(ruleset)
  try {
    verify(family, table, layout, bytes, { knownOnly: true })
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

test('never accepts an edit that the full check refuses, and seldom refuses one that it accepts', () => {
  const told = { yes: 0, no: 0 }
  const property = fc.property(
    fc.constantFrom(IPV4, IPV6),
    fc.constantFrom(...tables),
    numbers,
    (family, name, list) => {
      const pick = pickFrom(list)
      const from = tableOf(family, name, pick)
      fc.pre(isTaken(from))
      const to = draftOf(from)
      for (let i = 1 + pick(4); i > 0; i--) edit(to, pick)
      const [quick, whole] = [isSurelyTaken(from, to, { knownOnly: true }), isTaken(to)]
      if (quick) expect(whole).toBe(true)
      if (whole) told[quick ? 'yes' : 'no']++
    },
  )
  fc.assert(property, { numRuns: 500 })
  expect(told.yes).toBeGreaterThan(told.no)
})
