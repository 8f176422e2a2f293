/** What rule dictionaries look like, for people who check configuration files or write JSON Schema. */
import * as z from 'zod'
import { FAMILIES, type FamilyName } from '../abi/family'
import { UnboundSets } from '../backend/sets'
import { XtablesError } from '../errors'
import { canonicalRule } from './canonical'
import type { RuleDictionary } from './dictionary'
import { shapeOf } from './dictionary-shape'
import { encodeDictionary } from './encode'

/** Runs `body`, and makes an issue of what it complains of. */
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
 * A rule of IPv4 as a dictionary: accepts what `encodeRule` accepts, and gives it back under canonical keys. Paths of
 * issues are those of canonical keys. `z.toJSONSchema(ruleSchema)` describes keys and types; keys with dashes alone.
 */
export const ruleSchema = makeSchema('ipv4')

/** As {@link ruleSchema}, for rules of IPv6. */
export const rule6Schema = makeSchema('ipv6')
