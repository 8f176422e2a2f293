/**
 * What an extension is in terms of nf_tables, where it has such a form: what a packet is tested for, or what is done with
 * it, as statements. Declared once, for writing rules and for reading what others wrote.
 */
import type { FamilyName } from '../abi/family'
import { NFT_EXTHDR_OP, NFT_PAYLOAD } from '../abi/nf-tables'

/** A header that packets may have behind that of the network, or an option in one: which kind, and what of it. */
export interface OptionalHeader {
  readonly from: 'exthdr'
  /** @see NFT_EXTHDR_OP */
  readonly op: number
  readonly type: number
  readonly offset: number
  readonly length: number
  /** Whether it is looked at whether there is one. */
  readonly isPresence?: boolean
}

/**
 * What is looked at: something that the kernel knows of the packet, its connection or its route, what a lookup of its
 * addresses says, or bytes of the packet itself.
 */
export type Source =
  | { readonly from: 'meta' | 'rt'; readonly key: number }
  | { readonly from: 'ct'; readonly key: number; readonly direction?: number | undefined }
  | { readonly from: 'fib'; readonly flags: number; readonly result: number }
  | OptionalHeader
  | {
      readonly from: 'payload'
      readonly base: number
      readonly offset: number
      readonly length: number
      /** Of what is set: where the checksum is that is to hold of it. */
      readonly checksum?: number | undefined
    }

export type Comparison = 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte'

/** A packet goes on where what is looked at compares so. */
export interface Test {
  readonly kind: 'test'
  readonly source: Source
  /** Bits that are looked at; all where absent. */
  readonly mask?: Uint8Array | undefined
  readonly op: Comparison
  readonly value: Uint8Array
  /** Where what is asked is a range, its other end, which is in it. */
  readonly to?: Uint8Array | undefined
  /** Other values, and ranges, that do as well. It has words, but rules would have a set for it, which is neither read nor written. */
  readonly or?: readonly Pick<Test, 'value' | 'to'>[]
  /**
   * Whether what the machine has in its own byte order was turned into that of the network first, to be compared as a number:
   * of ranges, and of what is to be less or greater.
   */
  readonly isTurned?: boolean | undefined
}

/** Something is looked at, and nothing asked of it. */
export interface Look {
  readonly kind: 'look'
  readonly source: Source
}

/** Something that the kernel knows of the packet or its connection is set. */
export interface Assignment {
  readonly kind: 'set'
  readonly to: Source
  readonly value: Uint8Array
}

/** As {@link Assignment}, to `((from & mask) ^ xor) << shift`. */
export interface Change {
  readonly kind: 'change'
  readonly to: Source
  readonly from: Source
  readonly mask: Uint8Array
  readonly xor: Uint8Array
  /** To the left; to the right where it is negative. */
  readonly shift?: number | undefined
}

/** An expression of its own, by its name and attributes. */
export interface Plain {
  readonly kind: 'expression'
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
}

export type Statement = Test | Look | Assignment | Change | Plain

/** Some statements, and the fields that they stand for. */
export interface NativePart {
  /** Of the statements that it reads: see {@link keyOf}. */
  readonly keys: readonly string[]
  /** @returns what is to be said; undefined where that cannot be said in such statements. */
  write(bytes: Uint8Array, at: number): readonly Statement[] | undefined
  /** What is said to nft in words, where rules are not written or read so. As of `write`, which it is in place of. */
  translated?(bytes: Uint8Array, at: number): readonly Statement[] | undefined
  /** Whether it may read several statements, one after the other, as long as these do not say the same twice. */
  readonly isGradual?: boolean
  /** Whether it reads every value that is to be equalled, or not, as it does every other: its bytes go into the payload. */
  readonly isUniform?: boolean
  /** Whether what it says means something else beside other parts, so that a match of its own has to say it. */
  readonly isAlone?: boolean
  /** What has to be asked before, and is no matter of another extension: what stands at that place is something else otherwise. */
  readonly needs?: Test
  /**
   * Notes a statement in a payload.
   * @param isMore whether it has noted another one there, as one that is gradual may
   * @returns whether it is one of these
   */
  read(statement: Statement, bytes: Uint8Array, at: number, isMore?: boolean): boolean
}

/** The native form of an extension: its parts in the order in which they are written. */
export interface Native {
  readonly parts: readonly NativePart[]
  /** Whether rules are written so. Others are read so, as later versions of iptables-nft and nft write them. */
  readonly isWritten: boolean
}

/** What iptables-nft writes as statements of nf_tables in place of the extension. */
export const native = (...parts: readonly NativePart[]): Native => ({ parts, isWritten: true })
/** As {@link native}, of what iptables-nft writes as an extension of x_tables, and others write so. */
export const readNatively = (...parts: readonly NativePart[]): Native => ({ parts, isWritten: false })

/** What the kernel knows of a packet besides its bytes. @param key NFT_META_… of linux/netfilter/nf_tables.h */
export const meta = (key: number): Source => ({ from: 'meta', key })
/** Bytes of the transport header, in bytes from its start. */
export const transport = (offset: number, length: number): Source => ({
  from: 'payload',
  base: NFT_PAYLOAD.TRANSPORT,
  offset,
  length,
})
/** Bytes of the link-layer header, in bytes from its start. */
export const link = (offset: number, length: number): Source => ({
  from: 'payload',
  base: NFT_PAYLOAD.LL,
  offset,
  length,
})
/** Bytes of the header of IPv4 or IPv6, in bytes from its start. */
export const network = (offset: number, length: number): Source & { readonly from: 'payload' } => ({
  from: 'payload',
  base: NFT_PAYLOAD.NETWORK,
  offset,
  length,
})

/** Bytes of a header of options of IPv6. */
export const optionalHeader = (type: number, offset: number, length: number): OptionalHeader => ({
  from: 'exthdr',
  op: NFT_EXTHDR_OP.IPV6,
  type,
  offset,
  length,
})

/** Where the addresses lie in a header of the family: that of the source, that of the destination. */
export const ADDRESSES: Readonly<Record<FamilyName, readonly [number, number]>> = { ipv4: [12, 16], ipv6: [8, 24] }

/** What the route of a packet says. @param key NFT_RT_… */
export const route = (key: number): Source => ({ from: 'rt', key })
/** What the routing table says of an address. @param flags NFTA_FIB_F_… */
export const lookup = (flags: number, result: number): Source => ({ from: 'fib', flags, result })
/** What connection tracking knows of the connection of a packet. @param key NFT_CT_… of linux/netfilter/nf_tables.h */
export const connection = (key: number, direction?: number): Source => ({
  from: 'ct',
  key,
  ...(direction !== undefined && { direction }),
})

/** A text that is the same for sources that are the same. */
export function sourceKey(source: Source): string {
  if (source.from === 'payload')
    return `payload ${source.base} ${source.offset} ${source.length} ${source.checksum ?? ''}`
  if (source.from === 'exthdr')
    return `exthdr ${source.op} ${source.type} ${source.offset} ${source.length} ${source.isPresence ?? false}`
  if (source.from === 'fib') return `fib ${source.flags} ${source.result}`
  return `${source.from} ${source.key} ${source.from === 'ct' ? (source.direction ?? '') : ''}`
}

/** By what it is found who reads a statement. */
export function keyOf(statement: Statement): string {
  if (statement.kind === 'expression') return statement.name
  const isSet = statement.kind === 'set' || statement.kind === 'change'
  return isSet ? `set ${sourceKey(statement.to)}` : sourceKey(statement.source)
}
