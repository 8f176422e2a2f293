/** The order of rules as it is told, also where what is told makes no order. */
import { OrderChanges, RuleOrder } from '../../src/backend/nft/rule-order'

test('a rule that is replaced twice and deleted in one batch leaves the others in their order', () => {
  const order = new RuleOrder()
  for (const handle of [2, 3, 4]) order.append(handle)
  const changes = new OrderChanges()
  changes.remove(order, 3)
  // It is told to stand behind the one that it replaces, which has its handle.
  changes.add(order, { handle: 3, position: 3, isAppended: true })
  changes.remove(order, 3)
  changes.add(order, { handle: 3, position: 2, isAppended: true })
  changes.remove(order, 3)
  expect(order.handles()).toEqual([2, 4])
})
