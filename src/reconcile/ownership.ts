/** Which chains are ours, to be as they are desired; all else in the tables belongs to others. */
import { isObject, names, type Taken } from '../check-input'

/**
 * `'tables'`: all of the tables that are named. Chains by name, built-in ones among them. All chains that are not built in and
 * whose names begin with `prefix`.
 *
 * In chains of others, what is ours are the jumps to chains of ours: all of them in the built-in chains, and in others that are
 * named.
 */
export type Ownership = 'tables' | { readonly chains: readonly string[] } | { readonly prefix: string }

function isOwnership(value: unknown): value is Ownership {
  if (value === 'tables') return true
  const [[key, said] = ['', undefined], ...others] = isObject(value) ? Object.entries(value) : []
  const isNamed = key === 'chains' && names.accepts(said)
  const isPrefixed = key === 'prefix' && typeof said === 'string' && said !== ''
  return others.length === 0 && (isNamed || isPrefixed)
}

export const OWNERSHIP: Taken = {
  accepts: isOwnership,
  expected: "which chains are yours: 'tables', { chains: [...] } or { prefix: 'name-' }",
}

/** What is said of a chain, of the table or wanted. */
interface Named {
  readonly name: string
  /** That of a built-in chain. */
  readonly hook?: string | undefined
}

export function isOwned(owns: Ownership, { name, hook }: Named): boolean {
  if (owns === 'tables') return true
  return 'chains' in owns ? owns.chains.includes(name) : hook === undefined && name.startsWith(owns.prefix)
}
