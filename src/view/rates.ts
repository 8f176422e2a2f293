/** Computes what rules have counted between two readings of their tables. */
import type { FamilyName } from '../abi/family'
import { check } from '../check-input'
import { IptcError } from '../errors'
import { longestCommon } from '../ruleset/subsequence'
import { SNAPSHOTS } from './check-snapshots'
import type { RuleSnapshot, TableSnapshot } from './snapshot'

/**
 * A rule as in the later reading, with what it has counted since the earlier one.
 * @since 0.1.0
 */
export interface RuleRate extends Omit<RuleSnapshot, 'counters' | 'jump' | 'goto'> {
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** As in `filter`. */
  readonly table: string
  /** The chain of the rule. */
  readonly chain: string
  /** Packets counted between the readings. */
  readonly packets: bigint
  /** Bytes counted between the readings. */
  readonly bytes: bigint
  /** Packets divided by the time between the readings. */
  readonly packetsPerSecond: number
  /** Bytes divided by the time between the readings. */
  readonly bytesPerSecond: number
  /** The counter was reset between the readings: it has counted at least this much. */
  readonly isRestarted: boolean
}

/**
 * What each rule has counted between two readings, the busiest first. Rules are recognised even if others were inserted or
 * deleted: in nf_tables by their handle; in ip_tables, and if an nf_tables rule was deleted and added again, by their text. Rules
 * of a chain with the same text are paired in order. A rule that was added between the readings is left out until the next one,
 * because it is not known since when it has counted.
 * @throws {@link IptcError} if the later reading of a table is not later than the earlier one
 * @since 0.1.0
 * @example
 * ```ts
 * import { setTimeout } from 'node:timers/promises'
 * import { MemoryKernel, rates, restore, snapshot } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * restore('*filter\n-A INPUT -j ACCEPT\nCOMMIT\n', { kernel })
 * const before = snapshot({ kernel })
 * await setTimeout(10)
 * for (const { chain, rule, packets } of rates(before, snapshot({ kernel }))) console.log(chain, rule, packets) // INPUT -j ACCEPT 0n
 * ```
 */
export function rates(before: readonly TableSnapshot[], after: readonly TableSnapshot[]): RuleRate[] {
  check('the earlier reading', before, SNAPSHOTS)
  check('the later reading', after, SNAPSHOTS)
  const earlier = new Map(before.map((table) => [placeOf(table), table]))
  const all = after.flatMap((table) => {
    const old = earlier.get(placeOf(table))
    return old === undefined ? [] : ratesIn(old, table)
  })
  return all.sort((a, b) => b.packetsPerSecond - a.packetsPerSecond || b.bytesPerSecond - a.bytesPerSecond)
}

const placeOf = ({ family, table, backend }: TableSnapshot): string => `${family} ${table} ${backend}`

function ratesIn(before: TableSnapshot, after: TableSnapshot): RuleRate[] {
  const seconds = (after.time - before.time) / 1000
  if (!(seconds > 0))
    throw new IptcError('XT_BAD_ARGUMENT', `table ${after.table}: the second reading must be later than the first`)
  const old = earlierRules(before, after)
  const { family, table } = after
  return after.chains.flatMap(({ name, rules }) =>
    rules.flatMap(({ counters, jump: _, goto: __, ...rule }) => {
      const from = old(name, rule.position)
      if (from === undefined) return []
      return [{ family, table, chain: name, ...rule, ...rateOf(from.counters, counters, seconds) }]
    }),
  )
}

type Counted = Pick<RuleRate, 'packets' | 'bytes' | 'packetsPerSecond' | 'bytesPerSecond' | 'isRestarted'>

function rateOf(before: RuleSnapshot['counters'], now: RuleSnapshot['counters'], seconds: number): Counted {
  const isRestarted = now[0] < before[0] || now[1] < before[1]
  const packets = isRestarted ? now[0] : now[0] - before[0]
  const bytes = isRestarted ? now[1] : now[1] - before[1]
  const [packetsPerSecond, bytesPerSecond] = [Number(packets) / seconds, Number(bytes) / seconds]
  return { packets, bytes, packetsPerSecond, bytesPerSecond, isRestarted }
}

/** Finds the rule of the earlier reading for a rule of the later one, by chain and position. */
type EarlierRule = (chain: string, position: number) => RuleSnapshot | undefined

function earlierRules(before: TableSnapshot, after: TableSnapshot): EarlierRule {
  const byHandle = before.handle === after.handle ? rulesByHandle(before) : new Map<number, RuleSnapshot>()
  const stayed = (rule: RuleSnapshot): RuleSnapshot | undefined => byHandle.get(rule.handle ?? Number.NaN)
  const kept = new Set(after.chains.flatMap(({ rules }) => rules.map(stayed)))
  const chains = new Map(before.chains.map(({ name, rules }) => [name, rules.filter((rule) => !kept.has(rule))]))
  const found = new Map(
    after.chains.map(({ name, rules }) => {
      const others = rules.filter((rule) => stayed(rule) === undefined)
      const pairs = new Map(rules.map((rule) => [rule.position, stayed(rule)]))
      for (const [rule, old] of sameRules(chains.get(name) ?? [], others)) pairs.set(rule.position, old)
      return [name, pairs]
    }),
  )
  return (chain, position) => found.get(chain)?.get(position)
}

const rulesByHandle = ({ chains }: TableSnapshot): Map<number, RuleSnapshot> =>
  new Map(
    chains.flatMap(({ rules }) =>
      rules.flatMap((rule) => (rule.handle === undefined ? [] : [[rule.handle, rule] as const])),
    ),
  )

/** Pairs of rules with the same text: first those in the same order, then those that have moved. */
function* sameRules(
  old: readonly RuleSnapshot[],
  now: readonly RuleSnapshot[],
): Generator<[now: RuleSnapshot, old: RuleSnapshot]> {
  const ids = new Map<string, number>()
  const idOf = ({ rule }: RuleSnapshot): number => {
    const id = ids.get(rule) ?? ids.size
    ids.set(rule, id)
    return id
  }
  const [olds, nows] = [old.map(idOf), now.map(idOf)]
  const stays = longestCommon(olds, nows)
  const isTaken = new Set(stays)
  const moved: RuleSnapshot[][] = Array.from(ids, () => [])
  for (const [i, rule] of old.entries()) if (!isTaken.has(i)) moved[olds[i] as number]?.push(rule)
  for (const [i, rule] of now.entries()) {
    const from = old[stays[i] as number] ?? moved[nows[i] as number]?.shift()
    if (from !== undefined) yield [rule, from]
  }
}
