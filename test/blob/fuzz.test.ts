import fc from 'fast-check'
import type { Family } from '../../src/abi/family'
import { TABLES, type TableName, VERDICTS } from '../../src/abi/netfilter'
import { type Layout, readRuleset } from '../../src/blob/read'
import { Refusal, verify } from '../../src/blob/verify'
import { REQUEST_HEAD, writeRuleset } from '../../src/blob/write'
import { BlobError } from '../../src/errors'
import { buildPart, buildVerdict } from '../../src/ruleset/entry'
import type { Ruleset } from '../../src/ruleset/ruleset'
import { type Entry, plain } from '../../src/ruleset/table-entry'
import {
  emptyRuleset,
  families,
  jump,
  laidOut,
  matchOf,
  ruleBytes,
  type Table,
  targetOf,
  withRules,
} from '../ruleset/tables'

const CHAINS = ['a', 'bb', 'ccc']
const RUNS = 3000

const anyFamily = fc.constantFrom(...families)
const anyTable = fc.constantFrom(...(Object.keys(TABLES) as TableName[]))

const unknownPart = fc
  .tuple(fc.string({ minLength: 1, maxLength: 9 }), fc.nat(255), fc.uint8Array({ maxLength: 40 }))
  .map(([name, revision, payload]) => buildPart(name.replaceAll('\0', 'x'), revision, payload))

const anyMatches = (family: Family): fc.Arbitrary<Uint8Array[]> => {
  const names = ['tcp', 'udp', 'comment', 'conntrack', 'mark', 'mac', 'iprange', 'set', 'state']
  const known = fc.constantFrom(...names).map((name) => matchOf(family, name))
  return fc.array(fc.oneof(known, unknownPart), { maxLength: 3 })
}

const anyTarget = (family: Family): fc.Arbitrary<Uint8Array> => {
  const known = fc.constantFrom('LOG', 'MARK', 'REJECT', 'MASQUERADE', 'CT').map((name) => targetOf(family, name))
  const verdict = fc.constantFrom(...Object.values(VERDICTS)).map(buildVerdict)
  return fc.oneof(known, verdict, unknownPart)
}

const anyRule = (family: Family): fc.Arbitrary<Entry> =>
  fc.oneof(
    fc.constantFrom('', ...CHAINS).map((chain) => jump(family, chain)),
    fc
      .record({ matches: anyMatches(family), target: anyTarget(family), proto: fc.constantFrom(0, 1, 6, 17) })
      .map((parts) => plain(ruleBytes(family, parts))),
  )

/** Tables that can be laid out. The kernel would not accept all of them. */
const anyRuleset: fc.Arbitrary<Ruleset> = fc.tuple(anyFamily, anyTable).chain(([family, table]) =>
  fc
    .array(fc.array(anyRule(family), { maxLength: 4 }), {
      minLength: CHAINS.length + TABLES[table].length,
      maxLength: CHAINS.length + TABLES[table].length,
    })
    .map((rules) =>
      [...TABLES[table], ...CHAINS].reduce(
        (ruleset, chain, i) => withRules(ruleset, chain, rules[i] ?? []),
        emptyRuleset(family, table),
      ),
    ),
)

/** A change to the bytes of a table, or to its description. Positions are fractions of the length. */
type Damage = (table: Table) => Table
const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const edit =
  (where: number, change: (byte: number) => number): Damage =>
  (table) => {
    const bytes = table.bytes.slice()
    const at = Math.floor(where * bytes.length)
    if (at < bytes.length) bytes[at] = change(bytes[at] as number)
    return { ...table, bytes }
  }

const flip = fc.tuple(fraction, fc.nat(7)).map(([where, bit]) => edit(where, (byte) => byte ^ (1 << bit)))
const put = fc
  .tuple(fraction, fc.constantFrom(0, 1, 8, 40, 64, 152, 255))
  .map(([where, byte]) => edit(where, () => byte))
const cut = fraction.map(
  (left): Damage =>
    (table) => ({
      ...table,
      bytes: table.bytes.slice(0, Math.floor(left * table.bytes.length)),
    }),
)
const append = fc.uint8Array({ maxLength: 300 }).map(
  (more): Damage =>
    (table) => ({
      ...table,
      bytes: new Uint8Array(Buffer.concat([table.bytes, more])),
    }),
)

/** Bytes that are interpreted, unlike most: sizes, names and offsets. */
const header = fc.tuple(fraction, fc.nat(11), fc.constantFrom(0, 1, 4, 31, 32, 40, 112, 0x6000, 0xffff)).map(
  ([where, field, value]): Damage =>
    (table) => {
      const { targetOffset, nextOffset } = table.family.entry.fields
      const starts = [...entryStarts(table)]
      const entry = starts[Math.floor(where * starts.length)]
      if (entry === undefined) return table
      const bytes = table.bytes.slice()
      const places = [targetOffset.offset, nextOffset.offset]
      const at = entry + (places[field] ?? table.family.entrySize + 2 * (field - places.length))
      if (at + 2 <= bytes.length) new DataView(bytes.buffer).setUint16(at, value, true)
      return { ...table, bytes }
    },
)

function* entryStarts({ family, bytes }: Table): Generator<number> {
  const { nextOffset } = family.entry.fields
  for (let at = 0; at + family.entrySize <= bytes.length; at += nextOffset.read(bytes, at) || bytes.length) yield at
}

const place = fc.oneof(fc.constantFrom(0, 8, 152, 208, 304, 0xffff_ffff), fc.nat(4000))
const said = fc
  .record(
    {
      validHooks: fc.oneof(fc.nat(31), fc.constant(0xffff_ffff)),
      hookEntry: fc.array(place, { minLength: 5, maxLength: 5 }),
      underflow: fc.array(place, { minLength: 5, maxLength: 5 }),
      numEntries: fc.nat(40),
    },
    { requiredKeys: [] },
  )
  .map(
    (layout): Damage =>
      (table) => ({ ...table, layout: { ...table.layout, ...(layout as Partial<Layout>) } }),
  )

const anyDamage = fc.array(fc.oneof(flip, put, cut, append, header, header, said), { minLength: 1, maxLength: 3 })
const damaged = fc
  .tuple(anyRuleset.map(laidOut), anyDamage)
  .map(([table, damages]) => damages.reduce((all, damage) => damage(all), table))

const noise = fc
  .tuple(anyFamily, fc.uint8Array({ maxLength: 2000, size: 'max' }), fc.nat(5))
  .map(([family, bytes, numEntries]): Table => {
    const layout = { validHooks: 0x0e, hookEntry: [0, 0, 8, 16, 0], underflow: [0, 0, 8, 16, 0], numEntries }
    return { family, table: 'filter', layout, bytes }
  })

/** @returns the result of `body`; undefined if it refused with the expected error */
function refusing<T>(kind: typeof BlobError | typeof Refusal, { bytes }: Table, body: () => T): T | undefined {
  try {
    return body()
  } catch (error) {
    if (!(error instanceof kind)) throw error
    if (!(error.offset >= 0 && error.offset <= bytes.length))
      throw new Error(`offset ${error.offset} of ${bytes.length}: ${error.message}`)
    return undefined
  }
}

function examine(table: Table): void {
  const { family, table: name, layout, bytes } = table
  const before = bytes.slice()
  for (const knownOnly of [false, true])
    refusing(Refusal, table, () => verify(family, name, layout, bytes, { knownOnly }))
  const ruleset = refusing(BlobError, table, () => readRuleset(family, name, layout, bytes))
  expect(Buffer.compare(bytes, before)).toBe(0)
  if (ruleset === undefined) return
  const written = writeRuleset(ruleset)
  expect(Buffer.compare(written.bytes.subarray(REQUEST_HEAD), bytes)).toBe(0)
  expect(written.layout.numEntries).toBe(layout.numEntries)
}

test('a written table is read as it was, and written again with the same bytes', () => {
  fc.assert(
    fc.property(anyRuleset.map(laidOut), (table) => {
      const { family, table: name, layout, bytes } = table
      const ruleset = readRuleset(family, name, layout, bytes)
      expect(laidOut(ruleset)).toEqual(table)
    }),
    { numRuns: 300 },
  )
})

test('damaged tables', () => {
  fc.assert(fc.property(damaged, examine), { numRuns: RUNS })
})

test('noise', () => {
  fc.assert(fc.property(noise, examine), { numRuns: RUNS })
})
