import { IPV4 } from '../../src/abi/family'
import { writeRuleset } from '../../src/blob/write'
import { BlobError, IptcError, NotFoundError } from '../../src/errors'
import { type Capture, type CaptureJson, captureFromJson, captureTable, captureToJson } from '../../src/kernel/capture'
import { Client } from '../../src/kernel/client'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { plain } from '../../src/ruleset/table-entry'
import { emptyRuleset, matchOf, ruleBytes, withRules } from '../ruleset/tables'

/** A kernel with counters, and a rule that refers to a set. */
function used(): MemoryKernel {
  const sets = {
    four: 'ipv4',
    ['__proto__']: 'ipv6',
    far: { index: 300, family: 'any' },
    end: { index: 5000, family: 'ipv4' },
  } as const
  const kernel = new MemoryKernel({ sets })
  const client = new Client(kernel, IPV4)
  const rule = plain(ruleBytes(IPV4, { matches: [matchOf(IPV4, 'set', { 0: 0x2c, 1: 1, 2: 1 })] }))
  const { layout, bytes } = writeRuleset(withRules(emptyRuleset(IPV4, 'filter'), 'INPUT', [rule]))
  client.replace('filter', layout, bytes, 4)
  client.addCounters('filter', new Uint8Array(80).fill(1))
  return kernel
}

const json = (): CaptureJson => captureToJson(captureTable(used(), 'ipv4', 'filter'))

test('contains what a kernel returns for a table', () => {
  const kernel = used()
  const capture = captureTable(kernel, 'ipv4', 'filter')
  expect(capture).toMatchObject({ family: 'ipv4', table: 'filter' })
  expect(capture.info).toHaveLength(84)
  const value = new Uint8Array(84)
  value.set(Buffer.from('filter'))
  kernel.connect('ipv4').getsockopt(64, value)
  expect(capture.info).toEqual(value)
  expect(capture.entries).toEqual(new Client(kernel, IPV4).entries('filter').entries)
  expect(Object.entries(capture.sets ?? {})).toEqual([
    ['four', { index: 0, family: 'ipv4' }],
    ['__proto__', { index: 1, family: 'ipv6' }],
    ['far', { index: 300, family: 'any' }],
    ['end', { index: 5000, family: 'ipv4' }],
  ])
})

test('has no sets if there are none', () => {
  expect(captureTable(new MemoryKernel(), 'ipv6', 'raw')).not.toHaveProperty('sets')
})

test('of a missing table is an error', () => {
  expect(() => captureTable(new MemoryKernel(), 'ipv4', 'nope')).toThrow(NotFoundError)
})

test('survives a file', () => {
  const capture = captureTable(used(), 'ipv4', 'filter')
  expect(captureFromJson(JSON.parse(JSON.stringify(captureToJson(capture))))).toEqual(capture)
})

test('of entries in a larger buffer only contains the entries', () => {
  const { entries } = captureTable(used(), 'ipv4', 'filter')
  expect(entries.byteOffset).toBe(0)
  expect(entries.buffer.byteLength).toBe(entries.length)
  const shared = new Uint8Array(entries.length + 16)
  shared.set(entries, 8)
  const view = { ...captureTable(used(), 'ipv4', 'filter'), entries: shared.subarray(8, 8 + entries.length) }
  expect(captureToJson(view)).toEqual(json())
})

test('an in-process kernel can be created from it, with its sets and counters', () => {
  const capture = captureTable(used(), 'ipv4', 'filter')
  const kernel = new MemoryKernel({ captures: [capture] })
  expect(kernel.tables('ipv4')).toEqual(['filter'])
  expect(captureTable(kernel, 'ipv4', 'filter')).toEqual(capture)
  expect(kernel.addSet('next', 'ipv4')).toBe(2)
  capture.entries.fill(0)
  expect(captureTable(kernel, 'ipv4', 'filter').entries.some((byte) => byte !== 0)).toBe(true)
})

test('the kernel copies entries in a Buffer too, whose slice is not a copy', () => {
  const capture = captureTable(used(), 'ipv4', 'filter')
  const entries = Buffer.from(capture.entries)
  const kernel = new MemoryKernel({ captures: [{ ...capture, entries }] })
  entries.fill(0)
  expect(captureTable(kernel, 'ipv4', 'filter')).toEqual(capture)
})

test('captures may share their sets, but must not contradict each other', () => {
  const filter = captureTable(used(), 'ipv4', 'filter')
  const raw = captureTable(used(), 'ipv4', 'raw')
  expect(new MemoryKernel({ captures: [filter, raw] }).tables('ipv4')).toEqual(['raw', 'filter'])
  const other: Capture = { ...raw, sets: { four: { index: 7, family: 'ipv4' } } }
  expect(() => new MemoryKernel({ captures: [filter, other] })).toThrow(/set four exists already/)
})

test('entries that no kernel returned are refused', () => {
  const { entries, ...rest } = captureTable(used(), 'ipv4', 'filter')
  const broken = entries.slice()
  broken.fill(0, 90, 92)
  expect(() => new MemoryKernel({ captures: [{ ...rest, entries: broken }] })).toThrow(BlobError)
  expect(() => new MemoryKernel({ captures: [{ ...rest, entries: entries.subarray(8) }] })).toThrow(BlobError)
})

test.each<[string, unknown, RegExp]>([
  ['no object', 'text', /it must be an object/],
  ['null', null, /it must be an object, not null/],
  ['an array', [], /it must be an object/],
  ['an unknown key', { ...json(), tabel: 1 }, /"tabel" is not known/],
  ['an unknown family', { ...json(), family: 'ipx' }, /family must be ipv4 or ipv6, not "ipx"/],
  ['no family', { ...json(), family: undefined }, /family must be ipv4 or ipv6/],
  ['a family of no type', { ...json(), family: { toString: 1 } }, /family must be ipv4 or ipv6/],
  ['a table of no type', { ...json(), table: { toString: 1 } }, /table must be one of/],
  ['an inherited family', { ...json(), family: 'toString' }, /family must be ipv4 or ipv6/],
  ['an unknown table', { ...json(), table: 'nope' }, /table must be one of filter/],
  ['another table', { ...json(), table: 'raw' }, /info is of table "filter", and the capture of raw/],
  ['info that is no text', { ...json(), info: [1, 2] }, /info must be a string in base64/],
  ['info that is too short', { ...json(), info: 'AAAA' }, /info must have 84 bytes, not 3/],
  ['entries that are no base64', { ...json(), entries: `${json().entries}!` }, /entries is not base64/],
  ['entries that are missing', { ...json(), entries: undefined }, /entries must be a string in base64/],
  ['entries that are cut off', { ...json(), entries: json().entries.slice(0, 400) }, /there are 300 bytes of the/],
  ['sets that are a list', { ...json(), sets: ['a'] }, /sets must be an object/],
  [
    'a set with more',
    { ...json(), sets: { a: { index: 1, family: 'any', type: 'x' } } },
    /set "a" has an unknown key "type"; expected index and family/,
  ],
  [
    'a set without an index',
    { ...json(), sets: { a: { family: 'any' } } },
    /set "a" must have an index from 0 to 65534/,
  ],
  ['a set of a large index', { ...json(), sets: { a: { index: 65535, family: 'any' } } }, /set "a" must have an index/],
  ['a set of no family', { ...json(), sets: { a: { index: 1, family: 'x' } } }, /set "a" must have the family/],
])('cannot be read from %s', (_, value, reason) => {
  expect(() => captureFromJson(value)).toThrow(IptcError)
  expect(() => captureFromJson(value)).toThrow(reason)
})
