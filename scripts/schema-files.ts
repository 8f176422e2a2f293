/** JSON Schemas of rules and dumps, made from the declarations of the extensions by way of the zod schemas. */
import * as z from 'zod'
import { rule6Schema, ruleSchema } from '../src'
import { TABLES } from '../src/abi/netfilter'

const ruleFile = (schema: z.ZodType, title: string): object => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', reused: 'ref' })
  return { $schema, title, ...rest }
}

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
      ...Object.fromEntries(Object.keys(TABLES).map((name) => [name, { $ref: '#/$defs/chains' }])),
    },
    additionalProperties: false,
    $defs: { chains },
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
