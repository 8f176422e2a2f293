/** Changes of tables with more rules than a call may have arguments. */
import { IPV4 } from '../../src/abi/family'
import { UnboundSets } from '../../src/backend/sets'
import { parseRule } from '../../src/language/parse'
import { describeChange } from '../../src/reconcile/describe'
import { changeTable } from '../../src/reconcile/table-changes'
import { encodeRule } from '../../src/ruleset/rule'
import { draftOf } from '../../src/ruleset/ruleset'
import { emptyRuleset } from '../ruleset/tables'

jest.setTimeout(60_000)

test('a chain with very many rules is created and deleted', () => {
  const context = { family: IPV4, sets: new UnboundSets() }
  const rule = encodeRule(parseRule('-s 10.0.0.1 -j DROP', IPV4), context)
  const rules = new Array<typeof rule>(200_000).fill(rule)
  const draft = draftOf(emptyRuleset(IPV4, 'filter'))
  const wishes = { owns: { prefix: 'own-' }, placeOf: () => 'first' as const }
  const wanted = new Map([['own-x', { rules, policy: undefined }]])
  const [made] = changeTable(draft, { ...wishes, wanted }).map((change) => describeChange(change, context))
  expect([made?.change, made?.added.length]).toEqual(['create', rules.length])
  const [gone] = changeTable(draft, { ...wishes, wanted: new Map() }).map((change) => describeChange(change, context))
  expect([gone?.change, gone?.deleted.length]).toEqual(['delete', rules.length])
})
