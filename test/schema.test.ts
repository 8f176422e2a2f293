/** The JSON Schemas that the package ships, with a validator that is not ours. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Ajv from 'ajv/dist/2020'
import { schemaFiles } from '../scripts/schema-files'
import { toJson } from '../src/cli/own'
import { decodeEntry } from '../src/easy/decode'
import { contextOf, fixtures, rulesetOf } from './support/fixtures'

const read = (name: string): string => readFileSync(join(__dirname, '../schema', name), 'utf8')

test.each(Object.entries(schemaFiles()))('%s is current: `npm run schema` makes it', (name, text) => {
  expect(read(name) === text).toBe(true)
})

const ajv = new Ajv({ strict: false, allErrors: true })
for (const name of Object.keys(schemaFiles())) ajv.addSchema(JSON.parse(read(name)), name)

const complaints = (name: string, value: unknown): unknown => (ajv.validate(name, value) ? [] : ajv.errors)

test.each(['ipv4', 'ipv6'])('every rule that iptables made is valid: %s', (family) => {
  const mine = fixtures().filter(({ capture }) => capture.family === family)
  const name = family === 'ipv4' ? 'dump.schema.json' : 'dump6.schema.json'
  const faults = mine.flatMap((fixture) => {
    const { table, chains } = rulesetOf(fixture)
    const context = contextOf(fixture)
    const dump = Object.fromEntries(
      Array.from(chains.values(), ({ name: chain, rules }) => [chain, rules.map((rule) => decodeEntry(rule, context))]),
    )
    const json = JSON.parse(toJson({ $schema: 'x', [table]: dump }))
    return complaints(name, json)
  })
  expect(mine.length).toBeGreaterThan(50)
  expect(faults).toEqual([])
})

test.each([
  [{ tcp: { dprot: '80' } }],
  [{ tcp: { dport: { from: 1 } } }],
  [{ prot: 'tcp' }],
  [{ target: { REJECT: { 'reject-wiht': 'tcp-reset' } } }],
  [{ target: { REJECT: {}, LOG: {} } }],
  [{ conntrack: { ctstate: true } }],
  [{ counters: [1] }],
  [{ src: 5.5 }],
  [[]],
])('no rule: %j', (rule) => {
  expect(complaints('rule.schema.json', rule)).not.toEqual([])
  expect(complaints('dump.schema.json', { filter: { INPUT: [rule] } })).not.toEqual([])
})

test('what stands for a value is offered', () => {
  const { $defs } = JSON.parse(read('rule.schema.json')) as { $defs: Record<string, { enum?: string[] }> }
  const offered = Object.values($defs).flatMap((one) => one.enum ?? [])
  expect(offered).toEqual(expect.arrayContaining(['ESTABLISHED', 'tcp-reset']))
})
