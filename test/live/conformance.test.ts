/** Every rule line, ours against iptables-legacy, in the kernel that is running. */
import { liveCases as cases } from '../support/here'
import { tryDeviations, tryOracle, tryReading, tryRefused, tryWriting } from '../support/trial'

const named = cases.map((one) => [`${one.family.name} ${one.table} ${one.name}`, one] as const)

describe.each(named)('%s', (_, one) => {
  test('what iptables-legacy writes, we would have written', () => expect(tryReading(one)).toEqual([]))
  test('what we write is in the kernel what iptables-legacy writes', () => expect(tryWriting(one)).toEqual([]))
  test('what iptables-legacy refuses, we refuse, and the table is as it was', () => expect(tryRefused(one)).toEqual([]))
  test('we differ where deviations say so', () => expect(tryDeviations(one)).toEqual([]))
  test('iptables-legacy refuses what we are told that it does', () => expect(tryOracle(one)).toEqual([]))
})
