/** Which backend a table has, and its store there. */
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

/** Of a value that is to name a backend. */
export const aBackend: Taken = { accepts: isBackend, expected: BACKENDS.join(' or ') }

const VARIABLE = 'XTABLES_BACKEND'

/** What the environment says; that of ip_tables where it says nothing. @throws IptcError */
export const backendOfEnvironment = (): BackendName => saidBackend() ?? 'legacy'

/** What the environment says. @throws IptcError */
export function saidBackend(): BackendName | undefined {
  const said = process.env[VARIABLE]
  if (said === undefined || said === '') return undefined
  if (!isBackend(said))
    throw new IptcError('XT_BAD_OPTION', `${VARIABLE} in the environment is ${aBackend.expected}, not ${said}`)
  return said
}

interface Place {
  readonly kernel: Kernel
  readonly client: Client
  readonly rewrite: readonly string[]
  readonly findRefused: boolean
}

/** In the order in which iptables-nft-save prints them. */
const NFT_TABLES = ['mangle', 'security', 'raw', 'filter', 'nat']

/** @throws UnsupportedError */
export function withNetlink(kernel: Kernel): Kernel & NetlinkPort {
  if (aNetlinkPort.accepts(kernel)) return kernel as Kernel & NetlinkPort
  throw new UnsupportedError('XT_NO_NFTABLES', `${kernel.description} has no netlink, and so no nf_tables`)
}

/** Names of the tables of iptables that exist already; asking creates none. */
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

/** @throws UnsupportedError where the kernel has no netlink, and the backend needs it */
export function openStore(backend: BackendName, place: Place, family: Family, table: string): Store {
  const { kernel, client, rewrite, findRefused } = place
  if (backend === 'legacy') return new LegacyStore({ kernel, client, options: { rewrite, findRefused } }, family, table)
  return new NftStore(withNetlink(kernel), family, table, { rewrite })
}
