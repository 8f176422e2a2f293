/** The JSON form of a plan, and its schema. */
import * as z from 'zod'

const position = z.int().min(1)
const count = z
  .string()
  .regex(/^\d{1,20}$/)
  .refine((digits) => BigInt(digits) < 2n ** 64n, 'no counter is as large')
/** Used instead of a digest if the chain does not exist. */
export const ABSENT = '-'
const policy = z.enum(['ACCEPT', 'DROP'])

const plannedRule = z.strictObject({
  /** Position counted from 1: the present one if the rule is removed, the final one if it is added. */
  position,
  /** In the iptables language. */
  rule: z.string(),
  /** Packet and byte counters as digits: the present ones of a removed rule, the initial ones of an added rule. */
  counters: z.tuple([count, count]),
})

/** A rule that is moved with its counters. */
const movedRule = z.strictObject({
  /** Present position, from 1. */ from: position,
  /** Final position, from 1. */ to: position,
  /** In the iptables language. */ rule: z.string(),
})

/** A rule that replaces another. */
const replacedRule = z.strictObject({
  /** The removed rule. */ deleted: plannedRule,
  /** The added rule. */ added: plannedRule,
})

/** The changes of one chain. */
const chainPlan = z
  .strictObject({
    /** The name of the chain. */
    chain: z.string(),
    /** The kind of change. */
    change: z.enum(['create', 'delete', 'edit']),
    /** The policy before and after, if it changes. */
    policy: z
      .strictObject({
        /** The policy that the chain must have before. */
        from: policy,
        /** The policy afterwards. */
        to: policy,
      })
      .optional(),
    /** Removed rules, by present position. */
    deleted: z.array(plannedRule),
    /** Added rules, by final position. */
    added: z.array(plannedRule),
    /** Rules that are moved with their counters. */
    moved: z.array(movedRule),
    /** Rules that replace others. */
    replaced: z.array(replacedRule),
    /** Digest of the whole chain without counters, as it must be before; `-` if it must not exist. */
    before: z.string(),
    /** Digest of the whole chain without counters afterwards; `-` if it is deleted. */
    after: z.string(),
  })
  .refine(
    ({ change, before, after }) => change === (before === ABSENT ? 'create' : after === ABSENT ? 'delete' : 'edit'),
    'the digests say otherwise than the change',
  )

const isUnique = (names: readonly string[]): boolean => new Set(names).size === names.length

const tablePlan = z.strictObject({
  /** Name of the table, such as `filter`. */
  table: z.string(),
  /** The chains that change. */
  chains: z.array(chainPlan).refine((all) => isUnique(all.map(({ chain }) => chain)), 'a chain is there twice'),
})

/** Version 1 of the format. */
export const planData = z.strictObject({
  /** Version of the format. */
  version: z.literal(1),
  /** Family of the tables. */
  family: z.enum(['ipv4', 'ipv6']),
  /** The tables that change. */
  tables: z.array(tablePlan).refine((all) => isUnique(all.map(({ table }) => table)), 'a table is there twice'),
})

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T

/**
 * A rule that a plan removes or adds.
 * @since 0.1.0
 */
export type PlannedRule = Frozen<z.infer<typeof plannedRule>>
/**
 * A rule that a plan moves, with its counters.
 * @since 0.1.0
 */
export type MovedRule = Frozen<z.infer<typeof movedRule>>
/**
 * A rule that replaces another in a plan.
 * @since 0.1.0
 */
export type ReplacedRule = Frozen<z.infer<typeof replacedRule>>
/**
 * The changes of one chain in a plan.
 * @since 0.1.0
 */
export type ChainPlan = Frozen<z.infer<typeof chainPlan>>
/**
 * The changes of one table in a plan.
 * @since 0.1.0
 */
export type TablePlan = Frozen<z.infer<typeof tablePlan>>
/**
 * A {@link Plan} as data: the output of `JSON.stringify`, and the input of {@link Plan.fromJSON}.
 * @since 0.1.0
 */
export type PlanData = Frozen<z.infer<typeof planData>>
