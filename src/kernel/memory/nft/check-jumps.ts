/** Checks the jumps of a table from its hooks: their depth, and whether each rule is allowed where it is reached. */
import { ERRNO } from '../../../abi/errno'
import type { BaseHook, NftChain, NftTable } from './ruleset'

/** Maximum number of nested chains, the base chain included. */
const MAX_DEPTH = 16

/** @returns the errno of the refusal */
export function checkReached({ chains }: NftTable): number | undefined {
  for (const chain of chains)
    if (chain.hook !== undefined) {
      const errno = walk(chain, chain.hook, 0, new Map())
      if (errno !== undefined) return errno
    }
  return undefined
}

/** @param seen the greatest depth at which each chain was reached */
function walk(chain: NftChain, base: BaseHook, depth: number, seen: Map<NftChain, number>): number | undefined {
  if (depth === MAX_DEPTH) return ERRNO.EMLINK
  if ((seen.get(chain) ?? -1) >= depth) return undefined
  seen.set(chain, depth)
  for (const { expressions, isGone } of chain.rules)
    for (const { jump, check } of isGone ? [] : expressions) {
      const errno = check?.(base) ?? (jump && walk(jump, base, depth + 1, seen))
      if (errno !== undefined) return errno
    }
  return undefined
}
