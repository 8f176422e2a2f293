/** Conversion between bytes and dictionaries. */
import * as fc from 'fast-check'
import * as z from 'zod'
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { UnboundSets } from '../../src/backend/sets'
import { countersValue, decodeEntry } from '../../src/easy/decode'
import { matchKey } from '../../src/easy/dictionary-keys'
import { allExtensions } from '../../src/extensions/registry'
import {
  type DumpedRule,
  easy,
  Rule,
  Rule6,
  type RuleDictionary,
  rule6Schema,
  ruleSchema,
  XtablesError,
} from '../../src/index'
import { sameRule } from '../../src/ruleset/equal'
import { encodeRule as encodeSpec, type RuleSpec } from '../../src/ruleset/rule'
import { cases, ruleLine } from '../support/cases'
import { explained } from '../support/deviations'

const { decodeRule, encodeRule } = easy

const parse = (line: string, family: FamilyName = 'ipv4'): Rule | Rule6 =>
  family === 'ipv4' ? Rule.parse(line) : Rule6.parse(line)

/** The data after storing it as JSON. */
const kept = <T>(value: T): T => JSON.parse(JSON.stringify(value, big))

/** Dictionaries as python-iptables prints them, except for counters, and their rules. */
const READ: readonly [line: string, dictionary: object, family?: FamilyName][] = [
  ['', {}],
  ['-j RETURN', { target: 'RETURN' }],
  ['-p gre -j foo', { protocol: 'gre', target: 'foo' }],
  ['-g foo', { target: { goto: 'foo' } }],
  ['-s 10.0.0.0/8 ! -d 1.2.3.4', { src: '10.0.0.0/8', dst: '!1.2.3.4/32' }],
  ['-i eth+ ! -o lo', { 'in-interface': 'eth+', 'out-interface': '!lo' }],
  ['! -p tcp', { protocol: '!tcp' }],
  ['-p 99', { protocol: '99' }],
  ['-f', { fragment: true }],
  ['! -f', { fragment: '!' }],
  ['-s 1.2.3.4/255.0.255.0', { src: '1.0.3.0/255.0.255.0' }],
  ['-p tcp -m tcp', { protocol: 'tcp', tcp: {} }],
  ['-p tcp -m tcp ! --dport 22', { protocol: 'tcp', tcp: { dport: ['!', '22'] } }],
  [
    '-p tcp -m tcp --tcp-flags ALL NONE',
    { protocol: 'tcp', tcp: { 'tcp-flags': ['FIN,SYN,RST,PSH,ACK,URG', 'NONE'] } },
  ],
  ['-p tcp -m tcp ! --syn', { protocol: 'tcp', tcp: { 'tcp-flags': ['!', 'FIN,SYN,RST,ACK', 'SYN'] } }],
  ['-m state --state ESTABLISHED,RELATED', { state: { state: 'RELATED,ESTABLISHED' } }],
  ['-m conntrack ! --ctstate NEW', { conntrack: { ctstate: ['!', 'NEW'] } }],
  ['-m mark --mark 1/255', { mark: { mark: '0x1/0xff' } }],
  ['-m comment --comment "hello world"', { comment: { comment: 'hello world' } }],
  ['-m comment --comment !x', { comment: { comment: ['!x'] } }],
  ['-m comment --comment a -m comment --comment b', { comment: [{ comment: 'a' }, { comment: 'b' }] }],
  ['-p tcp -m tcp -m tcp --dport 5', { protocol: 'tcp', tcp: [{}, { dport: '5' }] }],
  ['-m set ! --match-set S src,dst', { set: { 'match-set': ['!', 'S', 'src,dst'] } }],
  [
    '-m set --match-set S src --return-nomatch ! --update-counters',
    { set: { 'match-set': ['S', 'src'], 'return-nomatch': '', 'update-counters': '!' } },
  ],
  ['-j LOG', { target: 'LOG' }],
  ['-j LOG --log-prefix "a b" --log-uid', { target: { LOG: { 'log-prefix': 'a b', 'log-uid': '' } } }],
  ['-j REJECT', { target: { REJECT: { 'reject-with': 'icmp-port-unreachable' } } }],
  ['-j MASQUERADE', { target: 'MASQUERADE' }],
  ['-j MARK --set-mark 5', { target: { MARK: { 'set-xmark': '0x5/0xffffffff' } } }],
  ['-j CT --notrack', { target: { CT: { notrack: '' } } }],
  ['-j NOTRACK', { target: 'NOTRACK' }],
  ['-s fe80::1 ! -d 2001:db8::/32', { src: 'fe80::1/128', dst: '!2001:db8::/32' }, 'ipv6'],
  ['-p icmpv6 -m icmp6 --icmpv6-type 1', { protocol: 'icmpv6', icmp6: { 'icmpv6-type': '1' } }, 'ipv6'],
]

describe('a rule is read as by python-iptables, and written back unchanged', () => {
  test.each(READ)('%s', (line, dictionary, family = 'ipv4') => {
    const rule = parse(line, family)
    const dumped = decodeRule(rule)
    expect(dumped).toEqual({ ...dictionary, counters: [0, 0] })
    const again = encodeRule(kept(dumped), { ipv6: family === 'ipv6' })
    expect(again.entry).toEqual(rule.entry)
  })
})

/** Other notations that are accepted. */
const WRITTEN: readonly [dictionary: RuleDictionary, line: string][] = [
  [{ inInterface: 'eth0', out_interface: '!eth1' }, '-i eth0 ! -o eth1'],
  [{ source: '10/8', destination: ['!', '1.2.3.4'], proto: 6 }, '-s 10.0.0.0/8 ! -d 1.2.3.4 -p tcp'],
  [{ protocol: '!17', fragment: false }, '! -p udp'],
  [{ fragment: ['!', true] }, '! -f'],
  [{ protocol: 'ipv6-icmp' }, '-p 58'],
  [{ protocol: 'icmpv6' }, '-p 58'],
  [{ protocol: 'none' }, '-p 59'],
  [{ protocol: 'tcp', tcp: { dport: 22 } }, '-p tcp -m tcp --dport 22'],
  [{ protocol: 'tcp', tcp: { destinationPort: ['22'] } }, '-p tcp -m tcp --dport 22'],
  [{ protocol: 'tcp', tcp: { source_port: '!1:5' } }, '-p tcp -m tcp ! --sport 1:5'],
  [{ protocol: 'tcp', tcp: { tcpFlags: '!SYN SYN' } }, '-p tcp -m tcp ! --tcp-flags SYN SYN'],
  [{ protocol: 'tcp', tcp: { syn: true } }, '-p tcp -m tcp --syn'],
  [{ protocol: 'tcp', tcp: { syn: '' } }, '-p tcp -m tcp --syn'],
  [{ protocol: 'tcp', tcp: { syn: '1' } }, '-p tcp -m tcp --syn'],
  [{ target: { MASQUERADE: { random: 'true' } } }, '-j MASQUERADE --random'],
  [{ protocol: 'tcp', tcp: { syn: ['!', ''] } as never }, '-p tcp -m tcp ! --syn'],
  [{ protocol: 'tcp', tcp: '' }, '-p tcp -m tcp'],
  [{ comment: 'x', mark: 5 }, '-m comment --comment x -m mark --mark 5'],
  [{ mark: 5, comment: 'x' }, '-m mark --mark 5 -m comment --comment x'],
  [{ comment: { comment: '!x' } }, '-m comment --comment !x'],
  [{ set: { matchSet: '!S src' } }, '-m set ! --match-set S src'],
  [{ set: { set: ['S', 'src'], packetsGt: 2n ** 60n } }, `-m set --match-set S src --packets-gt ${2n ** 60n}`],
  [{ '-m tcp': {} } as never, '-m tcp'],
  [{ target: '' }, ''],
  [{ target: { ACCEPT: {} } as never }, '-j ACCEPT'],
  [{ target: { foo: '' } as never }, '-j foo'],
  [{ target: { jump: 'foo' } }, '-j foo'],
  [{ target: { MASQUERADE: {} } }, '-j MASQUERADE'],
  [{ target: { LOG: { logUid: true } } }, '-j LOG --log-uid'],
  [{ counters: [1, 56] }, '-c 1 56'],
  [{ counters: ['18446744073709551615', 2n ** 63n] }, `-c 18446744073709551615 ${2n ** 63n}`],
]

describe('other spellings', () => {
  test.each(WRITTEN.map(([dictionary, line]) => [JSON.stringify(dictionary, big), line, dictionary] as const))(
    '%s',
    (_, line, dictionary) => {
      expect(encodeRule(dictionary).entry).toEqual(parse(line).entry)
      expect(ruleSchema.safeParse(dictionary).error).toBeUndefined()
    },
  )
})

function big(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

/** Invalid dictionaries, the path of the error, and its message. */
const REFUSED: readonly [dictionary: unknown, path: (string | number)[], message: RegExp, family?: FamilyName][] = [
  [[], [], /plain object/],
  ['-j ACCEPT', [], /plain object/],
  [new Map(), [], /plain object/],
  [new Rule(), [], /plain object/],
  [null, [], /plain object/],
  [{ scr: '1.2.3.4' }, ['scr'], /unknown key "scr"; accepted: src, /],
  [{ tpc: { dport: 22 } }, ['tpc'], /unknown key "tpc"/],
  [{ TCP: {} }, ['TCP'], /unknown key/],
  [{ constructor: {} }, ['constructor'], /unknown key/],
  [{ tcp: { dprt: 22 } }, ['tcp', 'dprt'], /unknown parameter "dprt"; accepted: .*--dport/],
  [{ comment: [{ comment: 'a' }, { coment: 'b' }] }, ['comment', 1, 'coment'], /unknown parameter/],
  [{ target: { LOG: { logPrefx: 'x' } } }, ['target', 'LOG', 'logPrefx'], /unknown parameter/],
  [{ target: { foo: { bar: 1 } } }, ['target', 'foo'], /no target foo/],
  [{ target: { ACCEPT: { x: 1 } } }, ['target', 'ACCEPT'], /no target ACCEPT/],
  [{ tcp: { dport: 'nosuchservice' } }, ['tcp', 'dport'], /dport/],
  [{ tcp: { dport: ['!', 'x'] } }, ['tcp', 'dport'], /dport/],
  [{ tcp: { dport: ['!22'] } }, ['tcp', 'dport'], /dport/],
  [{ tcp: { dport: ['1', '2'] } }, ['tcp', 'dport'], /dport/],
  [{ tcp: { dport: [] } }, ['tcp', 'dport'], /dport/],
  [{ tcp: { dport: null } }, ['tcp', 'dport'], /null is neither text nor a whole number/],
  [{ tcp: { dport: 1.5 } }, ['tcp', 'dport'], /1\.5/],
  [{ tcp: { dport: true } }, ['tcp', 'dport'], /true/],
  [{ tcp: { dport: { from: 1 } } }, ['tcp', 'dport'], /an object/],
  [{ tcp: { dport: '' } }, ['tcp', 'dport'], /dport/],
  [{ tcp: { destinationPort: 'x' } }, ['tcp', 'destinationPort'], /dport/],
  [{ tcp: { syn: false } }, ['tcp', 'syn'], /false/],
  [{ tcp: { syn: 'yes' } }, ['tcp', 'syn'], /syn/],
  [{ tcp: { syn: '0' } }, ['tcp', 'syn'], /syn cannot be "0" .*leave it out of a dictionary/],
  [{ target: { CT: { notrack: 'false' } } }, ['target', 'CT', 'notrack'], /leave it out of a dictionary/],
  [{ target: { CT: { notrack: false } } }, ['target', 'CT', 'notrack'], /leave it out of a dictionary/],
  [{ tcp: { syn: true, tcpFlags: 'SYN SYN' } }, ['tcp', 'syn'], /exclude each other/],
  [{ tcp: { dport: 1, 'destination-port': 2 } }, ['tcp', 'dport'], /given twice/],
  [
    { tcp: { tcpFlags: 'SYN SYN', 'tcp-flags': 'SYN SYN' } },
    ['tcp', 'tcp-flags'],
    /tcpFlags and tcp-flags are spellings of the same key/,
  ],
  [{ tcp: undefined }, ['tcp'], /undefined/],
  [{ tcp: { dport: undefined } }, ['tcp', 'dport'], /undefined/],
  [{ src: undefined }, ['src'], /undefined/],
  [{ target: undefined }, ['target'], /undefined/],
  [{ counters: undefined }, ['counters'], /undefined/],
  [{ tcp: null }, ['tcp'], /match tcp cannot be null/],
  [{ tcp: new Map() }, ['tcp'], /can only contain plain objects/],
  [{ comment: ['a', new Map()] }, ['comment', 1], /can only contain plain objects/],
  [{ target: new Map() }, ['target'], /can only contain plain objects/],
  [{ target: { LOG: new Map() } }, ['target', 'LOG'], /can only contain plain objects/],
  [{ src: new URL('http://a') }, ['src'], /can only contain plain objects/],
  [{ tcp: [] }, ['tcp'], /./],
  [{ tcp: [[{}]] }, ['tcp', 0], /./],
  [{ tcp: 'dport' }, ['tcp'], /match tcp cannot be "dport"/],
  [{ comment: '' }, ['comment'], /required/],
  [{ comment: {} }, ['comment'], /required/],
  [{ comment: { comment: ['!', 'x'] } }, ['comment', 'comment'], /cannot be negated/],
  [{ conntrack: {} }, ['conntrack'], /required/],
  [{ iprange: { srcRange: '::1-::2' } }, ['iprange', 'srcRange'], /src-range/],
  [{ target: { LOG: { 'log-uid': '!' } } }, ['target', 'LOG', 'log-uid'], /negated/],
  [
    { in_interface: 'a', 'in-interface': 'b' },
    ['in-interface'],
    /in_interface and in-interface are spellings of the same key/,
  ],
  [{ src: '1.2.3.4', source: '1.2.3.4' }, ['src'], /given twice/],
  [{ '-m tcp': { destinationPort: 'x' } }, ['-m tcp', 'destinationPort'], /dport/],
  [{ tcp: {}, '-m tcp': {} }, ['-m tcp'], /spellings of the same key/],
  [{ src: '::1' }, ['src'], /src/],
  [{ src: '' }, ['src'], /src/],
  [{ src: '10.0.0.0/33' }, ['src'], /prefix/],
  [{ src: '10.0.0.1' }, ['src'], /src/, 'ipv6'],
  [{ fragment: true }, ['fragment'], /unknown parameter "fragment"/, 'ipv6'],
  [{ fragment: 1 }, ['fragment'], /fragment/],
  [{ icmp6: { icmpv6Type: 1 } }, ['icmp6'], /for ipv6 only/],
  [{ icmp: { icmpType: 1 } }, ['icmp'], /for ipv4 only/, 'ipv6'],
  [{ protocol: 'nosuch' }, ['protocol'], /protocol/],
  [{ protocol: 256 }, ['protocol'], /protocol/],
  [{ protocol: 'ipip' }, ['protocol'], /4 in python-iptables and 94 in iptables/],
  [{ protocol: '!ipip' }, ['protocol'], /4 in python-iptables/],
  [{ protocol: null }, ['protocol'], /null/],
  [{ target: null }, ['target'], /target/],
  [{ target: {} }, ['target'], /target/],
  [{ target: [] }, ['target'], /target/],
  [{ target: { LOG: {}, REJECT: {} } }, ['target'], /target/],
  [{ target: 'a b' }, ['target'], /white space/],
  [{ target: { goto: 'ACCEPT' } }, ['target', 'goto'], /verdict/],
  [{ target: { REJECT: { rejectWith: 'nicely' } } }, ['target', 'REJECT', 'rejectWith'], /reject-with/],
  [{ target: { REJECT: 'tcp-reset' } }, ['target', 'REJECT'], /./],
  [{ counters: [1] }, ['counters'], /counters cannot be \[1\]; accepted: \[packets, bytes\]/],
  [{ counters: [1, -1] }, ['counters', 1], /counters cannot be \[1, -1\]; accepted/],
  [{ matches: [5] }, ['matches', 0], /matches cannot be \[5\]; accepted: a list of the names/],
  [{ counters: [1, '1e3'] }, ['counters', 1], /./],
  [{ counters: [1, 2n ** 64n] }, ['counters', 1], /2\^64/],
  [{ comment: 'a', matches: [] }, ['matches'], /must also name the match comment/],
  [{ comment: 'a', matches: ['comment', 'comment'] }, ['matches', 1], /more often than the rule has it/],
  [{ comment: 'a', matches: ['mark', 'comment'] }, ['matches', 0], /more often than the rule has it/],
  [{ foo: { revision: 1, payload: '0x00' } }, ['foo', 'payload'], /multiple of 8/],
  [{ foo: { revision: 1, payload: '00' } }, ['foo', 'payload'], /./],
  [{ foo: { revision: 256, payload: '0x' } }, ['foo', 'revision'], /./],
  [{ foo: { revision: 1, payload: '0x', more: 1 } }, ['foo', 'more'], /./],
]

describe('invalid dictionaries', () => {
  test.each(REFUSED.map(([dictionary, path, message, family]) => [dictionary, path, message, family] as const))(
    '%p at %p',
    (dictionary, path, message, family = 'ipv4') => {
      const refusal = catchError(() => encodeRule(dictionary as RuleDictionary, { ipv6: family === 'ipv6' }))
      expect(refusal).toBeInstanceOf(XtablesError)
      expect(refusal).toMatchObject({ path, message: expect.stringMatching(message) })
      expect((family === 'ipv4' ? ruleSchema : rule6Schema).safeParse(dictionary).success).toBe(false)
    },
  )

  test('whatever it is, the error has the same form', () => {
    const value = fc.anything({ withBigInt: true, withNullPrototype: true, withMap: true, maxDepth: 3 })
    const part = fc.dictionary(fc.constantFrom('dport', 'comment', 'revision', 'payload', 'syn', 'logUid'), value)
    const keys = ['src', 'fragment', 'protocol', 'counters', 'matches', 'target', 'tcp', 'comment', 'mark', 'x']
    const targets = fc.dictionary(fc.constantFrom('LOG', 'goto', 'jump', 'ACCEPT', 'x'), fc.oneof(part, value))
    const rule = fc.dictionary(fc.constantFrom(...keys), fc.oneof(part, fc.array(part), targets, value))
    fc.assert(
      fc.property(fc.oneof(value, rule), (dictionary) => {
        const refusal = catchError(() => encodeRule(dictionary as RuleDictionary))
        if (refusal !== undefined) expect(refusal).toBeInstanceOf(XtablesError)
        expect(ruleSchema.safeParse(dictionary).success).toBe(refusal === undefined)
      }),
      { numRuns: 3000 },
    )
  })

  test('the error has the value as it was given', () => {
    expect(catchError(() => encodeRule({ tcp: { sport: 5, dport: 'x' } }))).toMatchObject({
      extension: 'tcp',
      parameter: 'dport',
      value: 'x',
      expected: expect.stringContaining('port'),
    })
  })
})

function catchError(body: () => unknown): unknown {
  try {
    body()
  } catch (error) {
    return error
  }
  return undefined
}

describe('every rule that iptables accepts', () => {
  const understood = cases.map(({ accepted, family }) => ({
    family,
    lines: accepted.filter((line) => explained('refused', line) === undefined),
  }))
  const lines = understood.flatMap(({ lines, family }) =>
    lines.map((line) => [family.name, ruleLine(line).rule] as const),
  )

  test.each([...new Set(lines.map((line) => JSON.stringify(line)))].map((line) => JSON.parse(line)))(
    '%s %s',
    (family: FamilyName, line: string) => {
      const rule = parse(line, family)
      const dictionary = kept(decodeRule(rule))
      const again = encodeRule(dictionary, { ipv6: family === 'ipv6' })
      expect(again.equals(rule)).toBe(true)
      expect(again.counters).toEqual(rule.counters)
      const schema = family === 'ipv4' ? ruleSchema : rule6Schema
      expect(schema.parse(dictionary)).toEqual(dictionary)
    },
  )
})

describe('the order of matches', () => {
  const orderOf = (rule: Rule | Rule6): string[] => rule.matches.map((match) => match.toString())

  test.each([
    ['-m comment --comment a -m mark --mark 1', undefined],
    ['-m mark --mark 1 -m comment --comment a', undefined],
    ['-m comment --comment a -m comment --comment b -m mark --mark 1', undefined],
    ['-m comment --comment a -m mark --mark 1 -m comment --comment b', ['comment', 'mark', 'comment']],
    [
      '-m mark --mark 1 -m comment --comment a -m mark --mark 2 -m comment --comment b',
      ['mark', 'comment', 'mark', 'comment'],
    ],
    ['-m 7 --revision 0 --payload 0x -m mark --mark 1', ['7', 'mark']],
    ['-m mark --mark 1 -m 7 --revision 0 --payload 0x', ['mark', '7']],
  ])('%s', (line, order) => {
    const rule = Rule.parse(line)
    const dictionary = kept(decodeRule(rule))
    expect(dictionary.matches).toEqual(order)
    const again = encodeRule(dictionary)
    expect(orderOf(again)).toEqual(orderOf(rule))
    expect(again.entry).toEqual(rule.entry)
  })
})

describe('unknown extensions', () => {
  const payload = `0x${'0123456789abcdef'.repeat(2)}`

  test.each([
    [`-m foo --revision 3 --payload ${payload}`, { foo: { revision: 3, payload } }],
    [`-j FOO --revision 0 --payload 0x`, { target: { FOO: { revision: 0, payload: '0x' } } }],
    [
      `-m foo --revision 3 --payload 0x -m foo --revision 4 --payload ${payload}`,
      {
        foo: [
          { revision: 3, payload: '0x' },
          { revision: 4, payload },
        ],
      },
    ],
    [
      `-m mark --mark 1 -m mark --revision 9 --payload ${payload}`,
      { mark: [{ mark: '0x1' }, { revision: 9, payload }] },
    ],
    ['-j goto --revision 1 --payload 0x', { target: { goto: { revision: 1, payload: '0x' } } }],
    ...['src', 'target', 'in_interface', 'toString', '__proto__'].map((name): [string, object] => [
      `-m ${name} --revision 1 --payload ${payload}`,
      { [`-m ${name}`]: { revision: 1, payload } },
    ]),
  ])('%s', (line, dictionary) => {
    const rule = Rule.parse(line)
    const dumped = kept(decodeRule(rule))
    expect(dumped).toEqual({ ...dictionary, counters: [0, 0] })
    expect(encodeRule(dumped).entry).toEqual(rule.entry)
    expect(ruleSchema.safeParse(dumped).success).toBe(true)
  })

  test('dst is the only match with the name of another key', () => {
    const names = allExtensions('match').map(({ name }) => name)
    expect(names.filter((name) => matchKey(name) !== name)).toEqual(['dst'])
    const rule = Rule6.parse('-d ::1/128 -m dst --dst-len 8')
    const dumped: DumpedRule = { dst: '::1/128', '-m dst': { 'dst-len': '8' }, counters: [0, 0] }
    expect(decodeRule(rule)).toEqual(dumped)
    expect(encodeRule(dumped, { ipv6: true }).entry).toEqual(rule.entry)
    expect(() => encodeRule({ dst: { 'dst-len': '8' } } as never, { ipv6: true })).toThrow(XtablesError)
  })
})

test('a chain with the name of a target or a verdict is still a chain', () => {
  const context = { family: FAMILIES.ipv4, sets: new UnboundSets() }
  const spec: RuleSpec = {
    head: [],
    matches: [],
    target: { kind: 'chain', chain: 'LOG', goto: false },
    counters: [0n, 0n],
  }
  const entry = encodeSpec(spec, context)
  expect(decodeEntry(entry, context)).toEqual({ target: { jump: 'LOG' }, counters: [0, 0] })
  expect(encodeRule({ target: { jump: 'LOG' } }).entry).toEqual(entry)
})

test('a wildcard interface is equal without its + in the bytes, as other programs write it', () => {
  const context = { family: FAMILIES.ipv4, sets: new UnboundSets() }
  const { entry } = encodeRule({ 'in-interface': 'eth+', 'out-interface': '!lo' })
  const bytes = entry.bytes.slice()
  bytes[context.family.entry.fields.iniface.offset + 3] = 0
  expect(decodeEntry({ ...entry, bytes }, context)).toEqual(decodeEntry(entry, context))
  expect(sameRule(context.family, entry, { ...entry, bytes })).toBe(true)
  bytes[context.family.entry.fields.iniface.offset + 2] = 0
  expect(sameRule(context.family, entry, { ...entry, bytes })).toBe(false)
  expect(encodeRule({ 'in-interface': 'eth0' }).equals(encodeRule({ 'in-interface': 'eth1' }))).toBe(false)
  expect(encodeRule({ 'in-interface': 'eth+' }).equals(encodeRule({ 'in-interface': 'eth' }))).toBe(false)
})

test('counters beyond the range of numbers are bigints', () => {
  expect(countersValue([2n ** 53n - 1n, 2n ** 53n])).toEqual([2 ** 53 - 1, 2n ** 53n])
  expect(decodeRule(encodeRule({ counters: ['9007199254740993', 5] })).counters).toEqual([9007199254740993n, 5])
})

test('text that is not UTF-8 survives JSON', () => {
  const rule = encodeRule({ comment: 'a\udcffb' })
  expect(encodeRule(kept(decodeRule(rule))).entry).toEqual(rule.entry)
})

test('what is read can be written, also for the compiler', () => {
  const dumped: DumpedRule = decodeRule(Rule.parse('-p tcp -m tcp --dport 22 -j LOG --log-uid'))
  expect(encodeRule(dumped).toString()).toBe('-p tcp -m tcp --dport 22 -j LOG --log-uid')
  // @ts-expect-error no such parameter
  expect(() => encodeRule({ tcp: { dprt: 22 } })).toThrow(XtablesError)
  // @ts-expect-error no such match
  expect(() => encodeRule({ tpc: { dport: 22 } })).toThrow(XtablesError)
})

describe('the schema', () => {
  test('returns canonical keys', () => {
    const rule = { inInterface: 'eth0', tcp: { destination_port: 22 }, counters: [1n, 2n] as const }
    expect(ruleSchema.parse(rule)).toEqual({
      'in-interface': 'eth0',
      tcp: { 'destination-port': 22 },
      counters: ['1', '2'],
    })
  })

  test('names the place of the error', () => {
    const { error } = ruleSchema.safeParse({ tcp: { dport: 'x' } })
    expect(error?.issues).toMatchObject([
      { path: ['tcp', 'dport'], message: expect.stringContaining('accepted: port') },
    ])
  })

  test.each([
    ['IPv4', ruleSchema, 'icmp', 'icmp6'],
    ['IPv6', rule6Schema, 'icmp6', 'icmp'],
  ])('can be converted to JSON Schema: %s', (_, schema, there, notThere) => {
    const json = z.toJSONSchema(schema) as { properties: Record<string, object>; additionalProperties: object }
    expect(Object.keys(json.properties)).toEqual(expect.arrayContaining(['src', 'tcp', 'target', 'counters', there]))
    expect(json.properties).not.toHaveProperty(notThere)
    expect(JSON.stringify(json.properties['tcp'])).toContain('"destination-port"')
    expect(z.toJSONSchema(schema, { io: 'input' })).toMatchObject({ properties: { src: {} } })
  })
})

test('testRule, testMatch and testTarget tell whether they are valid', () => {
  expect(easy.testRule({ target: 'ACCEPT' })).toBe(true)
  expect(easy.testRule({ protocol: 'nosuch' })).toBe(false)
  expect(easy.testRule({ src: '::1' }, { ipv6: true })).toBe(true)
  expect(easy.testMatch('tcp', { dport: '22' })).toBe(true)
  expect(easy.testMatch('tcp', { dport: '2x2' })).toBe(false)
  expect(easy.testMatch('comment', 'x')).toBe(true)
  expect(easy.testMatch('comment', [{ comment: 'a' }, { comment: 'b' }])).toBe(true)
  expect(easy.testMatch('src', '1.2.3.4')).toBe(false)
  expect(easy.testMatch('target', 'ACCEPT')).toBe(false)
  expect(easy.testTarget('ACCEPT', '')).toBe(true)
  expect(easy.testTarget('REJECT', { 'reject-with': 'tcp-reset' })).toBe(true)
  expect(easy.testTarget('REJECT', { bogus: 1 })).toBe(false)
  expect(easy.testTarget('foo', '')).toBe(false)
  expect(easy.testTarget('goto', 'foo')).toBe(false)
})
