/**
 * What extensions ask of packets and do to them, where no native form says it: declared beside the encoding, for whoever wants
 * to know which rules a packet meets. What has a native form is evaluated by that.
 */
import type { FamilyName } from '../abi/family'
import type { Assignment, Change, Source, Test } from './native'

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

export const question = (answer: Question['answer']): Question => ({ kind: 'question', answer })

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
  readonly make: (old: Seen) => Seen
}

/** The packet is not tracked. */
export interface Untracked {
  readonly kind: 'untracked'
}

/** Network address translation. What is not given stays as it is. */
export interface Translate {
  readonly kind: 'translate'
  readonly of: 'source' | 'destination'
  /** What it becomes; unknown where it is one of several, or of this host. */
  readonly address?: Uint8Array | 'unknown'
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

export type Effect = Assignment | Change | Update | Translate | Untracked | End | Either

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

/** What was known is known no more. */
export const unknown = (size: number): Seen => ({ bytes: new Uint8Array(size), known: new Uint8Array(size) })

/** Something becomes what nobody can tell. */
export const forget = (to: Source): Update => ({ kind: 'update', to, make: ({ bytes }) => unknown(bytes.length) })
