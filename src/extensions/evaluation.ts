/**
 * What extensions ask of packets and do to them, where no native form says it: declared beside the encoding, for whoever wants
 * to know which rules a packet meets. What has a native form is evaluated by that.
 */
import type { FamilyName } from '../abi/family'
import { NFT_CT } from '../abi/nf-tables'
import type { Assignment, Change, NativePart, Source, Statement, Test } from './native'
import { connection, transport } from './native'

/** Undefined where it is not known. */
export type Truth = boolean | undefined

/** Some bytes of a packet, or of what the kernel knows of it, as far as they are known. */
export interface Seen {
  readonly bytes: Uint8Array
  /** The bits that are known. Others of `bytes` are 0. */
  readonly known: Uint8Array
}

/** What there is at a source; undefined where that is not known. */
export type Sight = Seen | 'absent' | undefined

/** A packet as far as it is known. */
export interface PacketView {
  readonly family: FamilyName
  look(source: Source): Sight
  /** All of the packet, from the header of the network on; undefined unless every byte is known. */
  readonly bytes: Uint8Array | undefined
  /**
   * The headers of IPv6 that stand before what the packet carries, by their numbers, each with all bytes behind its beginning;
   * undefined where they are not known. IPv4 has none.
   */
  readonly headers: ReadonlyMap<number, Uint8Array> | undefined
}

/** One of several must hold; `negated`: none. */
export interface OneOf {
  readonly kind: 'one of'
  /** Each of them holds where all of its conditions do. */
  readonly alternatives: readonly (readonly Condition[])[]
  readonly negated: boolean
}

/** What is no comparison of bytes. */
export interface Question {
  readonly kind: 'question'
  readonly answer: (packet: PacketView) => Truth
}

/** What a packet alone does not say: how much came before it, what is in a set, what time it is. */
export interface Circumstance {
  readonly kind: 'circumstance'
  /** For people: what decides. */
  readonly decides: string
}

export type Condition = Test | OneOf | Question | Circumstance

/** A condition that asks for several things of a packet at once: a function of what is known of it. */
export const question = (answer: Question['answer']): Question => ({ kind: 'question', answer })

/** Each of the alternatives is what has to hold together. */
export const oneOf = (alternatives: OneOf['alternatives'], negated = false): OneOf => ({
  kind: 'one of',
  alternatives,
  negated,
})

/** What no packet meets. */
export const NEVER: Condition = oneOf([])

/** Something is there, whatever it is. */
export const thereIs = (source: Source): Test => ({
  kind: 'test',
  source,
  mask: Uint8Array.of(0),
  op: 'eq',
  value: Uint8Array.of(0),
})

/** Fragments but the first have no header behind that of the network. */
export const HAS_TRANSPORT = thereIs(transport(0, 1))
/** Connection tracking has found a connection for the packet, or begun one. */
export const HAS_CONNECTION = thereIs(connection(NFT_CT.DIRECTION))

const isTest = (statement: Statement): statement is Test => statement.kind === 'test'

/** What parts of a native form ask. Where one has no statements for what its field holds, no packet meets that. */
export const asked = (parts: readonly NativePart[], bytes: Uint8Array, at: number): Condition[] =>
  parts.flatMap((part): Condition[] => part.write(bytes, at)?.filter(isTest) ?? [NEVER])

/** Ends the way of a packet through a table, or through all of them. */
export interface End {
  readonly kind: 'end'
  /** STOLEN: the packet goes elsewhere, or an answer is sent in its stead. */
  readonly verdict: 'ACCEPT' | 'DROP' | 'REJECT' | 'QUEUE' | 'STOLEN'
}

/** Something becomes what can be computed of it, as far as that is known. */
export interface Update {
  readonly kind: 'update'
  readonly to: Source
  /** Where there is something else of which it is computed too. */
  readonly from?: Source
  /** @param from `old` where nothing else is looked at */
  readonly make: (old: Seen, from: Seen) => Seen
}

/** The transport header, and what is behind it, become something else, which may be shorter or longer. */
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
  /** Undefined: of packets that come in, or are sent by this host, the destination; where they end or leave, the source. */
  readonly of?: 'source' | 'destination'
  /** What it becomes; unknown where it is one of several, or of this host. */
  readonly address?: Uint8Array | 'unknown'
  /** The bits of the address that become others; all unless said. */
  readonly mask?: Uint8Array
  readonly port?: Uint8Array | 'unknown'
  /** Whether the packet is for this host then. */
  readonly isForHost?: boolean
}

/** It hangs on something else which of two things is done. */
export interface Either {
  readonly kind: 'either'
  readonly decides: string
  readonly effects: readonly [readonly Effect[], readonly Effect[]]
}

export type Effect = Assignment | Change | Update | Rewrite | Translate | Untracked | End | Either

/** What a match asks of packets. @returns all of them have to hold */
export type Asks = (bytes: Uint8Array, at: number) => readonly Condition[]
/** What a target does to packets, in order. */
export type Does = (bytes: Uint8Array, at: number) => readonly Effect[]

/** Of a match that something else than the packet decides. */
export const circumstance =
  (decides: string): (() => Asks) =>
  () =>
  () => [{ kind: 'circumstance', decides }]

/** Of a match that every packet meets. */
export const always = (): Asks => () => []

/** Of a target that changes nothing that rules could look at. */
export const nothing = (): Does => () => []

/** Of a target that ends the way of every packet. */
export const ends =
  (verdict: End['verdict']): (() => Does) =>
  () =>
  () => [{ kind: 'end', verdict }]

/** The packet is accepted: no later rule of the table sees it. */
export const ACCEPTED: End = { kind: 'end', verdict: 'ACCEPT' }

/** What was known is known no more. */
export const unknown = (size: number): Seen => ({ bytes: new Uint8Array(size), known: new Uint8Array(size) })

/** Something becomes what nobody can tell. */
export const forget = (to: Source): Update => ({ kind: 'update', to, make: ({ bytes }) => unknown(bytes.length) })

/** Whether all bits are known. */
export const isWholly = ({ known }: Seen): boolean => known.every((bits) => bits === 0xff)

/** The bytes at a source, if all of them are known. */
export function bytesAt(packet: PacketView, source: Source): Uint8Array | 'absent' | undefined {
  const sight = packet.look(source)
  return sight === undefined || sight === 'absent' ? sight : isWholly(sight) ? sight.bytes : undefined
}

/** The answer to what is asked of bytes, of which there have to be some. */
export const ofBytes = (source: Source, answer: (bytes: Uint8Array, packet: PacketView) => Truth): Question =>
  question((packet) => {
    const bytes = bytesAt(packet, source)
    return bytes === undefined ? undefined : bytes !== 'absent' && answer(bytes, packet)
  })

/** As {@link ofBytes}, of a header of IPv6 by its number, with all that is behind it. */
export const ofHeader = (number: number, answer: (bytes: Uint8Array, packet: PacketView) => Truth): Question =>
  question((packet) => {
    const header = packet.headers?.get(number)
    return packet.headers && header !== undefined ? answer(header, packet) : packet.headers && false
  })
