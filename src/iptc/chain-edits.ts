/** Edits of a whole chain by name, shared by tables and chains. */
import { check, text } from '../check-input'
import { RuleError, XtablesError } from '../errors'
import { findExtension } from '../extensions/registry'
import type { Counters } from '../ruleset/entry'
import { checkChainName } from '../ruleset/rule'
import { Rules } from '../ruleset/rules'
import {
  type Chain as ChainData,
  changedRules,
  countersOf,
  type Draft,
  jumpOf,
  newChain,
  policyEntry,
  policyOf,
  type Ruleset,
  redirected,
  referencesTo,
  zeroed,
} from '../ruleset/ruleset'
import { type CountersInput, readCounters } from './counters'
import { Policy, type PolicyName } from './policy'
import type { TableHandle } from './table-handle'

/** @internal Checks the name of a new chain. @throws XtablesError */
export function checkNewName(name: string): void {
  check('the name of a chain', name, text)
  checkChainName(name)
  if (findExtension('target', name) !== undefined)
    throw new XtablesError('XT_BAD_NAME', `chain ${name}: a target has this name; choose another name`, {
      extension: 'rule',
      parameter: 'chain',
      value: name,
    })
}

export const isBuiltin = (table: TableHandle, name: string): boolean =>
  table.ruleset.chains.get(name)?.hook !== undefined

export function createChain(table: TableHandle, name: string): void {
  checkNewName(name)
  table.edit(({ chains }) => {
    checkFree(table, name, chains)
    chains.set(name, newChain(table.context.family, name))
  })
}

export function deleteChain(table: TableHandle, name: string): void {
  table.edit((draft) => {
    const data = userChain(table, name, draft)
    if (data.rules.length > 0)
      throw new RuleError(
        'XT_CHAIN_NOT_EMPTY',
        { table: table.name, chain: name },
        'the chain is not empty; flush it first',
      )
    checkUnreferenced(table, name, draft)
    draft.chains.delete(name)
  })
}

export function renameChain(table: TableHandle, name: string, newName: string): void {
  checkNewName(newName)
  table.edit((draft) => {
    const data = userChain(table, name, draft)
    checkFree(table, newName, draft.chains)
    draft.chains.delete(name)
    draft.chains.set(newName, { ...data, name: newName, head: newChain(table.context.family, newName).head })
    changeChains(draft, (one) => redirectedChain(one, name, newName))
  })
}

/** Changes one chain, which must exist. */
export function changeChain(table: TableHandle, name: string, change: (data: ChainData) => ChainData): void {
  table.edit((draft) => draft.chains.set(name, change(table.chainData(name, draft))))
}

export function changeChains(draft: Draft, change: (chain: ChainData) => ChainData): void {
  for (const [name, chain] of draft.chains) draft.chains.set(name, change(chain))
}

export const emptied = (chain: ChainData): ChainData => ({ ...chain, rules: Rules.of() })

/** The chain with the counters of its rules and policy set to zero. */
export const zeroedChain = (chain: ChainData): ChainData => ({
  ...chain,
  rules: changedRules(chain.rules, zeroed),
  tail: chain.tail && zeroed(chain.tail),
})

export function getPolicy(table: TableHandle, name: string): Policy {
  const policy = policyOf(table.context.family, table.chainData(name))
  if (policy !== 'ACCEPT' && policy !== 'DROP') throw noPolicy(table, name)
  return policy === 'ACCEPT' ? Policy.ACCEPT : Policy.DROP
}

/** @param counters the initial counters of the policy; if absent, they stay as they are */
export function setPolicy(
  table: TableHandle,
  name: string,
  policy: Policy | PolicyName,
  counters: CountersInput | undefined,
): void {
  const { name: verdict } = policy instanceof Policy ? policy : new Policy(policy)
  const given = counters === undefined ? undefined : readCounters('policy', counters)
  const { family } = table.context
  table.edit((draft) => {
    const data = table.chainData(name, draft)
    if (data.hook === undefined || data.tail === undefined) throw noPolicy(table, name)
    if (table.name === 'nat' && verdict === 'DROP')
      throw new RuleError(
        'XT_BAD_POLICY',
        { table: table.name, chain: name },
        'the policy of a chain of the nat table can only be ACCEPT; filter packets in the filter table',
      )
    if (given === undefined && policyOf(family, data) === verdict) return false
    return draft.chains.set(name, { ...data, tail: policyEntry(family, data.tail, verdict, given) })
  })
}

export function policyCounters(table: TableHandle, name: string): Counters {
  const data = table.chainData(name)
  if (data.hook === undefined || data.tail === undefined) throw noPolicy(table, name)
  return countersOf(table.context.family, data.tail)
}

const noPolicy = ({ name }: TableHandle, chain: string): RuleError =>
  new RuleError(
    'XT_BAD_POLICY',
    { table: name, chain },
    'the chain has no policy: only built-in chains have one; append a rule that matches every packet instead',
  )

function checkFree({ name }: TableHandle, chain: string, chains: Ruleset['chains']): void {
  if (chains.has(chain))
    throw new RuleError(
      'XT_CHAIN_EXISTS',
      { table: name, chain },
      'the chain exists already; delete it first, or choose another name',
    )
}

function userChain(table: TableHandle, name: string, ruleset: Ruleset): ChainData {
  const chain = table.chainData(name, ruleset)
  if (chain.hook !== undefined)
    throw new RuleError(
      'XT_BUILTIN_CHAIN',
      { table: table.name, chain: name },
      'the chain is built in, and can be neither renamed nor deleted',
    )
  return chain
}

function checkUnreferenced({ name: table }: TableHandle, name: string, ruleset: Ruleset): void {
  for (const { chain, position } of referencesTo(ruleset, name))
    throw new RuleError(
      'XT_CHAIN_IN_USE',
      { table, chain: name },
      `rule ${position + 1} of chain ${chain} jumps to it; delete that rule first`,
    )
}

/** The chain with every jump to `from` replaced by one to `to`. */
const redirectedChain = (chain: ChainData, from: string, to: string): ChainData =>
  chain.rules.refs.some((ref) => jumpOf(chain.rules, ref) === from)
    ? { ...chain, rules: changedRules(chain.rules, (rule, ref) => redirected(rule, ref, to), from) }
    : chain
