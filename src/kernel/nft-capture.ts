/** Captures of nf_tables tables: the kernel's messages, stored in a file for later inspection. */
import { FAMILIES, type FamilyName } from '../abi/family'
import { NETLINK_NETFILTER, nlAlign } from '../abi/netlink'
import { nfgenmsg } from '../abi/nfnetlink'
import { check, isObject, keyOf, object, shown, text } from '../check-input'
import { ConflictError, IptcError, NotFoundError } from '../errors'
import type { Values } from '../netlink/attribute'
import { NetlinkClient } from '../netlink/client'
import { type Message, type MessageType, type NfHead, nfHead, readMessage, request } from '../netlink/message'
import { explain, Refusal } from '../netlink/refusal'
import { type ChainValues, messages, type RuleValues, type TableValues } from '../nft/messages'
import { captureSets, checkSets, fromBase64, toBase64 } from './capture'
import { Client, type SetIdentity } from './client'
import { aKernel, aNetlinkPort, type Kernel, type NetlinkPort } from './kernel'

/**
 * An nf_tables table as the kernel described it, to be stored in a file and inspected elsewhere.
 * @since 0.1.0
 */
export interface NftCapture {
  /** Distinguishes it from a {@link Capture}. */
  readonly backend: 'nft'
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** Name of the table, such as `filter`. */
  readonly table: string
  /** The attributes of NFT_MSG_NEWTABLE. */
  readonly newTable: Uint8Array
  /** The attributes of NFT_MSG_NEWCHAIN, one per chain, in the kernel's order. */
  readonly newChains: readonly Uint8Array[]
  /** The attributes of NFT_MSG_NEWRULE, one per rule, in order within each chain. */
  readonly newRules: readonly Uint8Array[]
  /** As in a {@link Capture}. */
  readonly sets?: Readonly<Record<string, SetIdentity>>
}

/**
 * An {@link NftCapture} in the form for `JSON.stringify`.
 * @since 0.1.0
 */
export type NftCaptureJson = Omit<NftCapture, 'newTable' | 'newChains' | 'newRules'> & {
  /** As in an {@link NftCapture}, in base64. */
  readonly newTable: string
  /** As in an {@link NftCapture}, each in base64. */
  readonly newChains: readonly string[]
  /** As in an {@link NftCapture}, each in base64. */
  readonly newRules: readonly string[]
}

export const isNftCapture = (capture: object): capture is NftCapture =>
  (capture as Partial<NftCapture>).backend === 'nft'

/** How often to read again if something changes meanwhile. */
const MAX_READS = 16

/**
 * Captures an nf_tables table from a kernel. Asking does not create the table.
 * @param table - such as `'filter'`
 * @throws {@link NotFoundError} if there is no such table
 * @throws {@link ConflictError} if the rules keep changing while they are read
 * @throws {@link KernelError}
 * @since 0.1.0
 * @example
 * ```ts
 * import { captureNftTable, easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { target: 'DROP' }, 0, { kernel, backend: 'nft' })
 * console.log(captureNftTable(kernel, 'ipv4', 'filter').newRules.length) // 1
 * ```
 */
export function captureNftTable(kernel: Kernel & NetlinkPort, family: FamilyName, table: string): NftCapture {
  check('what a table is captured of', kernel, aKernel)
  check('what a table is captured of', kernel, aNetlinkPort)
  check('the family of a table', family, keyOf(FAMILIES))
  check('the name of a table', table, text)
  const reader = new Reader(kernel, family)
  const client = new Client(kernel, FAMILIES[family])
  try {
    const sets = captureSets(client)
    return { backend: 'nft', family, table, ...reader.read(table), ...(sets && { sets }) }
  } finally {
    client.close()
    reader.close()
  }
}

/** Names of the existing tables of a family, in order of creation. */
export function nftTableNames(port: NetlinkPort, family: FamilyName): string[] {
  const reader = new Reader(port, family)
  try {
    return reader.tables().map(({ values }) => values.name ?? '')
  } finally {
    reader.close()
  }
}

interface Told<V> {
  readonly values: V
  readonly attributes: Uint8Array
}

class Reader {
  readonly #client: NetlinkClient
  readonly #family: FamilyName

  constructor(port: NetlinkPort, family: FamilyName) {
    this.#client = new NetlinkClient(port, NETLINK_NETFILTER)
    this.#family = family
  }

  close(): void {
    this.#client.close()
  }

  tables(): Told<TableValues>[] {
    return this.#dump(messages.getTable, messages.newTable)
  }

  read(name: string): Pick<NftCapture, 'newTable' | 'newChains' | 'newRules'> {
    for (let attempt = 1; ; attempt++) {
      const generation = this.#generation()
      const table = this.tables().find(({ values }) => values.name === name)
      if (table === undefined)
        throw new NotFoundError('XT_NO_TABLE', `nf_tables has no table ${JSON.stringify(name)} of this family`)
      const ofTable = ({ values }: Told<ChainValues | RuleValues>): boolean => values.table === name
      const chains = this.#dump(messages.getChain, messages.newChain).filter(ofTable)
      const rules = this.#dump(messages.getRule, messages.newRule).filter(ofTable)
      if (this.#generation() === generation)
        return { newTable: table.attributes, newChains: chains.map(bytesOf), newRules: rules.map(bytesOf) }
      if (attempt === MAX_READS)
        throw new ConflictError(
          'XT_CHANGED_WHILE_READ',
          `nf_tables was changed by other programs during each of ${MAX_READS} attempts to read it; try again later`,
        )
    }
  }

  #generation(): number {
    const [answer] = this.#asked(() => this.#client.request(request(messages.getGen, 0, nfHead(0), {})))
    return answer === undefined ? 0 : (readMessage(messages.newGen, answer).values.id ?? 0)
  }

  #dump<V>(ask: MessageType<NfHead, V>, kind: MessageType<NfHead, V>): Told<V>[] {
    const asked = request(ask, 0, nfHead(FAMILIES[this.#family].domain), {} as V)
    return this.#asked(() => this.#client.dumpAll(asked)).map((message) => ({
      values: readMessage(kind, message).values,
      attributes: attributesOf(message),
    }))
  }

  #asked<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw error instanceof Refusal ? explain(error) : error
    }
  }
}

const bytesOf = ({ attributes }: Told<unknown>): Uint8Array => attributes
const attributesOf = ({ bytes, at, end }: Message): Uint8Array => bytes.slice(at + nlAlign(nfgenmsg.size), end)

/** The decoded messages of a capture. */
export interface NftTableContents {
  readonly table: TableValues
  readonly chains: readonly ChainValues[]
  readonly rules: readonly RuleValues[]
}

const wrong = (field: string, what: string): IptcError => new IptcError('XT_BAD_CAPTURE', `capture: ${field} ${what}`)

/** Decodes the messages of a capture. The contents of rules are not checked. @throws IptcError, MessageError */
export function readNftCapture(capture: NftCapture): NftTableContents {
  check('a capture', capture, object)
  const { family, table, newTable, newChains, newRules } = capture
  if (typeof family !== 'string' || !Object.hasOwn(FAMILIES, family))
    throw wrong('family', `must be ipv4 or ipv6, not ${shown(family)}`)
  const read = <S>({ attributes }: MessageType<NfHead, Values<S>>, bytes: Uint8Array): Values<S> => {
    if (!(bytes instanceof Uint8Array)) throw wrong('a message', `must be a Uint8Array, not ${shown(bytes)}`)
    return attributes.read(bytes, 0, bytes.length)
  }
  if (!Array.isArray(newChains) || !Array.isArray(newRules)) throw wrong('newChains and newRules', 'are lists')
  const contents = {
    table: read(messages.newTable, newTable) as TableValues,
    chains: newChains.map((bytes) => read(messages.newChain, bytes) as ChainValues),
    rules: newRules.map((bytes) => read(messages.newRule, bytes) as RuleValues),
  }
  if (contents.table.name !== table)
    throw wrong('newTable', `is of table ${shown(contents.table.name)}, and the capture of ${shown(table)}`)
  for (const one of [...contents.chains, ...contents.rules])
    if (one.table !== table) throw wrong('a message', `is of table ${shown(one.table)}, and the capture of ${table}`)
  return contents
}

/**
 * Converts a capture for `JSON.stringify`.
 * @throws {@link IptcError}, {@link MessageError} for an invalid capture
 * @since 0.1.0
 * @example
 * ```ts
 * import { captureNftTable, easy, MemoryKernel, nftCaptureToJson } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addChain('filter', 'web', { kernel, backend: 'nft' })
 * console.log(nftCaptureToJson(captureNftTable(kernel, 'ipv4', 'filter')).backend) // nft
 * ```
 */
export function nftCaptureToJson(capture: NftCapture): NftCaptureJson {
  readNftCapture(capture)
  const { backend, family, table, newTable, newChains, newRules, sets } = capture
  return {
    backend,
    family,
    table,
    newTable: toBase64(newTable),
    newChains: newChains.map(toBase64),
    newRules: newRules.map(toBase64),
    ...(sets && { sets }),
  }
}

const KEYS: readonly string[] = ['backend', 'family', 'table', 'newTable', 'newChains', 'newRules', 'sets']

/**
 * Converts the result of {@link nftCaptureToJson} back to a capture.
 * @param json - the result of `JSON.parse`
 * @throws {@link IptcError}, {@link MessageError} with the fault
 * @since 0.1.0
 * @example
 * ```ts
 * import { captureNftTable, easy, MemoryKernel, nftCaptureFromJson, nftCaptureToJson } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addChain('filter', 'web', { kernel, backend: 'nft' })
 * const json = nftCaptureToJson(captureNftTable(kernel, 'ipv4', 'filter'))
 * const copy = new MemoryKernel({ captures: [nftCaptureFromJson(json)] })
 * console.log(easy.hasChain('filter', 'web', { kernel: copy, backend: 'nft' })) // true
 * ```
 */
export function nftCaptureFromJson(json: unknown): NftCapture {
  if (!isObject(json) || !isNftCapture(json)) throw wrong('it', 'must be an object whose backend is nft')
  const unknown = Object.keys(json).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) throw wrong(shown(unknown), `is not known; one of nf_tables has ${KEYS.join(', ')}`)
  const { family, table, newTable, newChains, newRules, sets } = json as unknown as NftCaptureJson
  const list = (values: unknown, field: string): Uint8Array[] => {
    if (!Array.isArray(values)) throw wrong(field, `must be a list, not ${shown(values)}`)
    return values.map((value) => fromBase64(value, field))
  }
  const capture = {
    backend: 'nft' as const,
    family,
    table,
    newTable: fromBase64(newTable, 'newTable'),
    newChains: list(newChains, 'newChains'),
    newRules: list(newRules, 'newRules'),
    ...(sets !== undefined && { sets: checkSets(sets) }),
  }
  readNftCapture(capture)
  return capture
}
