/** Selects the backend of a table and opens its store. */
import { FAMILIES, type Family, type FamilyName } from '../abi/family'
import type { Taken } from '../check-input'
import { IptcError, UnsupportedError } from '../errors'
import type { Client } from '../kernel/client'
import { aNetlinkPort, type Kernel, type NetlinkPort } from '../kernel/kernel'
import { LegacyStore } from './legacy/store'
import { NftClient } from './nft/client'
import { NftStore } from './nft/store'
import { BACKENDS, type BackendName, type Store } from './store'

const isBackend = (value: unknown): value is BackendName => (BACKENDS as readonly unknown[]).includes(value)

/** Accepts the name of a backend. */
export const aBackend: Taken = { accepts: isBackend, expected: BACKENDS.join(' or ') }

const VARIABLE = 'XTABLES_BACKEND'

/** The backend named in the environment; ip_tables if none is. @throws IptcError */
export const backendOfEnvironment = (): BackendName => saidBackend() ?? 'legacy'

/** The backend named in the environment. @throws IptcError */
export function saidBackend(): BackendName | undefined {
  const said = process.env[VARIABLE]
  if (said === undefined || said === '') return undefined
  if (!isBackend(said))
    throw new IptcError('XT_BAD_OPTION', `${VARIABLE} in the environment must be ${aBackend.expected}, not ${said}`)
  return said
}

interface Place {
  readonly kernel: Kernel
  readonly client: Client
  readonly rewrite: readonly string[]
  readonly findRefused: boolean
}

/** In the order of iptables-nft-save. */
const NFT_TABLES = ['mangle', 'security', 'raw', 'filter', 'nat']

/** @throws UnsupportedError */
export function withNetlink(kernel: Kernel): Kernel & NetlinkPort {
  if (aNetlinkPort.accepts(kernel)) return kernel as Kernel & NetlinkPort
  throw new UnsupportedError(
    'XT_NO_NFTABLES',
    `${kernel.description} has no netlink, which the backend nft needs; use the backend legacy`,
  )
}

/** Names of the existing iptables tables. Listing them creates none. */
export function tableNames(backend: BackendName, kernel: Kernel, family: FamilyName): string[] {
  if (backend === 'legacy') return kernel.tables(family)
  const client = new NftClient(withNetlink(kernel), FAMILIES[family])
  try {
    const names = client.tables().map(({ name }) => name)
    return NFT_TABLES.filter((name) => names.includes(name))
  } finally {
    client.close()
  }
}

/** @throws UnsupportedError if the backend needs netlink, and the kernel has none */
export function openStore(backend: BackendName, place: Place, family: Family, table: string): Store {
  const { kernel, client, rewrite, findRefused } = place
  if (backend === 'legacy') return new LegacyStore({ kernel, client, options: { rewrite, findRefused } }, family, table)
  return new NftStore(withNetlink(kernel), family, table, { rewrite })
}
