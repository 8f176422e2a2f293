/** A table of nf_tables as a kernel told of it, in its own messages, to be kept in a file and looked at elsewhere. */
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
 * A table of nf_tables as the kernel told of it, to be kept in a file and looked at elsewhere.
 * @since 0.1.0
 */
export interface NftCapture {
  /** Tells it from a {@link Capture}. */
  readonly backend: 'nft'
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** As in `filter`. */
  readonly table: string
  /** The attributes of NFT_MSG_NEWTABLE. */
  readonly newTable: Uint8Array
  /** Of NFT_MSG_NEWCHAIN, one for each chain, in the order of the kernel. */
  readonly newChains: readonly Uint8Array[]
  /** Of NFT_MSG_NEWRULE, the rules of a chain in their order. */
  readonly newRules: readonly Uint8Array[]
  /** As of a {@link Capture}. */
  readonly sets?: Readonly<Record<string, SetIdentity>>
}

/**
 * An {@link NftCapture} as `JSON.stringify` turns it into text.
 * @since 0.1.0
 */
export type NftCaptureJson = Omit<NftCapture, 'newTable' | 'newChains' | 'newRules'> & {
  /** As of an {@link NftCapture}, in base64. */
  readonly newTable: string
  /** As of an {@link NftCapture}, each in base64. */
  readonly newChains: readonly string[]
  /** As of an {@link NftCapture}, each in base64. */
  readonly newRules: readonly string[]
}

export const isNftCapture = (capture: object): capture is NftCapture =>
  (capture as Partial<NftCapture>).backend === 'nft'

/** How often to read again where something changes meanwhile. */
const MAX_READS = 16

/**
 * Reads a table of nf_tables from a kernel. Asking makes none.
 * @param table - as in `'filter'`
 * @throws {@link NotFoundError} where there is no such table
 * @throws {@link ConflictError} where the kernel's rules keep changing
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

/** Names of the tables of a family that there are, in the order in which they were made. */
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

/** A capture taken apart. */
export interface NftTableContents {
  readonly table: TableValues
  readonly chains: readonly ChainValues[]
  readonly rules: readonly RuleValues[]
}

const wrong = (field: string, what: string): IptcError => new IptcError('XT_BAD_CAPTURE', `capture: ${field} ${what}`)

/** Reads the messages of a capture. What rules say is not looked at. @throws IptcError, MessageError */
export function readNftCapture(capture: NftCapture): NftTableContents {
  check('a capture', capture, object)
  const { family, table, newTable, newChains, newRules } = capture
  if (typeof family !== 'string' || !Object.hasOwn(FAMILIES, family))
    throw wrong('family', `is ipv4 or ipv6, not ${shown(family)}`)
  const read = <S>({ attributes }: MessageType<NfHead, Values<S>>, bytes: Uint8Array): Values<S> => {
    if (!(bytes instanceof Uint8Array)) throw wrong('a message', `is a Uint8Array, not ${shown(bytes)}`)
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
 * Makes of a capture what `JSON.stringify` takes.
 * @throws {@link IptcError}, {@link MessageError} for what is no capture
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
 * Makes a capture of what {@link nftCaptureToJson} made of it.
 * @param json - what `JSON.parse` returned
 * @throws {@link IptcError}, {@link MessageError}, which say what is wrong with it
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
  if (!isObject(json) || !isNftCapture(json)) throw wrong('it', 'is an object whose backend is nft')
  const unknown = Object.keys(json).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) throw wrong(shown(unknown), `is not known; one of nf_tables has ${KEYS.join(', ')}`)
  const { family, table, newTable, newChains, newRules, sets } = json as unknown as NftCaptureJson
  const list = (values: unknown, field: string): Uint8Array[] => {
    if (!Array.isArray(values)) throw wrong(field, `is a list, not ${shown(values)}`)
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
