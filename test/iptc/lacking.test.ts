/** An extension that the kernel does not have. */

import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { Chain, MemoryKernel, Rule, Rule6, Table, Table6, UnsupportedError } from '../../src/index'
import { SockoptFailure } from '../../src/kernel/kernel'
import { WatchedKernel } from '../support/watched-kernel'

const ENOENT = 2

/** A kernel that supports no target. */
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

test('a handle on nf_tables asks again, because the module may have been loaded', () => {
  const kernel = new WatchedKernel(new MemoryKernel())
  using table = new Table('filter', { kernel, backend: 'nft' })
  const chain = new Chain(table, 'INPUT')
  const append = () => chain.appendRule(Rule.parse('-j LED --led-trigger-id x'))
  // Changes the request, so that the kernel is asked for a name that it does not have.
  kernel.before = ({ operation, value }) => {
    const at = Buffer.from(value).indexOf('LED')
    if (operation === 'ask' && at >= 0) value.set(Buffer.from('XYZ'), at)
  }
  expect(append).toThrow(UnsupportedError)
  expect(append).toThrow('no target LED revision 0 for nf_tables: load the modules nft_compat and xt_LED, install')
  expect(chain.rules).toEqual([])
  kernel.before = () => {}
  append()
  append()
  expect(chain.rules).toHaveLength(2)
  const asked = kernel.calls.filter(({ operation, value }) => operation === 'ask' && Buffer.from(value).includes('LED'))
  expect(asked).toHaveLength(1)
})
