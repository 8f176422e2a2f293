/** Which of the kernel's packet filters has the rules. */
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
 * Where to look.
 * @since 0.1.0
 */
export interface DetectOptions {
  /** Network namespace, as of tables. */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /** Another packet filter than that of Linux. */
  readonly kernel?: Kernel | undefined
  /** The tables of IPv6 before those of IPv4; the other way round unless said. */
  readonly ipv6?: boolean | undefined
}

const OPTIONS = { namespace: aNamespace, kernel: aKernel, ipv6: flag }

/**
 * Which backend to use where nobody has said so:
 *
 * 1. the one whose tables hold something of this family: a rule, a chain that is not built in, or another policy than ACCEPT;
 * 2. where both do, the one with more rules, and nf_tables where they have as many;
 * 3. where neither does, the same of the other family;
 * 4. where nothing is held at all, nf_tables, unless the kernel has none.
 *
 * Only tables that exist already are looked at, and none is made. Whoever may not see the tables of ip_tables is told of
 * nf_tables.
 * @throws {@link IptcError} for an option that is not understood
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
      'the option kernel brings its own namespace, and excludes the option namespace',
    )
  return detectedBackend(kernel ?? new LinuxKernel({ namespace }), ipv6 ? 'ipv6' : 'ipv4')
}

/** @internal As {@link detectBackend}. @param otherwise where nothing is held at all, and the kernel has nf_tables */
export function detectedBackend(kernel: Kernel, family: FamilyName, otherwise: BackendName = 'nft'): BackendName {
  const families: readonly FamilyName[] = family === 'ipv4' ? ['ipv4', 'ipv6'] : ['ipv6', 'ipv4']
  try {
    const nft = families.map((one) => tableNames('nft', kernel, one))
    const legacy = families.map((one) => tableNames('legacy', kernel, one))
    // Where ip_tables has no tables, those of nf_tables need not be read to know which it is.
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

/** Which of the two holds something of a family, or more. @param names of the tables that there are */
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

/** Tables as they are. */
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
