/** Compares every rule line of a family with iptables-legacy in the running kernel. The families run side by side. */
import type { FamilyName } from '../../src/abi/family'
import { type Case, cases } from '../support/cases'
import { liveCases } from '../support/here'
import { oracleAndKernel } from '../support/oracle'
import { notCaptured } from '../support/refused-lines'
import { tryDeviations, tryOracle, tryReading, tryRefused, tryWriting } from '../support/trial'

const writtenBy = oracleAndKernel()

export function compareLines(family: FamilyName): void {
  for (const one of cases.filter((any) => any.family.name === family && (liveCases.includes(any) || any.ids))) {
    const name = `${one.family.name} ${one.table} ${one.name}`
    const where = liveCases.includes(one) ? describe : describe.skip
    where(name, () => compare(one))
  }
}

function compare(one: Case): void {
  test('we would have written what iptables-legacy writes', () => expect(tryReading(one)).toEqual([]))
  test('the kernel has the same bytes for what we write', () => expect(tryWriting(one)).toEqual([]))
  test('we refuse what iptables-legacy refuses, and the table is unchanged', () => expect(tryRefused(one)).toEqual([]))
  test('we differ where deviations say so', () => expect(tryDeviations(one)).toEqual([]))
  // `npm run conformance` asks for every line.
  test('iptables-legacy refuses the refused lines that are not captured', () =>
    expect(tryOracle(one, notCaptured(one, writtenBy))).toEqual([]))
}
