/** Creates captured tables as they were reported, even if this kernel would have refused them. */
import type { Family } from '../../../abi/family'
import { NFT_VERDICT, NFTA_CHAIN, NFTA_TABLE } from '../../../abi/nf-tables'
import { IptcError } from '../../../errors'
import type { SetNames } from '../../../extensions/context'
import { type Expression, expressionList, isKnown } from '../../../nft/expressions'
import type { ChainValues, RuleValues } from '../../../nft/messages'
import type { NftTableContents } from '../../nft-capture'
import { userdataIn } from './answers'
import { takeCompat } from './compat'
import { takeExpressions } from './expressions'
import { NftFailure } from './failure'
import type { KeptExpression, NftChain, NftTable, NftTables } from './ruleset'

/** @throws IptcError for a capture that contradicts itself or an existing table, MessageError */
export function loadTable(all: NftTables, sets: SetNames, family: Family, contents: NftTableContents): void {
  const { name = '', handle = 0n, flags = 0, unknown } = contents.table
  const known = all.tables.find((one) => one.name === name && one.family === family)
  if (known !== undefined)
    throw new IptcError('XT_BAD_CAPTURE', `capture: table ${name} of ${family.name} exists already`)
  const userdata = userdataIn(NFTA_TABLE.USERDATA, unknown)
  const table: NftTable = { family, name, handle, flags, isChanging: false, userdata, chains: [], lastHandle: 0n }
  for (const values of contents.chains) table.chains.push(loadedChain(table, values))
  for (const values of contents.rules) loadRule(table, sets, values)
  all.tables.push(table)
  if (handle > all.lastHandle) all.lastHandle = handle
}

function took(table: NftTable, handle: bigint): bigint {
  if (handle > table.lastHandle) table.lastHandle = handle
  return handle
}

function loadedChain(table: NftTable, values: ChainValues): NftChain {
  const { name = '', handle = 0n, hook, type = 'filter', policy = NFT_VERDICT.ACCEPT, counters, unknown } = values
  const { packets = 0n, bytes = 0n } = counters ?? {}
  return {
    table,
    handle: took(table, handle),
    name,
    nextName: undefined,
    hook: hook && { number: hook.number ?? 0, priority: hook.priority ?? 0, type },
    policy,
    counters: counters && { packets, bytes },
    userdata: userdataIn(NFTA_CHAIN.USERDATA, unknown),
    rules: [],
    use: 0,
  }
}

function loadRule(
  table: NftTable,
  sets: SetNames,
  { chain: name, handle = 0n, expressions, userdata }: RuleValues,
): void {
  const chain = chainOf(table, name)
  const list: Expression[] = []
  if (expressions !== undefined) expressionList.each(expressions, (one) => list.push(one))
  const kept = keptExpressions(chain, sets, list)
  chain.rules.push({ handle: took(table, handle), expressions: kept, userdata, isGone: false })
  chain.use++
  for (const { jump } of kept) if (jump !== undefined) jump.use++
}

function chainOf({ chains, name: table }: NftTable, name: string | undefined): NftChain {
  const found = chains.find((chain) => chain.name === name)
  if (found === undefined)
    throw new IptcError('XT_BAD_CAPTURE', `capture: table ${table} has a rule in chain ${name}, but no such chain`)
  return found
}

/** The expressions as this kernel would accept them; if it would refuse any, all of them unchanged. */
function keptExpressions(chain: NftChain, sets: SetNames, list: readonly Expression[]): readonly KeptExpression[] {
  const { family } = chain.table
  const chainToGoTo = (name: string): NftChain => chainOf(chain.table, name)
  try {
    const compat = (one: Parameters<typeof takeCompat>[0]) =>
      // The kernel does not report the NFTA_RULE_COMPAT of a rule, so a capture does not have it.
      takeCompat(one, { family, chain, said: undefined, sets })
    return takeExpressions(list, { family, chain, chainToGoTo, compat })
  } catch (error) {
    if (!(error instanceof NftFailure)) throw error
    return list.map((told) => {
      const to = destination(told)
      return { told, ...(to !== undefined && { jump: chainToGoTo(to) }) }
    })
  }
}

const destination = (one: Expression): string | undefined =>
  isKnown(one) && one.name === 'immediate' ? one.data.data?.verdict?.chain : undefined
