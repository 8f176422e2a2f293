/** Two ways from the bytes of entries to objects: with the template of a similar entry, and individually. */
import fc from 'fast-check'
import { IPV4 } from '../../src/abi/family'
import { entryMatch } from '../../src/abi/x-tables'
import { u8, u16, u32 } from '../../src/binary/codec'
import { bit, type Fields, struct } from '../../src/binary/struct'
import { decodeEntry, decodeRules } from '../../src/easy/decode'
import { fixed, match, type Variant } from '../../src/extensions/extension'
import { bits, where } from '../../src/extensions/fields'
import { type Option, option } from '../../src/extensions/option'
import type { Known } from '../../src/extensions/registry'
import { integer } from '../../src/extensions/values/integer'
import { parseRule } from '../../src/language/parse'
import { entryPrinter, printEntry } from '../../src/language/print-entry'
import { matchParts, targetPart } from '../../src/ruleset/entry'
import { EntryTemplate, separateOptions } from '../../src/ruleset/entry-template'
import { countOf, entryBytes, entryIn, jumpIn, type KernelEntries, STAYS } from '../../src/ruleset/kernel-entries'
import { encodeRule } from '../../src/ruleset/rule'
import { Rules } from '../../src/ruleset/rules'
import type { Ruleset } from '../../src/ruleset/ruleset'
import { contextOf, type Fixture, fixtures, rulesetOf } from '../support/fixtures'

const all = fixtures()

/** The result of a function, or the error that it throws. */
function attempt(body: () => unknown): unknown {
  try {
    return body()
  } catch (error) {
    return String(error)
  }
}

/** Offsets of bytes that determine the layout of an entry. */
function structural(image: KernelEntries, bytes: Uint8Array): Set<number> {
  const { targetOffset, nextOffset } = image.family.entry.fields
  const parts = [...matchParts(image.family, bytes, 0), targetPart(image.family, bytes, 0)]
  const places = [targetOffset.offset, nextOffset.offset, ...parts.map(({ at }) => at)]
  return new Set(places.flatMap((at) => [at, at + 1]))
}

/** New bytes for a part of an entry: a single repeated value, or the bytes of another entry. */
interface Change {
  readonly at: number
  readonly length: number
  readonly from: number | Uint8Array
}

/** Copies of an entry in sequence, each with some bytes changed. */
function copies(image: KernelEntries, number: number, changes: readonly (readonly Change[])[]): KernelEntries {
  const bytes = entryBytes(image, number)
  const fixed = structural(image, bytes)
  // Only a target without a name jumps to a chain.
  if (jumpIn(image, number) !== undefined)
    fixed.add(targetPart(image.family, bytes, 0).at + entryMatch.fields.name.offset)
  const many = changes.map((one) => {
    const copy = bytes.slice()
    for (const { at, length, from } of one)
      for (let i = at % bytes.length; i < Math.min(bytes.length, (at % bytes.length) + length); i++)
        if (!fixed.has(i)) copy[i] = typeof from === 'number' ? from : (from[i] as number)
    return copy
  })
  const destination = image.destinations[number] as number
  const { length } = image.names
  return {
    ...image,
    bytes: Uint8Array.from(Buffer.concat(many)),
    starts: Uint32Array.from({ length: changes.length + 1 }, (_, i) => i * bytes.length),
    destinations: Int32Array.from(changes, (_, i) => (destination < 0 ? destination : (destination + i) % length)),
    objects: new Map(),
  }
}

/** As JSON, in which the order of keys matters. */
const json = (value: unknown): string =>
  JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}n` : one), 1)

/** Converts all entries, which have the same layout, in both ways and compares the results. */
function compare(image: KernelEntries, fixture: Fixture): void {
  const context = contextOf(fixture)
  const printer = entryPrinter(image, context)
  const numbers = Array.from({ length: countOf(image) }, (_, number) => number)
  const byTemplates = [
    numbers.map((number) => attempt(() => printer.make(number))),
    attempt(() => decodeRules(new Rules(image, numbers), context)),
  ]
  const oneByOne = [
    numbers.map((number) => attempt(() => printEntry(entryIn(image, number), context))),
    attempt(() => numbers.map((number) => decodeEntry(entryIn(image, number), context))),
  ]
  expect(json(byTemplates)).toBe(json(oneByOne))
}

/** Entries with the same layout, by that layout. */
const alike = new Map<string, Uint8Array[]>()

const kindOf = (image: KernelEntries, number: number): string => {
  const bytes = entryBytes(image, number)
  const places = [...structural(image, bytes)]
  return `${image.family.name} ${places.map((at) => `${at}:${bytes[at]}`)}`
}

interface Distinct {
  readonly fixture: Fixture
  readonly image: KernelEntries
  /** The rules that are in no earlier table. */
  readonly numbers: readonly number[]
}

const met = new Set<string>()

/** Whether this rule is new: most are in several tables. */
function isNew(fixture: Fixture, image: KernelEntries, number: number): boolean {
  const before = met.size
  met.add(`${image.family.name} ${printEntry(entryIn(image, number), contextOf(fixture))}`)
  return met.size > before
}

const distinct: readonly Distinct[] = all
  .map((fixture) => {
    const { image, chains } = rulesetOf(fixture) as Ruleset & { image: KernelEntries }
    const numbers = [...chains.values()].flatMap(({ rules }) => rules.refs as number[])
    return { fixture, image, numbers: numbers.filter((number) => isNew(fixture, image, number)) }
  })
  .filter(({ numbers }) => numbers.length > 0)

for (const { image, numbers } of distinct)
  for (const number of numbers) {
    const kind = kindOf(image, number)
    const others = alike.get(kind) ?? []
    alike.set(kind, others)
    others.push(entryBytes(image, number))
  }

const changed = (others: readonly Uint8Array[]) => {
  const at = fc.nat(65535)
  const byte = fc.oneof(fc.constantFrom(0, 1, 0xff, 0x22), fc.nat(255))
  const random = fc.record({ at, length: fc.constantFrom(1, 1, 4), from: byte })
  const crossed = fc.record({ at, length: fc.constantFrom(1, 8, 40, 1000), from: fc.constantFrom(...others) })
  return fc.array(fc.array(fc.oneof(random, crossed), { maxLength: 3 }), { minLength: 4, maxLength: 12 })
}

const named = distinct.map((one) => {
  const { family, table } = one.fixture.capture
  return [`${family} ${table} ${one.fixture.name}`, one] as const
})

test.each(named)('%s', (_, { fixture, image, numbers }) => {
  const cases = fc
    .constantFrom(...numbers)
    .chain((number) => fc.tuple(fc.constant(number), changed(alike.get(kindOf(image, number)) as Uint8Array[])))
  const body = ([number, list]: [number, Change[][]]) => compare(copies(image, number, list), fixture)
  fc.assert(fc.property(cases, body), { numRuns: 4 + Math.ceil(numbers.length / 3), seed: 1 })
})

describe('options that are separate', () => {
  const fields = { mode: u8, low: u8, high: u16, rest: u32 }
  const declared = (options: (at: Fields<typeof fields>) => Record<string, Option>, demands = {}): Known => {
    const extension = match('sample', { revisions: { 0: struct('struct sample', 8, fields) }, options, ...demands })
    return { extension, variant: extension.variants('ipv4')[0] as Variant }
  }
  const number = integer(0xffff_ffff)

  test('have bytes that no other option reads', () => {
    const known = declared(({ mode, low, high, rest }) => ({
      low: option(number, low, { negation: bit(mode, 1) }),
      one: option(number, bits(rest, 0xff)),
      other: option(number, bits(rest, 0xff00)),
      high: option(number, high, { present: bit(mode, 2) }),
    }))
    expect(separateOptions(known, [known])).toEqual(['low', 'high'])
  })

  test('do not include those that determine their own negation', () => {
    const known = declared(({ low, high }) => ({
      low: option(number, bits(low, 0x7f), { negation: bit(low, 0x80) }),
      high: option(number, high),
    }))
    expect(separateOptions(known, [known])).toEqual(['high'])
  })

  test('do not exist if the bytes that an option reads are unknown', () => {
    const known = declared(({ low, high }) => ({
      low: option(number, low),
      high: option(
        number,
        where(high, () => true),
      ),
    }))
    expect(separateOptions(known, [known])).toEqual([])
  })

  test('do not include those that determine the type of the payload', () => {
    const known = declared(({ low, high }) => ({ low: option(number, low), high: option(number, high) }))
    const face = declared(({ high }) => ({ high: option(number, high) }), {
      fixed: ({ low }: Fields<typeof fields>) => [fixed(low, 7)],
    })
    expect(separateOptions(known, [face, known])).toEqual(['high'])
  })
})

test('the last entry of a table may have any length', () => {
  const [fixture] = all as [Fixture]
  const { bytes: usual } = encodeRule(parseRule('-s 10.0.0.1 -j LOG --log-prefix a', IPV4), contextOf(fixture))
  const bytes = Uint8Array.of(...usual, 1, 2, 3)
  IPV4.entry.fields.nextOffset.write(bytes, 0, bytes.length)
  const index = { starts: Uint32Array.of(0, bytes.length), destinations: Int32Array.of(STAYS) }
  compare({ family: IPV4, bytes, ...index, names: [], objects: new Map() }, fixture)
})

test('all rules that a template reads have the same protocol', () => {
  const sets = { byName: () => undefined, byIndex: () => undefined }
  const context = { family: IPV4, sets }
  const entry = encodeRule(parseRule('-s 10.0.0.1 -p tcp -m tcp --dport 22', IPV4), context)
  expect(new EntryTemplate(entry, context).gaps.map(({ name }) => name)).toEqual(['src', 'dport'])
})
