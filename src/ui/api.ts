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

/** A packet. Its bytes are hexadecimal digits, two per byte. `trace` checks the other properties. */
export type PacketForm = Omit<PacketDescription, 'bytes'> & { readonly bytes?: string | undefined }
const packet = z.custom<PacketForm>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'a packet must be an object',
)

const owns = z.union([
  z.literal('tables'),
  z.strictObject({ chains: z.array(z.string()) }),
  z.strictObject({ prefix: z.string() }),
])

/** The schema of each call's request. */
export const REQUESTS = {
  about: nothing,
  /** `evenOfMany` lints even if there are so many rules that it takes a while. */
  findings: z.strictObject({ evenOfMany: z.boolean() }),
  graph: z.strictObject({ family }),
  trace: z.strictObject({ family, packet }),
  /** `desired` is text of iptables-save, or a dump in JSON. */
  plan: z.strictObject({
    ...{ family, desired: z.string(), owns },
    jumps: z.array(z.strictObject({ chain: z.string(), place: z.enum(['first', 'last']) })),
  }),
  /** `plan` is the id of a plan that was shown. */
  apply: z.strictObject({ plan: z.string(), isConfirmed: z.literal(true) }),
} as const

export type CallName = keyof typeof REQUESTS
export type Request<Name extends CallName> = z.output<(typeof REQUESTS)[Name]>

/** A counter: a string of digits if it is too large for a number. */
export type Count = number | string
export type InJson<T> = T extends bigint ? Count : T extends object ? { readonly [K in keyof T]: InJson<T[K]> } : T

export interface About {
  readonly version: string
  /** The name of the machine. */
  readonly host: string
  /** Whether plans may be applied. */
  readonly mayApply: boolean
}

export interface Findings {
  /** The number of rules. */
  readonly rules: number
  /** Absent if there are many rules and `evenOfMany` is false. */
  readonly findings?: readonly Finding[]
}

/** The layout of a table. */
export interface DrawnTable extends Omit<Placed, 'arrows'> {
  readonly arrows: readonly DrawnArrow[]
  /** The number of chains that are not drawn, because there are too many. */
  readonly left: number
}

export interface DrawnArrow extends Omit<PlacedArrow, 'points'> {
  /** The attribute `d` of an SVG path. */
  readonly path: string
}

/** As `Trace`, with a limited number of rules that the packet does not match. */
export interface TracedWay {
  readonly steps: readonly TraceStep[]
  /** The number of such rules that are left out. */
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
  /** Identifies the plan in the call `apply`. */
  readonly id: string
  readonly family: FamilyName
  /** Empty if there is nothing to do. */
  readonly lines: readonly DiffLine[]
}

export interface Applied {
  /** The plan that undoes the applied one. */
  readonly undo: PlanView
}

/** The answer to each call. */
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

/** The index of a table in the last `tables` event, and of a chain in that table, both from 0. */
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

/** The events of the stream. */
export type LiveNews =
  /** All tables: at first, and whenever more than counters has changed. */
  | { readonly kind: 'tables'; readonly tables: readonly TableSnapshot[] }
  /** All policies, and the rules that have counted or were reset since the last reading. The rates of other rules are zero. */
  | { readonly kind: 'counters'; readonly policies: readonly CountedPolicy[]; readonly rules: readonly CountedRule[] }
  /** Why the tables could not be read. */
  | { readonly kind: 'failed'; readonly error: string }

export type LiveEvent = InJson<LiveNews>
export type TableView = InJson<TableSnapshot>
