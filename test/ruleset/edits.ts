/** Random edits of tables. */
import fc from 'fast-check'
import type { IPV4 } from '../../src/abi/family'
import { TABLES, type TableName, VERDICTS } from '../../src/abi/netfilter'
import { readRuleset } from '../../src/blob/read'
import { buildVerdict } from '../../src/ruleset/entry'
import {
  changedRules,
  type Draft,
  draftOf,
  newChain,
  ownRules,
  type Ruleset,
  redirected,
  referencesTo,
} from '../../src/ruleset/ruleset'
import { type Entry, plain } from '../../src/ruleset/table-entry'
import { accept, emptyRuleset, jump, laidOut, ruleBytes, targetOf, withRules } from './tables'

const USERS = ['a', 'b', 'c']

/** Rules that are valid anywhere, rules that are only valid at some hooks, and jumps. */
const rulesFor = (ruleset: Ruleset): Entry[] => {
  const { family } = ruleset
  return [
    plain(ruleBytes(family)),
    accept(family),
    plain(ruleBytes(family, { target: buildVerdict(VERDICTS.RETURN) })),
    plain(ruleBytes(family, { target: targetOf(family, 'REJECT') })),
    plain(ruleBytes(family, { target: targetOf(family, 'CLASSIFY') })),
    plain(ruleBytes(family, { target: targetOf(family, 'TCPMSS') })),
    plain(ruleBytes(family, { flags: 0x40 })),
    ...USERS.map((name) => jump(family, name)),
    jump(family, ''),
  ]
}

/** Chooses an index below a count. */
export type Pick = (count: number) => number

const has = (draft: Ruleset, name: string): boolean => draft.chains.has(name)

function remove(draft: Draft, name: string): void {
  if (draft.chains.get(name)?.rules.length === 0 && referencesTo(draft, name).next().done) draft.chains.delete(name)
}

/** Swaps the names of two user-defined chains. Rules that jump to them may follow or not. */
function swap(draft: Draft, pick: Pick): void {
  const [one, other] = [draft.chains.get('a'), draft.chains.get('b')]
  if (one === undefined || other === undefined) return
  draft.chains.set('b', { ...one, name: 'b', head: other.head })
  draft.chains.set('a', { ...other, name: 'a', head: one.head })
  if (pick(2) === 0) return
  for (const chain of draft.chains.values()) {
    const rules = changedRules(chain.rules, (rule, ref) => redirected(rule, ref, 'c'), 'a')
    if (has(draft, 'c')) draft.chains.set(chain.name, { ...chain, rules })
  }
}

export function edit(draft: Draft, pick: Pick): void {
  const names = [...draft.chains.keys()]
  const chain = draft.chains.get(names[pick(names.length)] as string)
  if (chain === undefined) return
  const all = rulesFor(draft).filter(({ jump: to }) => !to || has(draft, to))
  const rule = all[pick(all.length)] as Entry
  const rules = ownRules(draft, chain)
  const kind = pick(7)
  if (kind <= 1) rules.insert(pick(rules.length + 1), rule)
  else if (kind === 2) rules.push(rule)
  else if (kind === 3 && rules.length > 0) rules.remove(pick(rules.length))
  else if (kind === 4 && rules.length > 0) rules.replace(pick(rules.length), rule)
  else if (kind === 5) swap(draft, pick)
  else {
    const user = USERS[pick(3)] as string
    if (has(draft, user)) remove(draft, user)
    else draft.chains.set(user, newChain(draft.family, user))
  }
}

export const pickFrom = (numbers: readonly number[]): Pick => {
  let at = 0
  return (count) => (numbers[at++ % numbers.length] as number) % count
}

export function tableOf(family: typeof IPV4, name: TableName, pick: Pick): Ruleset {
  const empty = USERS.reduce((all, user) => withRules(all, user, []), emptyRuleset(family, name))
  const draft = draftOf(empty)
  for (let i = pick(24); i > 0; i--) edit(draft, pick)
  const { layout, bytes } = laidOut(draft)
  return readRuleset(family, name, layout, bytes)
}

export const tables = Object.keys(TABLES) as TableName[]
export const numbers = fc.array(fc.nat(1000), { minLength: 40, maxLength: 160 })
