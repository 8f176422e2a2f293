/**
 * The zod schema of rule dictionaries, generated from the extension declarations. It checks keys and types; the encoder
 * checks the values.
 */
import * as z from 'zod'
import { FAMILIES, type FamilyName } from '../abi/family'
import { VERDICTS } from '../abi/netfilter'
import type { Option } from '../extensions/option'
import { expectation } from '../extensions/payload'
import { aliasesOf, extensionNames, type Known } from '../extensions/registry'
import { requireExtension } from '../ruleset/rule'
import { HEADS } from '../ruleset/rule-head'
import { matchKey } from './dictionary-keys'

type Schema = z.core.$ZodType
type Shape = Record<string, Schema>

const word = z.union([z.string(), z.int().min(0)])

/** Describes both forms of a negated value, for readers of the schema. */
const describe = (option: Option): { description: string } => ({
  description: `${expectation(option)}${option.negatable ? '; "!value" or ["!", value] negates' : ''}`,
})

const flag = z.union([
  z.literal([true, '', '1', 'true', '!']),
  z.array(z.never()).max(0),
  z.tuple([z.literal('!')], z.literal(['', true])),
])

const words = z.union([word, z.array(word).min(1)])

/** Lists known names as an alternative, for completion in editors. */
function wordsSchema(option: Option) {
  const names = option.words.length === 1 ? (option.words[0]?.names ?? []) : []
  return names.length === 0 ? words : z.union([z.literal([...names]), words])
}

const parameterSchema = (option: Option): Schema =>
  (option.words.length === 0
    ? flag
    : option.fewest === 0
      ? z.union([flag, wordsSchema(option)])
      : wordsSchema(option)
  ).meta(describe(option))

/** Every parameter by its name and its aliases. */
function parametersShape({ variant }: Known): Shape {
  const shape: Shape = {}
  for (const [name, canonical] of variant.names)
    shape[name] = z.optional(parameterSchema(variant.options.get(canonical) as Option))
  return shape
}

const opaque = z
  .strictObject({ revision: z.int().min(0).max(255), payload: z.string().regex(/^0x([0-9a-f]{2})*$/i) })
  .meta({ description: 'the bytes of an extension, or a revision of one, that is not known here' })

const oneOrMore = (schema: Schema): Schema => z.union([schema, z.array(schema).min(1)])

/** A single value stands for the parameter that has the name of the match. */
const shorthand = ({ extension, variant }: Known): Schema =>
  variant.options.has(extension.name) ? word : z.literal('')

const matchSchema = (known: Known): Schema =>
  z.union([oneOrMore(z.union([z.strictObject(parametersShape(known)), opaque])), shorthand(known)])

const targetSchema = (known: Known): Schema => z.union([z.strictObject(parametersShape(known)), opaque, z.literal('')])

function extensionShape(kind: 'match' | 'target', family: FamilyName, schemaOf: (known: Known) => Schema): Shape {
  const shape: Shape = {}
  const keyOf = kind === 'match' ? matchKey : (name: string): string => name
  for (const name of extensionNames(kind, family)) {
    const known = requireExtension(kind, name, FAMILIES[family])
    for (const one of [name, ...aliasesOf(known.extension)]) shape[keyOf(one)] = z.optional(schemaOf(known))
  }
  return shape
}

const nothing = z.union([z.literal(''), z.strictObject({})])
const count = z.union([z.int().min(0), z.string().regex(/^\d+$/)])

function targetsSchema(family: FamilyName): Schema {
  const destinations = {
    goto: z.optional(z.union([z.string(), opaque])),
    jump: z.optional(z.union([z.string(), opaque])),
  }
  const verdicts = Object.fromEntries(
    Object.keys(VERDICTS).map((name) => [name, z.optional(z.union([nothing, opaque]))]),
  )
  const named = z
    .object({ ...destinations, ...verdicts, ...extensionShape('target', family, targetSchema) })
    .catchall(z.union([opaque, nothing]))
    .refine((target) => Object.keys(target).length === 1, 'a target is one name with its parameters')
    .meta({ minProperties: 1, maxProperties: 1 })
  return z.union([z.string(), named])
}

/** The schema under canonical keys. */
function makeShape(family: FamilyName): Schema {
  const fragment = z.union([z.boolean(), z.literal('!'), z.tuple([z.literal('!')], z.literal(['', true]))])
  return z
    .object({
      ...parametersShape(HEADS[family]),
      ...(family === 'ipv4' && { fragment: z.optional(fragment) }),
      ...extensionShape('match', family, matchSchema),
      matches: z.optional(z.array(z.string())),
      target: z.optional(targetsSchema(family)),
      counters: z.optional(z.tuple([count, count])),
    })
    .catchall(oneOrMore(opaque))
}

const shapes = new Map<FamilyName, Schema>()

/** Made on first use: most programs need one family or none. */
export function shapeOf(family: FamilyName): Schema {
  const shape = shapes.get(family) ?? makeShape(family)
  shapes.set(family, shape)
  return shape
}

/** What is wrong with a value, and where. */
export interface Fault {
  readonly path: readonly (string | number)[]
  readonly message: string
}

type Issue = z.core.$ZodIssue

/** The faults of an issue. For a union, those of the alternative closest to the value. */
function faultsOf(issue: Issue, above: readonly PropertyKey[] = []): Fault[] {
  const path = [...above, ...issue.path] as (string | number)[]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...path, key], message: `unknown key ${JSON.stringify(key)}` }))
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const forms = issue.errors.map((issues) => issues.flatMap((one) => faultsOf(one, path)))
    return forms.reduce((best, form) => (nearer(form, best, path.length) ? form : best))
  }
  return [{ path, message: issue.message }]
}

/**
 * The closest alternative has the right type, so that its faults lie within; among several, it has the fewest faults.
 */
function nearer(form: readonly Fault[], best: readonly Fault[], depth: number): boolean {
  const within = (faults: readonly Fault[]): boolean => faults.every(({ path }) => path.length > depth)
  return within(form) === within(best) ? form.length < best.length : within(form)
}

/** Finds out why a dictionary with canonical keys is not a rule, as far as its shape tells. */
export function shapeFault(dictionary: unknown, family: FamilyName): Fault | undefined {
  const { error } = z.safeParse(shapeOf(family), dictionary)
  return error?.issues.flatMap((issue) => faultsOf(issue))[0]
}
