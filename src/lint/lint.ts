/** Looks for what is wrong in tables, or of no use. Nothing is told that is not so. */
import { check, instance, isObject, type Taken } from '../input'
import { checkOptions } from '../options'
import { Snapshot } from '../trace/snapshot'
import { TableChains } from './chains'
import { compareFamilies } from './families'
import type { Finding } from './finding'
import { lockouts, type Session } from './lockout'
import { ChainRules } from './rules'

export interface LintOptions {
  /** The tables of the other family, that are to say the same. */
  readonly other?: Snapshot | undefined
  /** A connection over TCP to this host, that must not be cut off: by which one works here. */
  readonly session?: Session | undefined
}

const aSession: Taken = {
  accepts: isObject,
  expected: 'an object of source, sourcePort, destination and destinationPort',
}
const OPTIONS = { other: instance(Snapshot, 'a Snapshot'), session: aSession }

/**
 * ```ts
 * for (const { table, chain, at, message } of lint(Snapshot.read())) console.log(table, chain, at?.rule, message)
 * ```
 * @returns what was found, table by table, in the order of the rules
 * @throws IptcError for an option that is not understood
 */
export function lint(snapshot: Snapshot, options: LintOptions = {}): Finding[] {
  check('what is looked over', snapshot, instance(Snapshot, 'a Snapshot'))
  checkOptions(options, OPTIONS)
  const { other, session } = options
  return [
    ...snapshot.tables.flatMap((table) => tableFindings(snapshot, table)),
    ...(session === undefined ? [] : lockouts(snapshot, session)),
    ...(other === undefined ? [] : compareFamilies(snapshot, other)),
  ]
}

/** @internal Of both families, or of one alone: what each says, and what they say differently. */
export const lintAll = (one: Snapshot, other: Snapshot | undefined, session: Session | undefined): Finding[] => [
  ...lint(one, { other, session }),
  ...(other === undefined ? [] : lint(other, { session })),
]

function tableFindings(snapshot: Snapshot, table: string): Finding[] {
  const chains = new TableChains(snapshot, table)
  return chains.all.flatMap((chain) => {
    const { name, hook } = chain.chain
    const isUnused = hook === undefined && chains.hooksOf(chain).size === 0
    const message = 'no rule leads to this chain from a built-in one'
    const unused: Finding = { kind: 'unused-chain', family: snapshot.family, table, chain: name, message }
    return isUnused ? [unused] : [...new ChainRules(snapshot, chains, chain).findings()]
  })
}
