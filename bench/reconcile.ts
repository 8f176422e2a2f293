/** Reconciling a table that differs in a few rules, compared with a transaction that makes the same changes. */
import { type AnyRule, Chain, reconcile, Table, Table6, type TableOptions } from '../src/index'
import type { Goal } from './goal'
import type { Body } from './measure'
import { undone } from './undone'

const CHANGES = 10
export const NAME = `reconcile with ${CHANGES} changes`

export const GOALS: readonly Goal[] = [{ from: 10_000, ratio: ['by hand', 1.2] }]

/** Where the tables are, and what stands in the chains of filter that are ours. */
export interface Scene {
  readonly place: TableOptions & { readonly ipv6: boolean }
  readonly chains: Readonly<Record<string, readonly AnyRule[]>>
  readonly parse: (line: string) => AnyRule
}

interface Change {
  readonly chain: string
  readonly position: number
  readonly old: AnyRule
  readonly now: AnyRule
}

/** Rules with others in their place, all over the table. */
function* changesOf({ chains, parse, place }: Scene): Generator<Change> {
  const all = Object.entries(chains).flatMap(([chain, rules]) =>
    rules.map((old, position) => ({ chain, position, old })),
  )
  const address = (k: number): string => (place.ipv6 ? `fd00::${k}` : `172.16.0.${k}`)
  for (let k = 0; k < CHANGES; k++) {
    const one = all[Math.floor(((k + 0.5) * all.length) / CHANGES)]
    if (one !== undefined) yield { ...one, now: parse(`-s ${address(k)} -p udp -j DROP`) }
  }
}

/** Both open the table, and are given rules as objects that they were given before. */
export function bodiesOf(scene: Scene): Readonly<Record<'ours' | 'by hand', Body>> {
  const changes = [...changesOf(scene)]
  const { ipv6, ...options } = scene.place
  const changed = Object.fromEntries(Object.entries(scene.chains).map(([name, rules]) => [name, [...rules]]))
  for (const { chain, position, now } of changes) (changed[chain] as AnyRule[])[position] = now
  const owns = { chains: Object.keys(scene.chains) }
  const become = (filter: Scene['chains']): void => void reconcile({ filter }, { ...scene.place, owns, apply: true })
  const replace = (side: 'old' | 'now'): void => {
    using table = ipv6 ? new Table6('filter', options) : new Table('filter', options)
    table.transaction(() => {
      for (const change of changes) new Chain(table, change.chain).replaceRule(change[side], change.position)
    })
  }
  return {
    ours: undone(
      () => become(changed),
      () => become(scene.chains),
    ),
    'by hand': undone(
      () => replace('now'),
      () => replace('old'),
    ),
  }
}
