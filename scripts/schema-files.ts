/**
 * Generates the JSON Schemas: those of rules and dumps from the zod schemas of the extensions, and those of sets from the
 * declarations of set types.
 */
import * as z from 'zod'
import { TABLES } from '../src/abi/netfilter'
import { rule6Schema, ruleSchema } from '../src/index'
import { aloneIn } from '../src/ipset/entries'
import { type AnyField, SET_TYPES, type SetType, type SetTypeName, setType } from '../src/ipset/types'
import { type Shape, shapeOf } from '../src/ipset/value-shape'

const ruleFile = (schema: z.ZodType, title: string): object => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', reused: 'ref' })
  return { $schema, title, ...rest }
}

interface Limits {
  readonly min: number
  readonly max: number
}
const integer = ({ min, max }: Limits): object => ({ type: 'integer', minimum: min, maximum: max })
const pair = (limits: Limits): object => ({ type: 'array', items: integer(limits), minItems: 2, maxItems: 2 })

/** The schema of a field of an entry, or of an option of a set. */
function shapeSchema(shape: Shape): object {
  switch (shape.is) {
    case 'text':
      return { type: 'string' }
    case 'flag':
      return { type: 'boolean' }
    case 'count':
      return {
        anyOf: [
          { type: 'integer', minimum: 0 },
          { type: 'string', pattern: '^\\d+$' },
        ],
      }
    case 'number':
      return integer(shape)
    case 'pair':
      return pair(shape)
    case 'range':
      return { anyOf: [integer(shape), pair(shape)] }
    case 'named':
      return { anyOf: [{ enum: shape.names }, integer(shape)] }
  }
}

type Fields = Readonly<Record<string, AnyField<never>>>

const fieldsSchema = (fields: Fields): { properties: Record<string, object>; required: string[] } => ({
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      { ...shapeSchema(shapeOf(field)), description: field.expects },
    ]),
  ),
  required: Object.keys(fields).filter((name) => !fields[name]?.optional),
})

function entrySchema(type: SetType): object {
  const fields = type.entry as unknown as Fields
  const entry = { type: 'object', ...fieldsSchema(fields), additionalProperties: false }
  const alone = aloneIn(type)
  if (alone === undefined) return entry
  const shape = shapeOf(fields[alone] as Fields[string])
  return { anyOf: [shape.is === 'range' ? integer(shape) : shapeSchema(shape), entry] }
}

function setSchema(type: SetType): object {
  const { properties, required } = fieldsSchema(type.create as unknown as Fields)
  return {
    type: 'object',
    properties: {
      type: { const: type.name },
      family: { enum: type.families },
      ...properties,
      entries: { type: 'array', items: entrySchema(type) },
    },
    required: ['type', ...required, 'entries'],
    additionalProperties: false,
  }
}

const setsSchema = (): object => ({
  type: 'object',
  description: 'ipsets by name',
  additionalProperties: { oneOf: Object.keys(SET_TYPES).map((name) => setSchema(setType(name as SetTypeName))) },
})

const dumpFile = (rule: string, title: string): object => {
  const chains = {
    type: 'object',
    description: 'chains by name, each with its rules in their order',
    additionalProperties: { type: 'array', items: { $ref: rule } },
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      sets: { $ref: '#/$defs/sets' },
      ...Object.fromEntries(Object.keys(TABLES).map((name) => [name, { $ref: '#/$defs/chains' }])),
    },
    additionalProperties: false,
    $defs: { chains, sets: setsSchema() },
  }
}

/** The files by name, as text. */
export const schemaFiles = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries({
      'rule.schema.json': ruleFile(ruleSchema, 'A rule of iptables'),
      'rule6.schema.json': ruleFile(rule6Schema, 'A rule of ip6tables'),
      'dump.schema.json': dumpFile('rule.schema.json', 'Tables of iptables'),
      'dump6.schema.json': dumpFile('rule6.schema.json', 'Tables of ip6tables'),
    }).map(([name, schema]) => [name, `${JSON.stringify(schema, undefined, 1)}\n`]),
  )
