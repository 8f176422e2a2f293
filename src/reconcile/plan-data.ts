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
const movedRule = z.strictObject({
  /** Where it stands now, from 1. */ from: position,
  /** Where it stands in the end, from 1. */ to: position,
  /** In the words of iptables. */ rule: z.string(),
})

/** A rule in the place of another. */
const replacedRule = z.strictObject({
  /** The rule that goes. */ deleted: plannedRule,
  /** The rule that comes. */ added: plannedRule,
})

/** What becomes of one chain. */
const chainPlan = z
  .strictObject({
    /** The name of the chain. */
    chain: z.string(),
    /** What becomes of the chain. */
    change: z.enum(['create', 'delete', 'edit']),
    /** The policy before and after, where it changes. */
    policy: z
      .strictObject({
        /** As it has to be. */
        from: policy,
        /** As it comes to be. */
        to: policy,
      })
      .optional(),
    /** Rules that go, by where they stand now. */
    deleted: z.array(plannedRule),
    /** Rules that come, by where they stand in the end. */
    added: z.array(plannedRule),
    /** Rules that stay what they are, with their counters, at another place. */
    moved: z.array(movedRule),
    /** Rules that take the place of others. */
    replaced: z.array(replacedRule),
    /** Digest of the whole chain, counters aside, as it has to be; `-` where there is none. */
    before: z.string(),
    /** Digest of the whole chain, counters aside, as it comes to be; `-` where there is none. */
    after: z.string(),
  })
  .refine(
    ({ change, before, after }) => change === (before === ABSENT ? 'create' : after === ABSENT ? 'delete' : 'edit'),
    'the digests say otherwise than the change',
  )

const isUnique = (names: readonly string[]): boolean => new Set(names).size === names.length

const tablePlan = z.strictObject({
  /** As in `filter`. */
  table: z.string(),
  /** Those in which something is to be done. */
  chains: z.array(chainPlan).refine((all) => isUnique(all.map(({ chain }) => chain)), 'a chain is there twice'),
})

/** Version 1 of the form. */
export const planData = z.strictObject({
  /** The version of the form. */
  version: z.literal(1),
  /** The family of the tables. */
  family: z.enum(['ipv4', 'ipv6']),
  /** Those in which something is to be done. */
  tables: z.array(tablePlan).refine((all) => isUnique(all.map(({ table }) => table)), 'a table is there twice'),
})

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T

/**
 * A rule that goes or comes.
 * @since 0.1.0
 */
export type PlannedRule = Frozen<z.infer<typeof plannedRule>>
/**
 * A rule that stays what it is, with its counters, at another place.
 * @since 0.1.0
 */
export type MovedRule = Frozen<z.infer<typeof movedRule>>
/**
 * A rule in the place of another.
 * @since 0.1.0
 */
export type ReplacedRule = Frozen<z.infer<typeof replacedRule>>
/**
 * What becomes of one chain.
 * @since 0.1.0
 */
export type ChainPlan = Frozen<z.infer<typeof chainPlan>>
/**
 * What becomes of one table.
 * @since 0.1.0
 */
export type TablePlan = Frozen<z.infer<typeof tablePlan>>
/**
 * A {@link Plan} as data: what `JSON.stringify` makes of it, and {@link Plan.fromJSON} reads.
 * @since 0.1.0
 */
export type PlanData = Frozen<z.infer<typeof planData>>
