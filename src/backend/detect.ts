/** Detects which backend holds the rules. */
import { FAMILIES, type FamilyName } from '../abi/family'
import { flag } from '../check-input'
import { checkOptions } from '../check-options'
import { IptcError, PermissionError, UnsupportedError } from '../errors'
import { Client } from '../kernel/client'
import { aKernel, type Kernel } from '../kernel/kernel'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import { aNamespace, type NetworkNamespace } from '../kernel/linux/namespace'
import { holdsAny, type Ruleset } from '../ruleset/ruleset'
import { openStore, tableNames } from './open'
import type { BackendName } from './store'

/**
 * The options of {@link detectBackend}.
 * @since 0.1.0
 */
export interface DetectOptions {
  /** Network namespace, as for tables. */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /** A kernel other than Linux. */
  readonly kernel?: Kernel | undefined
  /** Look at the IPv6 tables first; the default is IPv4 first. */
  readonly ipv6?: boolean | undefined
}

const OPTIONS = { namespace: aNamespace, kernel: aKernel, ipv6: flag }

/**
 * Detects the backend in use:
 *
 * 1. the one whose tables hold anything of this family: a rule, a user-defined chain, or a policy other than ACCEPT;
 * 2. if both do, the one with more rules, or nf_tables if they have equally many;
 * 3. if neither does, the same for the other family;
 * 4. if nothing is found, nf_tables, unless the kernel lacks it.
 *
 * Only existing tables are read, and none is created. If the process lacks the permission to read them, the result is
 * `'nft'`.
 * @throws {@link IptcError} for an unknown or invalid option
 * @since 0.1.0
 * @example
 * ```ts
 * import { detectBackend, MemoryKernel, Rule, Table } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * new Table('filter', { kernel, backend: 'legacy' }).createChain('web')
 * console.log(detectBackend({ kernel })) // legacy
 * ```
 */
export function detectBackend(options: DetectOptions = {}): BackendName {
  checkOptions(options, OPTIONS)
  const { namespace, kernel, ipv6 = false } = options
  if (kernel !== undefined && namespace !== undefined)
    throw new IptcError(
      'XT_BAD_OPTION',
      'the options kernel and namespace exclude each other: a kernel has its own namespace; give one of them',
    )
  return detectedBackend(kernel ?? new LinuxKernel({ namespace }), ipv6 ? 'ipv6' : 'ipv4')
}

/** @internal As {@link detectBackend}. @param otherwise the result if no rules are found and the kernel has nf_tables */
export function detectedBackend(kernel: Kernel, family: FamilyName, otherwise: BackendName = 'nft'): BackendName {
  const families: readonly FamilyName[] = family === 'ipv4' ? ['ipv4', 'ipv6'] : ['ipv6', 'ipv4']
  try {
    const nft = families.map((one) => tableNames('nft', kernel, one))
    const legacy = families.map((one) => tableNames('legacy', kernel, one))
    // Without ip_tables tables, the nf_tables ones need not be read.
    if (otherwise === 'nft' && legacy.flat().length === 0) return 'nft'
    for (const [i, one] of families.entries()) {
      const holder = holderOf(kernel, one, { nft: nft[i] ?? [], legacy: legacy[i] ?? [] })
      if (holder !== undefined) return holder
    }
    return otherwise
  } catch (error) {
    if (error instanceof PermissionError) return 'nft'
    if (error instanceof UnsupportedError) return 'legacy'
    throw error
  }
}

/** The backend that has rules of this family; if both have, the one with more. @param names the existing tables */
function holderOf(
  kernel: Kernel,
  family: FamilyName,
  names: Readonly<Record<BackendName, readonly string[]>>,
): BackendName | undefined {
  const nft = rulesetsOf('nft', kernel, family, names.nft)
  const legacy = rulesetsOf('legacy', kernel, family, names.legacy)
  const [holdsNft, holdsLegacy] = [nft.some(holdsAny), legacy.some(holdsAny)]
  if (holdsNft && holdsLegacy) return count(legacy) > count(nft) ? 'legacy' : 'nft'
  return holdsNft ? 'nft' : holdsLegacy ? 'legacy' : undefined
}

/** Reads the tables with these names. */
function rulesetsOf(backend: BackendName, kernel: Kernel, family: FamilyName, names: readonly string[]): Ruleset[] {
  const client = new Client(kernel, FAMILIES[family])
  try {
    return names.map((table) => {
      const place = { kernel, client, rewrite: [], findRefused: false }
      const store = openStore(backend, place, FAMILIES[family], table)
      try {
        return store.read('look').ruleset
      } finally {
        store.close()
      }
    })
  } finally {
    client.close()
  }
}

const count = (rulesets: readonly Ruleset[]): number =>
  rulesets.reduce((sum, { chains }) => [...chains.values()].reduce((all, { rules }) => all + rules.length, sum), 0)
