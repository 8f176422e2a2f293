/** The JSON Schemas of the package, tested with a third-party validator. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Ajv from 'ajv/dist/2020'
import { schemaFiles } from '../scripts/schema-files'
import { decodeEntry } from '../src/easy/decode'
import { applySets, dumpSets } from '../src/easy/easy'
import { toJson } from '../src/json'
import { MemoryKernel } from '../src/kernel/memory/memory-kernel'
import { contextOf, fixtures, rulesetOf } from './support/fixtures'
import { setFixtures } from './support/set-fixtures'

const read = (name: string): string => readFileSync(join(__dirname, '../schema', name), 'utf8')

test.each(Object.entries(schemaFiles()))('%s is up to date: `npm run schema` writes it', (name, text) => {
  expect(read(name) === text).toBe(true)
})

const ajv = new Ajv({ strict: false, allErrors: true })
for (const name of Object.keys(schemaFiles())) ajv.addSchema(JSON.parse(read(name)), name)

const complaints = (name: string, value: unknown): unknown => (ajv.validate(name, value) ? [] : ajv.errors)

test.each(['ipv4', 'ipv6'])('every rule that iptables wrote is valid: %s', (family) => {
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
])('not a rule: %j', (rule) => {
  expect(complaints('rule.schema.json', rule)).not.toEqual([])
  expect(complaints('dump.schema.json', { filter: { INPUT: [rule] } })).not.toEqual([])
})

test('known values are suggested', () => {
  const { $defs } = JSON.parse(read('rule.schema.json')) as { $defs: Record<string, { enum?: string[] }> }
  const offered = Object.values($defs).flatMap((one) => one.enum ?? [])
  expect(offered).toEqual(expect.arrayContaining(['ESTABLISHED', 'tcp-reset']))
})

test.each(setFixtures)(
  'sets of $type of $family are valid, as written and as dumped',
  ({ type, family, options, entries }) => {
    const kernel = new MemoryKernel({ sets: { one: 'ipv4', two: 'ipv4', three: 'ipv4' } })
    const set = { type, ...options, ...(family === 'ipv6' && { family }), entries }
    expect(complaints('dump.schema.json', JSON.parse(toJson({ sets: { set } })))).toEqual([])
    applySets({ set } as never, { kernel })
    expect(complaints('dump6.schema.json', JSON.parse(toJson({ sets: dumpSets({ kernel }) })))).toEqual([])
  },
)

test.each([
  [{ type: 'hash:nope', entries: [] }],
  [{ type: 'hash:ip' }],
  [{ type: 'hash:ip', hashsise: 3, entries: [] }],
  [{ type: 'bitmap:port', entries: [] }],
  [{ type: 'hash:ip', entries: [{ net: '10.0.0.0/8' }] }],
  [{ type: 'hash:ip,port', entries: [{ ip: '10.0.0.1', port: 80 }] }],
  [{ type: 'hash:ip,port', entries: [{ ip: '10.0.0.1', port: 80, protocol: 'nope' }] }],
  [{ type: 'bitmap:port', range: [1, 2], entries: [70000] }],
])('not a set: %j', (set) => {
  expect(complaints('dump.schema.json', { sets: { set } })).not.toEqual([])
})
