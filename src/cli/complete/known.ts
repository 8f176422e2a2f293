/** Looks up names that exist on the machine. This has no side effects: it creates no tables or files and loads no modules. */
import { existsSync, readdirSync } from 'node:fs'
import type { FamilyName } from '../../abi/family'
import { isTableName, TABLES } from '../../abi/netfilter'
import { detectedBackend } from '../../backend/detect'
import { saidBackend, tableNames } from '../../backend/open'
import type { BackendName } from '../../backend/store'
import { extensionNames } from '../../extensions/registry'
import { IpSet } from '../../ipset/ip-set'
import { SET_TYPES } from '../../ipset/types'
import { Table, Table6 } from '../../iptc/table'
import type { Kernel, NetlinkPort } from '../../kernel/kernel'
import { LinuxKernel } from '../../kernel/linux/linux-kernel'
import { MemoryKernel } from '../../kernel/memory/memory-kernel'
import type { Values } from '../applets/applet'
import { appletNames, ownApplets } from '../applets/described'
import { TOOLS } from '../applets/tools'
import { type Place, readCaptures } from '../open-kernel'
import { type Completion, plain } from './candidates'

/** What the words before the completed one have selected. */
export interface Meant {
  readonly place: Place
  readonly families: readonly FamilyName[]
  readonly backend?: BackendName | undefined
  readonly table?: string | undefined
}

/** Names from /etc/protocols that are common in rules. */
const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 'dccp', 'udplite', 'esp', 'ah', 'gre', 'all']

type Name = Exclude<Values, readonly string[]>

const VALUES: Readonly<Record<Name, (meant: Meant) => Completion>> = {
  table: () => plain(Object.keys(TABLES)),
  chain: (meant) => plain(chains(meant)),
  'new chain': () => plain([]),
  set: (meant) => plain(quietly(() => IpSet.names({ kernel: kernelOf(meant) }))),
  'set type': () => plain(Object.keys(SET_TYPES)),
  match: ({ families }) => plain(families.flatMap((family) => extensionNames('match', family))),
  target: (meant) => plain(targets(meant)),
  'extension or applet': (meant) => plain([...appletNames(), ...extensions(meant)]),
  applet: () => plain([...TOOLS.keys()]),
  protocol: () => plain(PROTOCOLS),
  interface: () => plain(quietly(() => readdirSync('/sys/class/net'))),
  namespace: () => ({ ...plain(quietly(() => readdirSync('/run/netns'))), paths: 'file' }),
  file: () => ({ candidates: [], paths: 'file' }),
  directory: () => ({ candidates: [], paths: 'directory' }),
}

export const valuesOf = (values: Values | undefined, meant: Meant): Completion =>
  values === undefined ? plain([]) : typeof values === 'string' ? VALUES[values](meant) : plain(values)

/** Applets, with their descriptions. */
export const applets = (): Completion => ({
  candidates: [...ownApplets(), ...TOOLS.values()].map(({ name, summary }) => ({ value: name, summary })),
})

const extensions = ({ families }: Meant): string[] =>
  families.flatMap((family) => [...extensionNames('match', family), ...extensionNames('target', family)])

const VERDICTS = ['ACCEPT', 'DROP', 'RETURN', 'QUEUE']

/** The possible targets of a rule. Built-in chains are not among them. */
function targets(meant: Meant): string[] {
  const known = meant.families.flatMap((family) => extensionNames('target', family))
  const builtin: readonly string[] = builtinChains(meant.table ?? 'filter')
  return [...VERDICTS, ...known, ...chains(meant).filter((name) => !builtin.includes(name))]
}

const builtinChains = (table: string): readonly string[] => (isTableName(table) ? TABLES[table] : [])

function chains(meant: Meant): string[] {
  const { families, table = 'filter' } = meant
  return [...builtinChains(table), ...families.flatMap((family) => quietly(() => chainsIn(table, family, meant)))]
}

/** Only existing tables are read, because reading a table creates it. */
function chainsIn(name: string, family: FamilyName, meant: Meant): string[] {
  const kernel = kernelOf(meant)
  const backend = backendOf(kernel, family, meant)
  if (!tableNames(backend, kernel, family).includes(name)) return []
  using table = new (family === 'ipv4' ? Table : Table6)(name, { kernel, backend })
  return table.chains.map((chain) => chain.name)
}

function backendOf(kernel: Kernel, family: FamilyName, { backend, place }: Meant): BackendName {
  const said = backend ?? (place.backend as BackendName | undefined) ?? saidBackend()
  return said ?? detectedBackend(kernel, family, kernel instanceof LinuxKernel ? 'nft' : 'legacy')
}

/** A state file is read without locking it, so that completion does not wait for other processes. */
function kernelOf({ place: { kernel, state, netns } }: Meant): Kernel & NetlinkPort {
  if (kernel === 'memory')
    return new MemoryKernel({ captures: state !== undefined && existsSync(state) ? readCaptures(state) : [] })
  const namespace = netns === undefined || !/^\d+$/.test(netns) ? netns : Number(netns)
  return new LinuxKernel({ namespace, loadModules: false })
}

/** Ignores errors: then there are no candidates. */
function quietly(names: () => string[]): string[] {
  try {
    return names()
  } catch {
    return []
  }
}
