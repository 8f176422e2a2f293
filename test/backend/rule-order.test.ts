/** The order of rules as events describe it, also if the events are inconsistent. */
import { OrderChanges, RuleOrder } from '../../src/backend/nft/rule-order'

let order: RuleOrder
let changes: OrderChanges
beforeEach(() => {
  order = new RuleOrder()
  for (const handle of [2, 3, 4]) order.append(handle)
  changes = new OrderChanges()
})

const inserted = { position: undefined, isAppended: false }
const appended = { position: undefined, isAppended: true }

test('a rule that is replaced twice and deleted in one batch leaves the order of the others', () => {
  changes.remove(order, 3)
  // The event says that it is behind the rule that it replaces, which has the same handle.
  changes.add(order, { handle: 3, position: 3, isAppended: true })
  changes.remove(order, 3)
  changes.add(order, { handle: 3, position: 2, isAppended: true })
  changes.remove(order, 3)
  expect(order.handles()).toEqual([2, 4])
  expect(order.isInDoubt).toBe(true)
  order.settle([2, 4])
  expect(order.isInDoubt).toBe(false)
})

test.each([
  ['inserted where the last was deleted', 4, inserted],
  ['appended where the first was deleted', 2, appended],
])('%s: first or last, until a reading tells', (_, gone, place) => {
  changes.remove(order, gone)
  changes.add(order, { handle: 5, ...place })
  expect(order.isInDoubt).toBe(true)
  const left = [2, 3, 4].filter((handle) => handle !== gone)
  // A reading that lacks one of the rules does not settle the order.
  order.settle([5, left[0] as number])
  expect(order.isInDoubt).toBe(true)
  // A reading with an additional rule does.
  order.settle([...left, 6, 5])
  expect([order.isInDoubt, order.handles()]).toEqual([false, [...left, 5]])
})

test.each([
  ['inserted where the first was deleted', [2], inserted, [5, 3, 4]],
  ['appended where the last was deleted', [4], appended, [2, 3, 5]],
  ['inserted where all were deleted', [2, 3, 4], inserted, [5]],
  ['appended where all were deleted', [4, 3, 2], appended, [5]],
])('%s: known', (_, gone, place, handles) => {
  for (const handle of gone) changes.remove(order, handle)
  changes.add(order, { handle: 5, ...place })
  expect([order.isInDoubt, order.handles()]).toEqual([false, handles])
})
