/**
 * The nf_tables form of an extension, if it has one: what it tests in a packet, or does with it, as
 * statements. Declared once, both for writing rules and for reading rules that others wrote.
 */
import type { FamilyName } from '../abi/family'
import { NFT_EXTHDR_OP, NFT_PAYLOAD } from '../abi/nf-tables'

/** A header that may follow the network header, or an option in one: its kind, and which part of it. */
export interface OptionalHeader {
  readonly from: 'exthdr'
  /** @see NFT_EXTHDR_OP */
  readonly op: number
  readonly type: number
  readonly offset: number
  readonly length: number
  /** Whether the source is the presence of the header. */
  readonly isPresence?: boolean
}

/**
 * What is read: something that the kernel knows about the packet, its connection or its route, the result of
 * a lookup of its addresses, or bytes of the packet.
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
      /** For a write: the place of the checksum to update. */
      readonly checksum?: number | undefined
    }

export type Comparison = 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte'

/** A packet continues if the comparison holds. */
export interface Test {
  readonly kind: 'test'
  readonly source: Source
  /** The bits that are compared; all if absent. */
  readonly mask?: Uint8Array | undefined
  readonly op: Comparison
  readonly value: Uint8Array
  /** For a range: its last value, included. */
  readonly to?: Uint8Array | undefined
  /**
   * Other values and ranges that also match. They can be printed, but a rule would need a set for them, which
   * is neither written nor read.
   */
  readonly or?: readonly Pick<Test, 'value' | 'to'>[]
  /**
   * Whether a value in host byte order is converted to network order before it is compared as a number: for
   * ranges, and for less or greater.
   */
  readonly isTurned?: boolean | undefined
}

/** Something is read but not tested. */
export interface Look {
  readonly kind: 'look'
  readonly source: Source
}

/** Something that the kernel knows about the packet or its connection is set. */
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
  /** To the left; to the right if negative. */
  readonly shift?: number | undefined
}

/** An expression by its name and attributes. */
export interface Plain {
  readonly kind: 'expression'
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
}

export type Statement = Test | Look | Assignment | Change | Plain

/** Some statements, and the fields that they represent. */
export interface NativePart {
  /** Keys of the statements that it reads: see {@link keyOf}. */
  readonly keys: readonly string[]
  /** @returns the statements; undefined if the value cannot be expressed in them. */
  write(bytes: Uint8Array, at: number): readonly Statement[] | undefined
  /** Statements for nft's words, if rules are not written or read like this. They replace those of `write`. */
  translated?(bytes: Uint8Array, at: number): readonly Statement[] | undefined
  /** Whether it may read several statements in sequence, as long as they do not repeat the same thing. */
  readonly isGradual?: boolean
  /** Whether all values in equality tests are read alike: the bytes are copied into the payload. */
  readonly isUniform?: boolean
  /** Whether its meaning changes beside other parts, so that it needs a match of its own. */
  readonly isAlone?: boolean
  /** A test that must come first and belongs to no other extension: without it, the same place holds something else. */
  readonly needs?: Test
  /**
   * Stores a statement in a payload.
   * @param isMore whether it has already stored another one there, as a gradual part may
   * @returns whether it understands the statement
   */
  read(statement: Statement, bytes: Uint8Array, at: number, isMore?: boolean): boolean
}

/** The native form of an extension: its parts in the order in which they are written. */
export interface Native {
  readonly parts: readonly NativePart[]
  /**
   * Whether rules are written in this form. Other forms are only read, as later versions of iptables-nft and
   * nft write them.
   */
  readonly isWritten: boolean
}

/** A native form that iptables-nft writes instead of the extension. */
export const native = (...parts: readonly NativePart[]): Native => ({ parts, isWritten: true })
/** As {@link native}, but only read: iptables-nft writes the x_tables extension, other programs write this form. */
export const readNatively = (...parts: readonly NativePart[]): Native => ({ parts, isWritten: false })

/** What the kernel knows about a packet besides its bytes, by a key of `NFT_META` in abi/nf-tables.ts. */
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
/** Bytes of the IPv4 or IPv6 header, in bytes from its start. */
export const network = (offset: number, length: number): Source & { readonly from: 'payload' } => ({
  from: 'payload',
  base: NFT_PAYLOAD.NETWORK,
  offset,
  length,
})

/** Bytes of an IPv6 extension header. */
export const optionalHeader = (type: number, offset: number, length: number): OptionalHeader => ({
  from: 'exthdr',
  op: NFT_EXTHDR_OP.IPV6,
  type,
  offset,
  length,
})

/** Offsets of the source and destination address in the network header of a family. */
export const ADDRESSES: Readonly<Record<FamilyName, readonly [number, number]>> = { ipv4: [12, 16], ipv6: [8, 24] }

/** A property of the packet's route. @param key NFT_RT_… */
export const route = (key: number): Source => ({ from: 'rt', key })
/** A result of a routing table lookup of an address. @param flags NFTA_FIB_F_… */
export const lookup = (flags: number, result: number): Source => ({ from: 'fib', flags, result })
/** What connection tracking knows about the packet's connection. @param key NFT_CT_… of linux/netfilter/nf_tables.h */
export const connection = (key: number, direction?: number): Source => ({
  from: 'ct',
  key,
  ...(direction !== undefined && { direction }),
})

/** A text that is equal for equal sources. */
export function sourceKey(source: Source): string {
  if (source.from === 'payload')
    return `payload ${source.base} ${source.offset} ${source.length} ${source.checksum ?? ''}`
  if (source.from === 'exthdr')
    return `exthdr ${source.op} ${source.type} ${source.offset} ${source.length} ${source.isPresence ?? false}`
  if (source.from === 'fib') return `fib ${source.flags} ${source.result}`
  return `${source.from} ${source.key} ${source.from === 'ct' ? (source.direction ?? '') : ''}`
}

/** The key by which the part that reads a statement is found. */
export function keyOf(statement: Statement): string {
  if (statement.kind === 'expression') return statement.name
  const isSet = statement.kind === 'set' || statement.kind === 'change'
  return isSet ? `set ${sourceKey(statement.to)}` : sourceKey(statement.source)
}
