/** Describes the change of a chain: text for people, digests for a plan. */
import { createHash } from 'node:crypto'
import type { Context } from '../extensions/context'
import type { PolicyName } from '../iptc/policy'
import { entryPrinter, printEntry } from '../language/print-entry'
import { type Chain, countersOf, policyOf } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import type { Alignment } from './alignment'
import { ABSENT, type ChainPlan, type MovedRule, type PlannedRule, type ReplacedRule } from './plan-data'
import type { ChainChange } from './table-changes'

/** Texts are made for changes only. Digests, which cover the whole chain, are computed on demand. */
export function describeChange({ name, before, after, alignment }: ChainChange, context: Context): ChainPlan {
  const { deleted, added, replaced } = comings(before, after, alignment, context)
  return {
    chain: name,
    change: before === undefined ? 'create' : after === undefined ? 'delete' : 'edit',
    ...policyChange(before, after, context),
    ...{ deleted, added, moved: movings(after, alignment, context), replaced },
    get before() {
      return digestOf(before, context)
    },
    get after() {
      return digestOf(after, context)
    },
  }
}

/** The contents of a chain without its counters. */
export interface Said {
  /** Policy of a built-in chain. */
  readonly policy: string | null
  /** In the iptables language. */
  readonly rules: readonly string[]
}

/** @internal */
export function saidOf(chain: Chain, context: Context): Said {
  const printer = entryPrinter(chain.rules.image, context)
  return {
    policy: policyOf(context.family, chain) ?? null,
    rules: chain.rules.refs.map((ref) => printer.make(ref)),
  }
}

/** @internal A digest of the contents of a chain; {@link ABSENT} if there is none. */
export function digestOf(chain: Chain | undefined, context: Context): string {
  if (chain === undefined) return ABSENT
  const { policy, rules } = saidOf(chain, context)
  return createHash('sha256')
    .update(JSON.stringify([policy, ...rules]))
    .digest('hex')
}

function policyChange(before: Chain | undefined, after: Chain | undefined, { family }: Context) {
  const [from, to] = [before, after].map((chain) => chain && policyOf(family, chain))
  if (from === undefined || to === undefined || from === to) return {}
  return { policy: { from: from as PolicyName, to: to as PolicyName } }
}

function movings(after: Chain | undefined, { from, isStaying }: Alignment, context: Context): MovedRule[] {
  const all: MovedRule[] = []
  for (let to = isStaying.indexOf(0); to >= 0; to = isStaying.indexOf(0, to + 1)) {
    const position = from[to] as number
    if (position >= 0) all.push({ from: position + 1, to: to + 1, rule: textAt(after, to, context) })
  }
  return all
}

const textAt = (chain: Chain | undefined, position: number, context: Context): string =>
  printEntry(chain?.rules.at(position) as Entry, context)

/** Pairs removed and added rules between the same two staying rules as replacements. */
function comings(
  before: Chain | undefined,
  after: Chain | undefined,
  alignment: Alignment,
  context: Context,
): Pick<ChainPlan, 'deleted' | 'added' | 'replaced'> {
  const plan = { deleted: [] as PlannedRule[], added: [] as PlannedRule[], replaced: [] as ReplacedRule[] }
  for (const { goes, comes } of gapsOf(before?.rules.length ?? 0, alignment)) {
    const deleted = goes.map((i) => plannedRule(before, i, context))
    const added = comes.map((i) => plannedRule(after, i, context))
    const pairs = Math.min(deleted.length, added.length)
    for (let i = 0; i < pairs; i++)
      plan.replaced.push({ deleted: deleted[i] as PlannedRule, added: added[i] as PlannedRule })
    for (const rule of deleted.slice(pairs)) plan.deleted.push(rule)
    for (const rule of added.slice(pairs)) plan.added.push(rule)
  }
  return plan
}

/** Removed and added rules between two staying rules, by position. */
interface Gap {
  readonly goes: readonly number[]
  readonly comes: readonly number[]
}

function* gapsOf(count: number, { from, isStaying }: Alignment): Generator<Gap> {
  const isKept = new Uint8Array(count)
  for (let to = 0; to < from.length; to++) if ((from[to] as number) >= 0) isKept[from[to] as number] = 1
  let [goes, comes]: [number[], number[]] = [[], []]
  let next = 0
  const goUpTo = (end: number): void => {
    for (; next < end; next++) if (isKept[next] === 0) goes.push(next)
  }
  for (let to = 0; to < from.length; to++) {
    if (isStaying[to] === 1) {
      if (from[to] === next && comes.length === 0) {
        next++
        continue
      }
      goUpTo(from[to] as number)
      if (goes.length + comes.length > 0) {
        yield { goes, comes }
        ;[goes, comes] = [[], []]
      }
    } else if ((from[to] as number) < 0) comes.push(to)
  }
  goUpTo(count)
  yield { goes, comes }
}

function plannedRule(chain: Chain | undefined, at: number, context: Context): PlannedRule {
  const entry = chain?.rules.at(at) as Entry
  const [packets, bytes] = countersOf(context.family, entry)
  return { position: at + 1, rule: printEntry(entry, context), counters: [`${packets}`, `${bytes}`] }
}
