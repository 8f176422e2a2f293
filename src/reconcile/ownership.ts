/**
 * Ownership: which chains belong to the caller and are made to match the desired state. Everything else is left alone.
 */
import { isObject, names, type Taken } from '../check-input'

/**
 * Which chains belong to the caller. `'tables'`: all chains of the named tables. `chains`: these chains, built-in ones
 * included. `prefix`: all user-defined chains whose names start with it.
 *
 * In chains of others, the caller owns the jumps to owned chains: all of them in built-in chains, and in other chains
 * that the desired state names.
 * @since 0.1.0
 */
export type Ownership =
  | 'tables'
  | {
      /** Names of chains. */
      readonly chains: readonly string[]
    }
  | {
      /** Start of the names; not empty. */
      readonly prefix: string
    }

function isOwnership(value: unknown): value is Ownership {
  if (value === 'tables') return true
  const [[key, said] = ['', undefined], ...others] = isObject(value) ? Object.entries(value) : []
  const isNamed = key === 'chains' && names.accepts(said)
  const isPrefixed = key === 'prefix' && typeof said === 'string' && said !== ''
  return others.length === 0 && (isNamed || isPrefixed)
}

export const OWNERSHIP: Taken = {
  accepts: isOwnership,
  expected: "'tables', { chains: [...] } or { prefix: 'name-' }, which says which chains are yours",
}

/** The properties of a chain that ownership depends on. */
interface Named {
  readonly name: string
  /** The hook of a built-in chain. */
  readonly hook?: string | undefined
}

export function isOwned(owns: Ownership, { name, hook }: Named): boolean {
  if (owns === 'tables') return true
  return 'chains' in owns ? owns.chains.includes(name) : hook === undefined && name.startsWith(owns.prefix)
}
