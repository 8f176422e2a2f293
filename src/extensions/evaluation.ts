/**
 * What extensions test in packets and do to them, for extensions without a native form. It is declared beside
 * the encoding and used to trace which rules a packet matches. Extensions with a native form are evaluated by
 * that.
 */
import type { FamilyName } from '../abi/family'
import { NFT_CT } from '../abi/nf-tables'
import type { Assignment, Change, NativePart, Source, Statement, Test } from './native'
import { connection, transport } from './native'

/** Undefined means unknown. */
export type Truth = boolean | undefined

/** Bytes of a packet, or of what the kernel knows about it, as far as they are known. */
export interface Seen {
  readonly bytes: Uint8Array
  /** Mask of the known bits. The other bits of `bytes` are 0. */
  readonly known: Uint8Array
}

/** What a source holds; undefined if that is not known. */
export type Sight = Seen | 'absent' | undefined

/** A packet as far as it is known. */
export interface PacketView {
  readonly family: FamilyName
  look(source: Source): Sight
  /** The whole packet from the network header on; undefined unless every byte is known. */
  readonly bytes: Uint8Array | undefined
  /**
   * IPv6 extension headers by number, each with all bytes from its start on; undefined if they are not known.
   * IPv4 has none.
   */
  readonly headers: ReadonlyMap<number, Uint8Array> | undefined
}

/** At least one alternative must hold; with `negated`, none may. */
export interface OneOf {
  readonly kind: 'one of'
  /** An alternative holds if all of its conditions do. */
  readonly alternatives: readonly (readonly Condition[])[]
  readonly negated: boolean
}

/** A condition that is not a comparison of bytes. */
export interface Question {
  readonly kind: 'question'
  readonly answer: (packet: PacketView) => Truth
}

/** Something that the packet alone does not say: earlier traffic, the content of a set, the time. */
export interface Circumstance {
  readonly kind: 'circumstance'
  /** What decides, as text for people. */
  readonly decides: string
}

export type Condition = Test | OneOf | Question | Circumstance

/** A condition on several properties of a packet at once: a function of what is known about it. */
export const question = (answer: Question['answer']): Question => ({ kind: 'question', answer })

/** At least one of the alternatives must hold. All conditions of an alternative must hold together. */
export const oneOf = (alternatives: OneOf['alternatives'], negated = false): OneOf => ({
  kind: 'one of',
  alternatives,
  negated,
})

/** A condition that no packet meets. */
export const NEVER: Condition = oneOf([])

/** The source exists, whatever it holds. */
export const thereIs = (source: Source): Test => ({
  kind: 'test',
  source,
  mask: Uint8Array.of(0),
  op: 'eq',
  value: Uint8Array.of(0),
})

/** Only the first fragment of a packet has a transport header. */
export const HAS_TRANSPORT = thereIs(transport(0, 1))
/** Connection tracking has found or created a connection for the packet. */
export const HAS_CONNECTION = thereIs(connection(NFT_CT.DIRECTION))

const isTest = (statement: Statement): statement is Test => statement.kind === 'test'

/**
 * The conditions of parts of a native form. If a part has no statements for the value of its field, no packet
 * matches.
 */
export const asked = (parts: readonly NativePart[], bytes: Uint8Array, at: number): Condition[] =>
  parts.flatMap((part): Condition[] => part.write(bytes, at)?.filter(isTest) ?? [NEVER])

/** Ends the packet's path through a table, or through all tables. */
export interface End {
  readonly kind: 'end'
  /** STOLEN: the packet goes elsewhere, or a reply is sent instead of it. */
  readonly verdict: 'ACCEPT' | 'DROP' | 'REJECT' | 'QUEUE' | 'STOLEN'
}

/** A destination changes to what can be computed from its old value, as far as that is known. */
export interface Update {
  readonly kind: 'update'
  readonly to: Source
  /** A second source that the new value is computed from. */
  readonly from?: Source
  /** @param from `old` if there is no second source */
  readonly make: (old: Seen, from: Seen) => Seen
}

/** The transport header and everything after it change, possibly in length. */
export interface Rewrite {
  readonly kind: 'rewrite'
  readonly make: (transport: Seen) => Seen
}

/** The packet is not tracked. */
export interface Untracked {
  readonly kind: 'untracked'
}

/** Network address translation. What is not given stays as it is. */
export interface Translate {
  readonly kind: 'translate'
  /** Undefined: the destination in PREROUTING and OUTPUT, the source in INPUT and POSTROUTING. */
  readonly of?: 'source' | 'destination'
  /** The new address; unknown if it is one of several, or an address of this host. */
  readonly address?: Uint8Array | 'unknown'
  /** Mask of the address bits that change. Default: all. */
  readonly mask?: Uint8Array
  readonly port?: Uint8Array | 'unknown'
  /** Whether the packet is then for this host. */
  readonly isForHost?: boolean
}

/** One of two things is done, depending on something else. */
export interface Either {
  readonly kind: 'either'
  readonly decides: string
  readonly effects: readonly [readonly Effect[], readonly Effect[]]
}

export type Effect = Assignment | Change | Update | Rewrite | Translate | Untracked | End | Either

/** What a match tests in packets. @returns conditions that must all hold */
export type Asks = (bytes: Uint8Array, at: number) => readonly Condition[]
/** What a target does to packets, in order. */
export type Does = (bytes: Uint8Array, at: number) => readonly Effect[]

/** For a match that depends on something other than the packet. */
export const circumstance =
  (decides: string): (() => Asks) =>
  () =>
  () => [{ kind: 'circumstance', decides }]

/** For a match that every packet meets. */
export const always = (): Asks => () => []

/** For a target that changes nothing that rules can test. */
export const nothing = (): Does => () => []

/** For a target that ends the path of every packet. */
export const ends =
  (verdict: End['verdict']): (() => Does) =>
  () =>
  () => [{ kind: 'end', verdict }]

/** The packet is accepted: no later rule of the table sees it. */
export const ACCEPTED: End = { kind: 'end', verdict: 'ACCEPT' }

/** Bytes of which nothing is known. */
export const unknown = (size: number): Seen => ({ bytes: new Uint8Array(size), known: new Uint8Array(size) })

/** The value of the destination becomes unknown. */
export const forget = (to: Source): Update => ({ kind: 'update', to, make: ({ bytes }) => unknown(bytes.length) })

/** Whether all bits are known. */
export const isWholly = ({ known }: Seen): boolean => known.every((bits) => bits === 0xff)

/** The bytes at a source, if all of them are known. */
export function bytesAt(packet: PacketView, source: Source): Uint8Array | 'absent' | undefined {
  const sight = packet.look(source)
  return sight === undefined || sight === 'absent' ? sight : isWholly(sight) ? sight.bytes : undefined
}

/** A question about the bytes at a source. It is false if the source is absent. */
export const ofBytes = (source: Source, answer: (bytes: Uint8Array, packet: PacketView) => Truth): Question =>
  question((packet) => {
    const bytes = bytesAt(packet, source)
    return bytes === undefined ? undefined : bytes !== 'absent' && answer(bytes, packet)
  })

/** As {@link ofBytes}, for an IPv6 extension header by number, with everything after it. */
export const ofHeader = (number: number, answer: (bytes: Uint8Array, packet: PacketView) => Truth): Question =>
  question((packet) => {
    const header = packet.headers?.get(number)
    return packet.headers && header !== undefined ? answer(header, packet) : packet.headers && false
  })
