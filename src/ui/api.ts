/**
 * The calls between page and server. A call is `POST /api/NAME` with a JSON request; its answer is JSON, or
 * `{ "error": "why not" }`. `GET /api/live` is a stream of events.
 */
import * as z from 'zod'
import type { FamilyName } from '../abi/family'
import type { Placed, PlacedArrow } from '../graph/layout'
import type { Finding } from '../lint/finding'
import type { DiffLine } from '../reconcile/diff'
import type { Counters } from '../ruleset/entry'
import type { PacketDescription } from '../trace/packet'
import type { RuleStep, TraceStep, TraceVerdict } from '../trace/trace'
import type { TableSnapshot } from '../view/snapshot'

const family = z.enum(['ipv4', 'ipv6'])
const nothing = z.strictObject({})

/** A packet; its bytes are digits in hexadecimal, two a byte. What else it says is checked by `trace`. */
export type PacketForm = Omit<PacketDescription, 'bytes'> & { readonly bytes?: string | undefined }
const packet = z.custom<PacketForm>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'a packet is an object',
)

const owns = z.union([
  z.literal('tables'),
  z.strictObject({ chains: z.array(z.string()) }),
  z.strictObject({ prefix: z.string() }),
])

/** By the names of calls, what is asked. */
export const REQUESTS = {
  about: nothing,
  /** Of many rules, only where somebody says that it may take its time. */
  findings: z.strictObject({ evenOfMany: z.boolean() }),
  graph: z.strictObject({ family }),
  trace: z.strictObject({ family, packet }),
  /** `desired` is a text of iptables-save, or a dump in JSON. */
  plan: z.strictObject({
    ...{ family, desired: z.string(), owns },
    jumps: z.array(z.strictObject({ chain: z.string(), place: z.enum(['first', 'last']) })),
  }),
  /** A plan that was shown, by its id. */
  apply: z.strictObject({ plan: z.string(), isConfirmed: z.literal(true) }),
} as const

export type CallName = keyof typeof REQUESTS
export type Request<Name extends CallName> = z.output<(typeof REQUESTS)[Name]>

/** Counters are digits where a number cannot hold them. */
export type Count = number | string
export type InJson<T> = T extends bigint ? Count : T extends object ? { readonly [K in keyof T]: InJson<T[K]> } : T

export interface About {
  readonly version: string
  /** The name of the machine. */
  readonly host: string
  /** Whether plans may be carried out. */
  readonly mayApply: boolean
}

export interface Findings {
  /** How many rules there are. */
  readonly rules: number
  /** Absent where these are many, and nobody has said that it may take its time. */
  readonly findings?: readonly Finding[]
}

/** A table as it is drawn. */
export interface DrawnTable extends Omit<Placed, 'arrows'> {
  readonly arrows: readonly DrawnArrow[]
  /** How many chains are left out, as there are too many to draw. */
  readonly left: number
}

export interface DrawnArrow extends Omit<PlacedArrow, 'points'> {
  /** As the attribute `d` of a path. */
  readonly path: string
}

/** As `Trace`, with the rules that a packet fails up to as many as one would read. */
export interface TracedWay {
  readonly steps: readonly TraceStep[]
  /** How many rules that it fails are left out. */
  readonly left: number
  readonly verdict?: TraceVerdict
  readonly fork?: TracedFork
}

export interface TracedFork {
  readonly decides: string
  readonly rule?: RuleStep
  readonly yes: TracedWay
  readonly no: TracedWay
}

export interface Traced {
  readonly way: TracedWay
  readonly drawings: readonly DrawnTable[]
}

export interface PlanView {
  /** By which it is carried out. */
  readonly id: string
  readonly family: FamilyName
  /** None where there is nothing to do. */
  readonly lines: readonly DiffLine[]
}

export interface Applied {
  /** The plan that takes it back. */
  readonly undo: PlanView
}

/** By the names of calls, what is answered. */
export interface Answers {
  readonly about: About
  readonly findings: Findings
  readonly graph: readonly DrawnTable[]
  readonly trace: Traced
  readonly plan: PlanView
  readonly apply: Applied
}

export interface ErrorAnswer {
  readonly error: string
}

/** Which of the tables that were told last, which chain of it, from 0. */
interface ChainPlace {
  readonly table: number
  readonly chain: number
}

export interface CountedPolicy extends ChainPlace {
  readonly counters: Counters
}

export interface CountedRule extends CountedPolicy {
  /** From 0. */
  readonly rule: number
  readonly packetsPerSecond: number
  readonly bytesPerSecond: number
}

/** What is told to whoever listens. */
export type LiveNews =
  /** What there is, at first and whenever it is another. */
  | { readonly kind: 'tables'; readonly tables: readonly TableSnapshot[] }
  /** What has counted since the reading before, or was set back; all else counts nothing now. */
  | { readonly kind: 'counters'; readonly policies: readonly CountedPolicy[]; readonly rules: readonly CountedRule[] }
  /** Why the tables could not be read. */
  | { readonly kind: 'failed'; readonly error: string }

export type LiveEvent = InJson<LiveNews>
export type TableView = InJson<TableSnapshot>
