/** A plan as data, as JSON has it. */
import * as z from 'zod'

const position = z.int().min(1)
const count = z
  .string()
  .regex(/^\d{1,20}$/)
  .refine((digits) => BigInt(digits) < 2n ** 64n, 'no counter is as large')
/** Instead of the digest of a chain where there is none. */
export const ABSENT = '-'
const policy = z.enum(['ACCEPT', 'DROP'])

const plannedRule = z.strictObject({
  /** Where it stands, counted from 1: now, where it goes; in the end, where it comes. */
  position,
  /** In the words of iptables. */
  rule: z.string(),
  /** Packets and bytes, as digits: what a rule that goes had counted, and what one that comes begins with. */
  counters: z.tuple([count, count]),
})

/** A rule that stays what it is, with its counters, at another place. */
const movedRule = z.strictObject({ from: position, to: position, rule: z.string() })

/** A rule in the place of another. */
const replacedRule = z.strictObject({ deleted: plannedRule, added: plannedRule })

/** What becomes of one chain. */
const chainPlan = z
  .strictObject({
    chain: z.string(),
    change: z.enum(['create', 'delete', 'edit']),
    policy: z.strictObject({ from: policy, to: policy }).optional(),
    deleted: z.array(plannedRule),
    added: z.array(plannedRule),
    moved: z.array(movedRule),
    replaced: z.array(replacedRule),
    /** Digests of the whole chain, counters aside, as it has to be and as it comes to be. */
    before: z.string(),
    after: z.string(),
  })
  .refine(
    ({ change, before, after }) => change === (before === ABSENT ? 'create' : after === ABSENT ? 'delete' : 'edit'),
    'the digests say otherwise than the change',
  )

const isUnique = (names: readonly string[]): boolean => new Set(names).size === names.length

const tablePlan = z.strictObject({
  table: z.string(),
  chains: z.array(chainPlan).refine((all) => isUnique(all.map(({ chain }) => chain)), 'a chain is there twice'),
})

/** Version 1 of the form. */
export const planData = z.strictObject({
  version: z.literal(1),
  family: z.enum(['ipv4', 'ipv6']),
  tables: z.array(tablePlan).refine((all) => isUnique(all.map(({ table }) => table)), 'a table is there twice'),
})

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T

export type PlannedRule = Frozen<z.infer<typeof plannedRule>>
export type MovedRule = Frozen<z.infer<typeof movedRule>>
export type ReplacedRule = Frozen<z.infer<typeof replacedRule>>
export type ChainPlan = Frozen<z.infer<typeof chainPlan>>
export type TablePlan = Frozen<z.infer<typeof tablePlan>>
export type PlanData = Frozen<z.infer<typeof planData>>
