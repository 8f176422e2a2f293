/** Reads a table of nf_tables: its chains and rules as iptables sees them, and their handles in the kernel. */
import type { Family } from '../../abi/family'
import { HOOKS, type Hook, isTableName, TABLES, type TableName, VERDICTS } from '../../abi/netfilter'
import { baseChain, NFT_TABLE_F_DORMANT, NFT_VERDICT } from '../../abi/nf-tables'
import { ConflictError, NotFoundError } from '../../errors'
import type { ChainValues } from '../../nft/messages'
import { canonicalRule, isHeld, type ReadRule } from '../../nft/rule'
import type { RuleReader } from '../../nft/rule-template'
import { buildVerdictEntry, writeCounters } from '../../ruleset/entry'
import { GOES_ON, type KernelEntries, STAYS } from '../../ruleset/kernel-entries'
import { LayeredMap } from '../../ruleset/layered-map'
import { Rules } from '../../ruleset/rules'
import { type Chain, isUnhooked, newChain, type Ruleset } from '../../ruleset/ruleset'
import { type Entry, plain } from '../../ruleset/table-entry'
import type { Sliced } from '../../time-slices'
import type { NftClient, TableDump } from './client'

/** Properties of a chain in the kernel. */
export interface KernelChain {
  readonly handle: bigint
  /** Whether its policy has counters. */
  readonly counts: boolean
}

/** A table as it was at one generation. */
export interface TableReading {
  readonly ruleset: Ruleset
  readonly generation: number
  /** Handle of the table, which no other table ever has; undefined if the kernel does not have the table yet. */
  readonly handle: bigint | undefined
  /** By name. A built-in chain that the kernel does not have yet is only in the ruleset. */
  readonly chains: ReadonlyMap<string, KernelChain>
  /** Handles of the rules, by number in the image. */
  readonly handles: Float64Array
}

/** Number of rules read per slice. */
const SLICE = 512

/** How long a disturbed reading is retried, and the longest pause before a retry, in milliseconds. */
export const PATIENCE_MS = 30_000
const MAX_REST_MS = 3
/** After this many disturbed attempts, other programs are kept out for a while. */
const MOST_DISTURBED = 8

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Pauses for a random time, so that programs that disturbed each other do not retry at the same moment. */
export const standBack = (): void => void Atomics.wait(sleeper, 0, 0, Math.random() * MAX_REST_MS)

/** The table to read. */
interface TableSource {
  readonly client: NftClient
  readonly family: Family
  readonly name: string
  /** It uses rules that it has read before as templates. */
  readonly reader: RuleReader
}

/**
 * @param isContended whether to keep other programs out from the first attempt on
 * @throws NotFoundError for a table that iptables does not have, ConflictError if nf_tables keeps changing
 */
export function* readTable({ client, family, name, reader }: TableSource, isContended: boolean): Sliced<TableReading> {
  if (!isTableName(name))
    throw new NotFoundError(
      'XT_NO_TABLE',
      `there is no table ${JSON.stringify(name)}; accepted: ${Object.keys(TABLES).join(', ')}`,
    )
  const end = performance.now() + PATIENCE_MS
  const standstill = client.standstill(name)
  for (let attempt = isContended ? 0 : 1; ; attempt++)
    try {
      if (attempt % MOST_DISTURBED === 0) standstill.begin()
      return yield* readOnce(client.dumpTable(name), family, name, reader)
    } catch (error) {
      if (!(error instanceof ConflictError) || performance.now() > end) throw error
      standBack()
      yield
    }
}

function* readOnce(
  { generation, table, chains: all, rules: dumped }: TableDump,
  family: Family,
  name: TableName,
  reader: RuleReader,
): Sliced<TableReading> {
  const ours = all.filter((chain) => chain.hook === undefined || builtinHook(name, chain) !== undefined)
  const names = ours.map((chain) => chain.name ?? '')
  const builder = new ImageBuilder(family, names)
  let seen = 0
  for (const rules of dumped)
    for (const { chain = '', handle = 0n, expressions } of rules) {
      builder.add(chain, Number(handle), reader.read(expressions))
      if (++seen % SLICE === 0) yield
    }
  const image = builder.build()
  const isOurs = new Set(ours)
  const handles = builder.handles
  const foreign = all
    .filter((chain) => !isOurs.has(chain) || isUnhooked(name, chain))
    .map((chain): [string, string] => [chain.name ?? '', foreignChain(chain)])
  return {
    ruleset: {
      ...rulesetOf(family, name, ours, image, builder),
      foreign: {
        chains: new Map(foreign),
        rules: builder.held,
        isDormant: ((table?.flags ?? 0) & NFT_TABLE_F_DORMANT) !== 0,
        owner: table?.owner,
      },
      handles: { table: table?.handle, rules: handles },
    },
    generation,
    handle: table?.handle,
    chains: new Map(ours.map((chain) => [chain.name ?? '', kernelChain(chain)])),
    handles,
  }
}

const kernelChain = ({ handle = 0n, counters }: ChainValues): KernelChain => ({
  handle,
  counts: counters !== undefined,
})

/** The hook of a built-in chain of iptables; undefined for any other chain. */
function builtinHook(table: TableName, { name, hook, type }: ChainValues): Hook | undefined {
  const known = HOOKS[hook?.number ?? -1]
  if (known === undefined || known !== name || !(TABLES[table] as readonly string[]).includes(known)) return undefined
  const wanted = baseChain(table, known)
  return type === wanted.type && hook?.priority === wanted.priority ? known : undefined
}

const foreignChain = ({ name, type, hook }: ChainValues): string =>
  hook === undefined
    ? `chain ${name} without a hook`
    : `chain ${name} of type ${type}, at hook ${HOOKS[hook?.number ?? -1] ?? hook?.number} with priority ${hook?.priority}`

function rulesetOf(
  family: Family,
  table: TableName,
  chains: readonly ChainValues[],
  image: KernelEntries,
  builder: ImageBuilder,
): Ruleset {
  const found = new Map(chains.map((chain) => [chain.name ?? '', chain]))
  const hooked = TABLES[table].map((hook): Chain => {
    const values = found.get(hook)
    if (values === undefined) return unusedChain(family, hook)
    const rules = new Rules(image, builder.numbers.get(hook) ?? [])
    return { name: hook, hook, head: undefined, rules, tail: policyEntry(family, values) }
  })
  const users = chains
    .filter(({ hook }) => hook === undefined)
    .map(({ name = '' }): Chain => {
      const rules = new Rules(image, builder.numbers.get(name) ?? [])
      // Without a head entry: it has no room for the longest chain names of nft.
      return { ...newChain(family, ''), name, head: undefined, rules }
    })
  const all = [...hooked, ...users]
  return {
    family,
    table,
    chains: new LayeredMap(new Map(all.map((chain) => [chain.name, chain]))),
    isSorted: true,
    canonical: (rule) => canonicalRule(family, rule),
    unusedChain: (hook) => unusedChain(family, hook),
    end: undefined,
    image,
  }
}

const unusedChain = (family: Family, hook: Hook): Chain => ({
  name: hook,
  hook,
  head: undefined,
  rules: Rules.of(),
  tail: policyEntry(family),
  isUnused: true,
})

/** The policy of a chain, as its last entry. Without values, that of a chain which the kernel does not have: ACCEPT. */
function policyEntry(family: Family, { policy, counters }: ChainValues = {}): Entry {
  const verdict = policy === NFT_VERDICT.DROP ? VERDICTS.DROP : VERDICTS.ACCEPT
  const bytes = buildVerdictEntry(family, verdict)
  const { packets = 0n, bytes: byteCount = 0n } = counters ?? {}
  writeCounters(family, bytes, [packets, byteCount])
  return plain(bytes)
}

const FIRST_ROOM = 0x1_0000

/** Collects rules in one image as they are read. */
class ImageBuilder {
  readonly #family: Family
  readonly #names: readonly string[]
  readonly #indexes: ReadonlyMap<string, number>
  readonly #starts: number[] = [0]
  readonly #destinations: number[] = []
  readonly #handles: number[] = []
  /** Numbers of the rules, by chain. */
  readonly numbers = new Map<string, number[]>()
  /** Numbers of the rules that iptables cannot express. */
  readonly held = new Set<number>()
  #bytes = new Uint8Array(FIRST_ROOM)

  constructor(family: Family, names: readonly string[]) {
    this.#family = family
    this.#names = names
    this.#indexes = new Map(names.map((name, i) => [name, i]))
  }

  get handles(): Float64Array {
    return Float64Array.from(this.#handles)
  }

  add(chain: string, handle: number, { bytes, jump }: ReadRule): void {
    // The rules of foreign chains are left out.
    if (!this.#indexes.has(chain)) return
    const ofChain = this.numbers.get(chain) ?? []
    if (ofChain.length === 0) this.numbers.set(chain, ofChain)
    if (isHeld(this.#family, bytes)) this.held.add(this.#handles.length)
    ofChain.push(this.#handles.length)
    this.#handles.push(handle)
    this.#destinations.push(jump === undefined ? STAYS : jump === '' ? GOES_ON : (this.#indexes.get(jump) ?? STAYS))
    const start = this.#starts.at(-1) as number
    this.#makeRoom(start + bytes.length)
    this.#bytes.set(bytes, start)
    this.#starts.push(start + bytes.length)
  }

  #makeRoom(size: number): void {
    if (size <= this.#bytes.length) return
    const more = new Uint8Array(Math.max(2 * this.#bytes.length, size))
    more.set(this.#bytes)
    this.#bytes = more
  }

  build(): KernelEntries {
    return {
      family: this.#family,
      bytes: this.#bytes.subarray(0, this.#starts.at(-1)),
      starts: Uint32Array.from(this.#starts),
      destinations: Int32Array.from(this.#destinations),
      names: this.#names,
      objects: new Map(),
    }
  }
}
