/** Public zod schemas of rule dictionaries, for checking configuration files and generating JSON Schema. */
import * as z from 'zod'
import { FAMILIES, type FamilyName } from '../abi/family'
import { UnboundSets } from '../backend/sets'
import { XtablesError } from '../errors'
import { canonicalRule } from './canonical'
import type { RuleDictionary } from './dictionary'
import { shapeOf } from './dictionary-shape'
import { encodeDictionary } from './encode'

/** Runs `body`, and reports its errors as issues. */
function reporting<T>(context: z.core.$RefinementCtx, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (!(error instanceof XtablesError)) throw error
    context.addIssue({ code: 'custom', message: error.message, path: [...error.path] })
    return z.NEVER
  }
}

function makeSchema(family: FamilyName): z.ZodType<RuleDictionary, RuleDictionary> {
  const canonical = z.transform((input, context) => reporting(context, () => canonicalRule(input, family)))
  const checked = z
    .lazy(() => shapeOf(family) as z.ZodType)
    .superRefine((rule, context) => {
      reporting(context, () => encodeDictionary(rule, { family: FAMILIES[family], sets: new UnboundSets() }))
    })
  return z.pipe(canonical as z.ZodType, checked) as unknown as z.ZodType<RuleDictionary, RuleDictionary>
}

/**
 * A [zod](https://zod.dev) schema of an IPv4 rule dictionary: it accepts what `easy.encodeRule` accepts, and returns it
 * with canonical keys. Issue paths use canonical keys. `z.toJSONSchema(ruleSchema)` describes keys and types, with
 * dashes only.
 * @since 0.1.0
 * @example
 * ```ts
 * import { ruleSchema } from 'xtables'
 *
 * const { success, error } = ruleSchema.safeParse({ protocol: 'tcp', tcp: { dport: '80000' } })
 * console.log(success, error?.issues[0]?.path) // false [ 'tcp', 'dport' ]
 * ```
 */
export const ruleSchema = makeSchema('ipv4')

/**
 * As {@link ruleSchema}, for IPv6 rules.
 * @since 0.1.0
 * @example
 * ```ts
 * import { rule6Schema } from 'xtables'
 *
 * console.log(rule6Schema.safeParse({ src: '2001:db8::/32', target: 'DROP' }).success) // true
 * ```
 */
export const rule6Schema = makeSchema('ipv6')
