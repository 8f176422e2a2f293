/** Compares every rule line with iptables-legacy in the running kernel. */
import { type Case, cases } from '../support/cases'
import { liveCases } from '../support/here'
import { tryDeviations, tryOracle, tryReading, tryRefused, tryWriting } from '../support/trial'

for (const one of cases.filter((any) => liveCases.includes(any) || any.ids)) {
  const name = `${one.family.name} ${one.table} ${one.name}`
  const where = liveCases.includes(one) ? describe : describe.skip
  where(name, () => compare(one))
}

function compare(one: Case): void {
  test('what iptables-legacy writes, we would have written', () => expect(tryReading(one)).toEqual([]))
  test('what we write is in the kernel what iptables-legacy writes', () => expect(tryWriting(one)).toEqual([]))
  test('what iptables-legacy refuses, we refuse, and the table is as it was', () => expect(tryRefused(one)).toEqual([]))
  test('we differ where deviations say so', () => expect(tryDeviations(one)).toEqual([]))
  test('iptables-legacy refuses what we are told that it does', () => expect(tryOracle(one)).toEqual([]))
}
