import { ERRNO, errnoName } from '../../src/abi/errno'
import { IPV4, IPV6 } from '../../src/abi/family'
import { VERDICTS } from '../../src/abi/netfilter'
import type { Layout } from '../../src/blob/read'
import { Refusal, type VerifyOptions, verify } from '../../src/blob/verify'
import { buildErrorEntry, buildPart, buildVerdict, buildVerdictEntry } from '../../src/ruleset/entry'
import { Rules } from '../../src/ruleset/rules'
import { newChain } from '../../src/ruleset/ruleset'
import { plain } from '../../src/ruleset/table-entry'
import {
  emptyRuleset,
  families,
  jump,
  laidOut,
  matchOf,
  type RuleParts,
  ruleBytes,
  type Table,
  tableOf,
  targetOf,
  withRules,
} from '../ruleset/tables'

const check = ({ family, table, layout, bytes }: Table, options?: VerifyOptions): Uint8Array =>
  verify(family, table, layout, bytes, options)

function refusalOf(table: Table, options?: VerifyOptions): Refusal {
  try {
    check(table, options)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('it was not refused')
}

const expectRefusal = (table: Table, errno: string, reason: RegExp, options?: VerifyOptions): void => {
  const refusal = refusalOf(table, options)
  expect(errnoName(refusal.errno)).toBe(errno)
  expect(refusal.reason).toMatch(reason)
  expect(refusal.offset).toBeGreaterThanOrEqual(0)
  expect(refusal.offset).toBeLessThanOrEqual(table.bytes.length)
}

/** An IPv4 filter table with these rules in INPUT, modified afterwards. */
function broken(rules: readonly Uint8Array[], change: (view: DataView, bytes: Uint8Array) => void = () => {}): Table {
  const table = tableOf(IPV4, 'filter', rules)
  change(new DataView(table.bytes.buffer), table.bytes)
  return table
}

const relaid = (table: Table, layout: Partial<Layout>): Table => ({ ...table, layout: { ...table.layout, ...layout } })

const { targetOffset, nextOffset, flags, invflags } = IPV4.entry.fields
const rule = (parts?: RuleParts): Uint8Array => ruleBytes(IPV4, parts)
const SIZE = rule().length
const LOG = targetOf(IPV4, 'LOG')

describe('structure', () => {
  test.each<[string, Table, RegExp]>([
    ['cut off', { ...broken([]), bytes: broken([]).bytes.subarray(0, -8) }, /cut off/],
    ['cut off within the head', { ...broken([]), bytes: broken([]).bytes.subarray(0, 100) }, /cut off/],
    ['more entries than said', relaid(broken([]), { numEntries: 3 }), /4 entries where the header says 3/],
    ['fewer entries than said', relaid(broken([]), { numEntries: 5 }), /4 entries where the header says 5/],
    ['no bytes at all', relaid({ ...broken([]), bytes: new Uint8Array() }, { numEntries: 0 }), /no entry begins/],
    ['target in the head', broken([rule()], (view) => view.setUint16(targetOffset.offset, 104, true)), /target cannot/],
    ['target at an odd place', broken([rule()], (view) => view.setUint16(targetOffset.offset, 116, true)), /target/],
    ['target behind the entry', broken([rule()], (view) => view.setUint16(targetOffset.offset, 152, true)), /entry/],
    ['no length', broken([rule()], (view) => view.setUint16(nextOffset.offset, 0, true)), /0 bytes long/],
    ['an odd length', broken([rule({ target: LOG })], (view) => view.setUint16(nextOffset.offset, 180, true)), /begin/],
    ['unknown flags', broken([rule()], (view) => view.setUint8(flags.offset, 0x04)), /flags/],
    ['unknown inversions', broken([rule()], (view) => view.setUint8(invflags.offset, 0x80)), /inversions/],
    ['match of no size', withPart(0), /match cannot be 0 bytes/],
    ['match smaller than its header', withPart(24), /match cannot be 24 bytes/],
    ['match of an odd size', withPart(44), /match cannot be 44 bytes/],
    ['match that overlaps the target', withPart(56), /match cannot be 56 bytes/],
    ['target smaller than its header', broken([rule({ target: LOG })], (v) => v.setUint16(112, 31, true)), /target/],
    ['target larger than its entry', broken([rule({ target: LOG })], (v) => v.setUint16(112, 72, true)), /target/],
    ['standard target of another size', broken([rule()], (view) => view.setUint16(112, 36, true)), /standard target/],
    ['ERROR target of another size', broken([errorEntry(56)]), /ERROR target/],
    ['name of a chain without end', broken([nameless()]), /name of the chain/],
  ])('%s', (_, table, reason) => expectRefusal(table, 'EINVAL', reason))

  test.each([0, -3, -6, -7, -2147483648])('verdict %d', (verdict) => {
    expectRefusal(broken([rule({ target: buildVerdict(verdict) })]), 'EINVAL', /there is no verdict/)
  })

  test.each([-1, -2, -4, -5])('verdict %d is valid', (verdict) => {
    check(broken([rule({ target: buildVerdict(verdict) })]))
  })

  test('bytes after a target mean nothing, except for the standard target', () => {
    check(broken([padded(rule({ target: LOG }))]))
    expectRefusal(broken([padded(rule())]), 'EINVAL', /standard target/)
  })

  test('the last entry may have any length', () => {
    const { layout, bytes } = broken([])
    const last = bytes.length - 176
    const longer = new Uint8Array(bytes.length + 4)
    longer.set(bytes)
    new DataView(longer.buffer).setUint16(last + nextOffset.offset, 180, true)
    check({ family: IPV4, table: 'filter', layout, bytes: longer })
  })

  /** A rule with a match of 40 bytes whose size field contains another value. */
  function withPart(size: number): Table {
    return broken([rule({ matches: [buildPart('nobody-knows', 0, new Uint8Array(8))] })], (view) =>
      view.setUint16(112, size, true),
    )
  }

  function errorEntry(size: number): Uint8Array {
    const entry = buildErrorEntry(IPV4, 'user')
    entry[112] = size
    return entry
  }

  function nameless(): Uint8Array {
    return buildErrorEntry(IPV4, 'user').fill(0x61, 144, 174)
  }

  function padded(entry: Uint8Array): Uint8Array {
    const longer = new Uint8Array(entry.length + 8)
    longer.set(entry)
    nextOffset.write(longer, 0, longer.length)
    return longer
  }
})

describe('hooks', () => {
  const empty = broken([])
  const places = (...at: [number, number, number]): number[] => [0, ...at, 0]

  test.each<[string, Table, RegExp]>([
    ['a chain that begins nowhere', relaid(empty, { hookEntry: places(8, 152, 304) }), /byte 8, where INPUT/],
    ['a chain that begins past the end', relaid(empty, { hookEntry: places(0, 152, 99992) }), /where OUTPUT/],
    ['a policy that is nowhere', relaid(empty, { underflow: places(0, 152, 0xffff_ffff) }), /the policy of OUTPUT/],
    ['hooks in another order', relaid(empty, { hookEntry: places(152, 0, 304) }), /FORWARD comes before/],
    ['hooks in one place', relaid(empty, { hookEntry: places(0, 0, 304) }), /FORWARD comes before/],
    ['policies in another order', relaid(empty, { underflow: places(152, 0, 304) }), /FORWARD comes before/],
    ['a policy that is not for all', relaid(broken([rule()]), { underflow: places(0, 304, 456) }), /policy of INPUT/],
    ['a policy of RETURN', withPolicy(buildVerdictEntry(IPV4, VERDICTS.RETURN)), /policy of INPUT/],
    ['a policy of QUEUE', withPolicy(buildVerdictEntry(IPV4, VERDICTS.QUEUE)), /policy of INPUT/],
    ['a policy that is an extension', withPolicy(rule({ target: LOG })), /policy of INPUT/],
    ['a table with fewer hooks', relaid(empty, { validHooks: 0x06 }), /table filter has other hooks/],
    ['a table with no hooks', relaid(empty, { validHooks: 0 }), /table filter has other hooks/],
    ['a hook that there is not', relaid(empty, { validHooks: 0x10e }), /table filter has other hooks/],
  ])('%s', (_, table, reason) => expectRefusal(table, 'EINVAL', reason))

  test('an unknown table, unless something else is wrong', () => {
    expectRefusal({ ...empty, table: 'nope' }, 'ENOENT', /there is no table nope/)
    expectRefusal({ ...relaid(empty, { numEntries: 5 }), table: 'nope' }, 'EINVAL', /entries where/)
    expectRefusal({ ...empty, table: 'toString' }, 'ENOENT', /there is no table/)
  })

  function withPolicy(entry: Uint8Array): Table {
    return laidOut({
      ...emptyRuleset(IPV4, 'filter'),
      chains: new Map(
        [...emptyRuleset(IPV4, 'filter').chains].map(([name, chain]) => [
          name,
          name === 'INPUT' ? { ...chain, tail: plain(entry) } : chain,
        ]),
      ),
    })
  }
})

describe('jumps', () => {
  const chains = (jumps: Readonly<Record<string, readonly string[]>>, family = IPV4): Table =>
    laidOut(
      Object.entries(jumps).reduce(
        (all, [name, to]) =>
          withRules(
            all,
            name,
            to.map((chain) => jump(family, chain)),
          ),
        emptyRuleset(family, 'filter'),
      ),
    )
  const LOOP = /in a loop/

  test.each<[string, Table]>([
    ['itself', chains({ INPUT: ['a'], a: ['a'] })],
    ['a chain that goes back', chains({ INPUT: ['a'], a: ['b'], b: ['c'], c: ['a'] })],
    ['the chain that is gone through', chains({ INPUT: ['a'], a: ['INPUT'], FORWARD: ['a'] })],
    ['a loop after a good jump', chains({ INPUT: ['a', 'b'], a: [], b: ['a', 'b'] })],
  ])('in a loop: %s', (name, table) => {
    // INPUT begins at offset 0. A verdict of 0 is never a jump.
    if (name === 'the chain that is gone through') expectRefusal(table, 'EINVAL', /there is no verdict 0/)
    else expectRefusal(table, 'ELOOP', LOOP)
  })

  test.each<[string, Table]>([
    ['a diamond', chains({ INPUT: ['a', 'b'], a: ['c'], b: ['c'], c: [] })],
    ['one chain from several hooks', chains({ INPUT: ['a'], FORWARD: ['a'], OUTPUT: ['a'], a: ['b'], b: [] })],
    ['a circle that nobody enters', chains({ INPUT: [], a: ['b'], b: ['a'] })],
    ['on to the next rule', chains({ INPUT: ['', ''] })],
    ['another hook’s chain', chains({ INPUT: ['FORWARD'] })],
  ])('no loop: %s', (_, table) => {
    check(table, { knownOnly: true })
  })

  test('10,000 chains deep', () => {
    const { chains: builtin, ...ruleset } = withRules(emptyRuleset(IPV4, 'filter'), 'INPUT', [jump(IPV4, 'c0')])
    const deep = Array.from({ length: 10_000 }, (_, i) => ({
      ...newChain(IPV4, `c${i}`),
      rules: i < 9999 ? Rules.of(jump(IPV4, `c${i + 1}`)) : Rules.of(),
    }))
    check(laidOut({ ...ruleset, chains: new Map([...builtin, ...deep.map((one) => [one.name, one] as const)]) }))
  })

  test.each([1, 8, 156, 0x7fff_fff8])('to byte %d, where no entry begins', (verdict) => {
    const lost = rule({ target: buildVerdict(verdict) })
    expectRefusal(broken([lost]), 'ELOOP', /no entry begins where the jump leads/)
    check(laidOut(withRules(emptyRuleset(IPV4, 'filter'), 'nobody-goes-here', [plain(lost)])))
  })

  test('off the end of the table', () => {
    const ruleset = withRules(emptyRuleset(IPV4, 'filter'), 'INPUT', [jump(IPV4, 'user')])
    const user = { ...withRules(ruleset, 'user', [plain(rule())]).chains.get('user') }
    const table = laidOut({
      ...ruleset,
      chains: new Map([...ruleset.chains, ['user', { ...user, tail: undefined } as never]]),
    })
    expectRefusal(table, 'ELOOP', /runs off the end/)
  })

  test('a chain without an end continues in the next one, which is then reachable', () => {
    const entries = [rule({ target: buildVerdict(4 * SIZE + 176) }), ...Array.from({ length: 3 }, policy)]
    const users = [buildErrorEntry(IPV4, 'a'), rule(), buildErrorEntry(IPV4, 'b'), rule(), returning()]
    const bytes = new Uint8Array(Buffer.concat([...entries, ...users, buildErrorEntry(IPV4, 'ERROR')]))
    const layout = {
      validHooks: 0x0e,
      hookEntry: [0, 0, 304, 456, 0],
      underflow: [0, 152, 304, 456, 0],
      numEntries: 10,
    }
    const reached = check({ family: IPV4, table: 'filter', layout, bytes })
    const places = [0, 152, 304, 456, 608, 784, 936, 1112, 1264, 1416]
    expect(places.map((at) => reached[at >> 3])).toEqual([2, 2, 4, 8, 0, 2, 2, 2, 2, 0])
  })

  const policy = (): Uint8Array => buildVerdictEntry(IPV4, VERDICTS.ACCEPT)
  const returning = (): Uint8Array => buildVerdictEntry(IPV4, VERDICTS.RETURN)
})

describe('extensions', () => {
  const tcp = (family: typeof IPV4): Uint8Array => matchOf(family, 'tcp')
  const revised = (part: Uint8Array, revision: number): Uint8Array => part.with(31, revision)

  test.each(families)('tcp needs -p tcp, $name', (family) => {
    const table = (parts: RuleParts): Table =>
      tableOf(family, 'filter', [ruleBytes(family, { matches: [tcp(family)], ...parts })])
    check(table({ proto: 6, flags: 1 }))
    // Linux only checks the number, even if the protocol of the rule is not matched.
    check(table({ proto: 6 }))
    for (const parts of [{}, { proto: 17, flags: 1 }, { proto: 6, flags: 1, invflags: 0x40 }])
      expectRefusal(table(parts), 'EINVAL', /match tcp: needs -p tcp/)
  })

  test('a payload of another size', () => {
    const part = buildPart('mark', 1, new Uint8Array(24))
    expectRefusal(broken([rule({ matches: [part] })]), 'EINVAL', /mark revision 1 takes 16 bytes, not 24/)
  })

  test('a payload with a wrong value in a fixed field', () => {
    const part = targetOf(IPV4, 'MASQUERADE', { 0: 2 })
    expectRefusal(tableOf(IPV4, 'nat', [rule({ target: part })]), 'EINVAL', /a field that accepts only one/)
  })

  test('unknown extensions are accepted, unless unknown ones are to be refused', () => {
    const match = buildPart('nobody-knows', 0, new Uint8Array(8))
    const target = buildPart('NOBODY', 0, new Uint8Array(8))
    for (const parts of [{ matches: [match] }, { target }, { matches: [revised(matchOf(IPV4, 'mark'), 9)] }]) {
      const table = broken([rule(parts)])
      check(table)
      expectRefusal(table, 'ENOENT', /there is no (match|target)/, { knownOnly: true })
    }
  })

  test('names that have the same hash in the cache of headers', () => {
    // Names for which 31 times the first letter plus the second give the same sum.
    const named = (name: string) => rule({ matches: [buildPart(name, 1, new Uint8Array(16))] })
    check(broken([named('mark')]), { knownOnly: true })
    expectRefusal(broken([named('mark'), named('nBrk')]), 'ENOENT', /no match nBrk revision 1/, { knownOnly: true })
  })

  test('names without an end, and revisions of built-in targets', () => {
    const match = buildPart('x'.repeat(29), 0, new Uint8Array(8))
    expectRefusal(broken([rule({ matches: [match] })]), 'EINVAL', /name of a match is not terminated/)
    expectRefusal(broken([rule({ target: match })]), 'EINVAL', /name of a target is not terminated/)
    expectRefusal(broken([rule({ target: revised(buildVerdict(-1), 1) })]), 'ENOENT', /target standard revision 1/)
  })

  test('targets for one table only', () => {
    const reject = (table: 'filter' | 'mangle'): Table =>
      tableOf(IPV4, table, [rule({ target: targetOf(IPV4, 'REJECT') })])
    check(reject('filter'))
    expectRefusal(reject('mangle'), 'EINVAL', /target REJECT: only in table filter/)
  })

  test('only hooks that reach a rule count', () => {
    const mac = plain(rule({ matches: [matchOf(IPV4, 'mac')] }))
    const unreached = withRules(emptyRuleset(IPV4, 'filter'), 'user', [mac])
    check(laidOut(unreached))
    check(laidOut(withRules(unreached, 'INPUT', [jump(IPV4, 'user')])))
    const both = withRules(withRules(unreached, 'INPUT', [jump(IPV4, 'user')]), 'OUTPUT', [jump(IPV4, 'user')])
    expectRefusal(laidOut(both), 'EINVAL', /mac: only in rules reached from .* reached from OUTPUT/)
  })

  test('checks of extensions', () => {
    const reset = (parts: RuleParts): Table =>
      tableOf(IPV6, 'filter', [ruleBytes(IPV6, { target: targetOf(IPV6, 'REJECT', { 0: 6 }), ...parts })])
    check(reset({ proto: 6, flags: 1 }))
    // Here Linux checks the flag, too.
    expectRefusal(reset({ proto: 6 }), 'EINVAL', /tcp-reset needs -p tcp/)
  })

  test('ipsets, if they are checked', () => {
    const table = broken([rule({ matches: [matchOf(IPV4, 'set', { 0: 5, 2: 1 })] })])
    const sets = (known: number) => ({
      byName: () => undefined,
      byIndex: (index: number) => (index === known ? 'name' : undefined),
    })
    check(table, { knownOnly: true })
    check(table, { sets: sets(5) })
    expectRefusal(table, 'ENOENT', /no ipset of index 5/, { sets: sets(4) })
  })

  test('of two errors, the one that Linux finds first', () => {
    const unknown = rule({ matches: [buildPart('nobody-knows', 0, new Uint8Array(8))] })
    const wrong = rule({ matches: [tcp(IPV4)] })
    const options = { knownOnly: true }
    expect(refusalOf(broken([unknown, wrong]), options).errno).toBe(ERRNO.ENOENT)
    expect(refusalOf(broken([wrong, unknown]), options).errno).toBe(ERRNO.EINVAL)
    expect(refusalOf(broken([wrong, unknown]), options).offset).toBe(0)
    expect(refusalOf(relaid(broken([unknown]), { validHooks: 0x06 }), options).errno).toBe(ERRNO.ENOENT)
    expect(refusalOf(broken([unknown, rule({ target: buildVerdict(8) })]), options).errno).toBe(ERRNO.ELOOP)
  })
})
