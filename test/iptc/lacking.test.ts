/** An extension that the kernel has not. */

import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { Chain, MemoryKernel, Rule, Rule6, Table, Table6, UnsupportedError } from '../../src/index'
import { SockoptFailure } from '../../src/kernel/kernel'

const ENOENT = 2

/** Answers for no target. */
class LackingKernel extends MemoryKernel {
  override connect(family: FamilyName) {
    const connection = super.connect(family)
    const { getRevisionTarget } = FAMILIES[family].sockopt
    const getsockopt = connection.getsockopt.bind(connection)
    connection.getsockopt = (option, value) => {
      if (option === getRevisionTarget) throw new SockoptFailure(ENOENT)
      getsockopt(option, value)
    }
    return connection
  }
}

test.each([
  [Table, Rule, 'modprobe ipt_LED'],
  [Table6, Rule6, 'modprobe ip6t_LED'],
] as const)('says how to get it: %p', (TableOf, RuleOf, command) => {
  using table = new TableOf('filter', { kernel: new LackingKernel() })
  const chain = new Chain(table, 'INPUT')
  const append = () => chain.appendRule(RuleOf.parse('-j LED --led-trigger-id x') as never)
  expect(append).toThrow(UnsupportedError)
  expect(append).toThrow(`${command}\`), install the package with the modules`)
  expect(chain.rules).toEqual([])
})
