/** Expressions made by hand, which nft does not write or this kernel does not have. */
import { FAMILIES } from '../../src/abi/family'
import { UnboundSets } from '../../src/backend/sets'
import { printRule } from '../../src/language/print'
import { type Expression, expressionList, type Known } from '../../src/nft/expressions'
import { isHeld, readRule } from '../../src/nft/rule'
import { expressionsOf, type Step, stepsOf } from '../../src/nft/statements'
import { describeRule } from '../../src/ruleset/rule'

const family = FAMILIES.ipv4
const context = { family, sets: new UnboundSets() }

function reading(expressions: readonly Expression[]): string | undefined {
  const bytes = new Uint8Array(expressionList.size(expressions))
  expressionList.write(bytes, 0, expressions)
  const read = readRule(family, { bytes, at: 0, end: bytes.length })
  return isHeld(family, read.bytes) ? undefined : printRule(describeRule(read, context), family.name)
}

const value = (...bytes: number[]) => ({ value: Uint8Array.from(bytes) })
const meta = (key: number, dreg: number): Known => ({ name: 'meta', data: { key, dreg } })
const saddr = (dreg: number): Known => ({ name: 'payload', data: { dreg, base: 1, offset: 12, len: 4 } })
const cmp = (sreg: number, op: number, ...bytes: number[]): Known => ({
  name: 'cmp',
  data: { sreg, op, data: value(...bytes) },
})
const constant = (dreg: number, ...bytes: number[]): Known => ({
  name: 'immediate',
  data: { dreg, data: value(...bytes) },
})
const turned: Known = { name: 'byteorder', data: { sreg: 1, dreg: 1, op: 1, len: 4, size: 4 } }
const expiring: readonly Known[] = [{ name: 'ct', data: { key: 5, dreg: 1 } }, turned]
const thousandths = (first: number, last: number): Known => ({
  name: 'range',
  data: { sreg: 1, op: 0, from: value(0, 0, first >> 8, first & 255), to: value(0, 0, last >> 8, last & 255) },
})
const random = meta(24, 1)
const lowBits: Known = {
  name: 'bitwise',
  data: { sreg: 1, dreg: 1, op: 0, len: 4, mask: value(0x7f, 255, 255, 255), xor: value(0, 0, 0, 0) },
}
const shift = (op: number, bits: number): Known => ({
  name: 'bitwise',
  data: { sreg: 1, dreg: 1, op, len: 4, data: value(bits, 0, 0, 0) },
})
const transferred: readonly Known[] = [
  { name: 'ct', data: { key: 14, dreg: 1, direction: 1 } },
  { name: 'byteorder', data: { sreg: 1, dreg: 1, op: 1, len: 8, size: 8 } },
]
const count = (number: number) => value(0, 0, 0, 0, 0, 0, 0, number)
const labels: readonly Known[] = [
  { name: 'ct', data: { key: 13, dreg: 1 } },
  {
    name: 'bitwise',
    data: {
      sreg: 1,
      dreg: 1,
      op: 0,
      len: 16,
      mask: value(0, 2, ...new Array<number>(14).fill(0)),
      xor: value(...new Array<number>(16).fill(0)),
    },
  },
]
const firstBytes: Known = { name: 'payload', data: { dreg: 1, base: 1, offset: 0, len: 2 } }
const without = (...[a, b, c, d]: [number, number, number, number]): Known => ({
  name: 'bitwise',
  data: { sreg: 1, dreg: 1, op: 0, len: 2, mask: value(a, b), xor: value(c, d) },
})
const writing = (csumType: number): Known => ({
  name: 'payload',
  data: { sreg: 1, base: 1, offset: 0, len: 2, csumType, csumOffset: csumType === 0 ? 0 : 10, csumFlags: 0 },
})
const limit: Known = { name: 'limit', data: { rate: 5n, unit: 1n, burst: 5, type: 0, flags: 0 } }
const [LEN, MARK, IIFNAME, PROTOCOL] = [0, 3, 6, 16]

test.each<[string, readonly Expression[], string | undefined]>([
  ['one queue', [{ name: 'queue', data: { num: 5, total: 1, flags: 1 } }], '-j NFQUEUE --queue-num 5 --queue-bypass'],
  [
    'several queues',
    [{ name: 'queue', data: { num: 5, total: 3, flags: 2 } }],
    '-j NFQUEUE --queue-balance 5:7 --queue-cpu-fanout',
  ],
  ['one queue for every processor', [{ name: 'queue', data: { num: 5, total: 1, flags: 2 } }], undefined],
  ['a queue that is computed', [{ name: 'queue', data: { numRegister: 1 } }], undefined],
  ['a register by its old number', [saddr(8), cmp(8, 0, 10, 0, 0, 1)], '-s 10.0.0.1/32'],
  ['a register that another one lies in', [saddr(1), constant(8, 1, 2, 3, 4), cmp(1, 0, 10, 0, 0, 1)], undefined],
  [
    'one end of a range, and what came into the register then',
    [saddr(1), cmp(1, 5, 10, 0, 0, 1), constant(8, 1, 2, 3, 4), cmp(1, 3, 10, 0, 0, 9)],
    undefined,
  ],
  ['a register beside another one', [saddr(8), constant(9, 1, 2, 3, 4), cmp(8, 0, 10, 0, 0, 1)], '-s 10.0.0.1/32'],
  ['a number compared in the order of the machine', [meta(LEN, 1), cmp(1, 2, 5, 0, 0, 0)], undefined],
  ['a length that is greater than there are words for', [meta(LEN, 1), turned, cmp(1, 4, 0, 0, 0, 5)], undefined],
  ['the beginning of a mark that is turned', [meta(MARK, 1), turned, cmp(1, 0, 1, 0, 0)], undefined],
  [
    'an address of which a part is turned over',
    [saddr(1), { name: 'byteorder', data: { sreg: 1, dreg: 1, op: 1, len: 2, size: 2 } }, cmp(1, 1, 2, 3, 4)],
    undefined,
  ],
  ['a length that is less', [meta(LEN, 1), turned, cmp(1, 2, 0, 0, 0, 5)], '-m length --length 0:4'],
  ['a mark that is turned and compared', [meta(MARK, 1), turned, cmp(1, 0, 0, 0, 0, 5)], '-m mark --mark 0x5'],
  [
    'a mark under a mask that is turned over',
    [
      meta(MARK, 1),
      { name: 'bitwise', data: { sreg: 1, dreg: 1, op: 0, len: 4, mask: value(1, 0, 0, 0), xor: value(1, 0, 0, 0) } },
      cmp(1, 0, 1, 0, 0, 0),
    ],
    undefined,
  ],
  ['a reset of what may be no TCP', [{ name: 'reject', data: { type: 1 } }], undefined],
  ['ports of what may have none', [constant(1, 0, 80), { name: 'masq', data: { portMin: 1 } }], undefined],
  [
    'ports from the greater to the lesser',
    [
      meta(16, 1),
      cmp(1, 0, 6),
      constant(1, 0, 80),
      constant(2, 0, 70),
      { name: 'masq', data: { portMin: 1, portMax: 2 } },
    ],
    undefined,
  ],
  ['a port of a connection in no direction', [{ name: 'ct', data: { key: 11, dreg: 1 } }, cmp(1, 0, 0, 80)], undefined],
  [
    'a hardware address of any device',
    [{ name: 'payload', data: { dreg: 1, base: 0, offset: 6, len: 6 } }, cmp(1, 0, 0, 1, 2, 3, 4, 5)],
    undefined,
  ],
  [
    'any index of ESP, which packets without one do not have',
    [
      meta(PROTOCOL, 1),
      cmp(1, 0, 50),
      { name: 'payload', data: { dreg: 1, base: 2, offset: 0, len: 4 } },
      cmp(1, 5, 0, 0, 0, 0),
    ],
    undefined,
  ],
  [
    'any port, which packets without a header of TCP do not have',
    [
      meta(PROTOCOL, 1),
      cmp(1, 0, 6),
      { name: 'payload', data: { dreg: 1, base: 2, offset: 2, len: 2 } },
      cmp(1, 5, 0, 0),
    ],
    undefined,
  ],
  [
    'an index of ESP that none is',
    [
      meta(16, 1),
      cmp(1, 0, 50),
      { name: 'payload', data: { dreg: 1, base: 2, offset: 0, len: 4 } },
      { name: 'range', data: { sreg: 1, op: 1, from: value(0, 0, 0, 0), to: value(255, 255, 255, 255) } },
    ],
    '-p esp -m esp ! --espspi 0:4294967295',
  ],
  [
    'a type of ICMP twice',
    [
      meta(16, 1),
      cmp(1, 0, 1),
      { name: 'payload', data: { dreg: 1, base: 2, offset: 0, len: 2 } },
      cmp(1, 0, 0, 0),
      { name: 'payload', data: { dreg: 1, base: 2, offset: 0, len: 1 } },
      cmp(1, 0, 8),
    ],
    '-p icmp -m icmp --icmp-type 0/0 -m icmp --icmp-type 8',
  ],
  [
    'no tracking, and more',
    [
      { name: 'notrack', data: {} },
      { name: 'counter', data: {} },
    ],
    undefined,
  ],
  ['the protocol 0, which stands for any', [meta(PROTOCOL, 1), cmp(1, 0, 0)], undefined],
  [
    'an interface whose name ends as a beginning of names does',
    [meta(IIFNAME, 1), cmp(1, 0, 0x65, 0x2b, 0)],
    undefined,
  ],
  ['what such names begin with', [meta(IIFNAME, 1), cmp(1, 0, 0x65, 0x2b)], '-i e++'],
  ['an interface of no name', [meta(IIFNAME, 1), cmp(1, 0, 0, 0)], undefined],
  [
    'bits of an address that the mask leaves out',
    [
      saddr(1),
      { name: 'bitwise', data: { sreg: 1, dreg: 1, op: 0, len: 4, mask: value(255, 0, 0, 0), xor: value(0, 0, 0, 0) } },
      cmp(1, 0, 10, 1, 0, 0),
    ],
    undefined,
  ],
  [
    'an address that is turned over',
    [saddr(1), turned, { name: 'range', data: { sreg: 1, op: 0, from: value(1, 0, 0, 0), to: value(9, 0, 0, 0) } }],
    undefined,
  ],
  ['more than was loaded', [saddr(1), cmp(1, 0, 10, 0, 0, 1, 0)], undefined],
  ['less than was loaded', [saddr(1), cmp(1, 0, 10, 0)], undefined],
  [
    'an address behind a limit',
    [limit, saddr(1), cmp(1, 0, 10, 0, 0, 1)],
    '-m limit --limit 5/sec -m iprange --src-range 10.0.0.1-10.0.0.1',
  ],
  ['a protocol behind a limit', [limit, meta(PROTOCOL, 1), cmp(1, 0, 6)], undefined],
  ['a protocol before a limit', [meta(PROTOCOL, 1), cmp(1, 0, 6), limit], '-p tcp -m limit --limit 5/sec'],
  ['whole seconds', [...expiring, thousandths(1000, 2999)], '-m conntrack --ctexpire 1:2'],
  ['half a second', [...expiring, thousandths(1000, 1499)], undefined],
  ['one thousandth of a second', [expiring[0] as Known, cmp(1, 0, 0xe8, 3, 0, 0)], undefined],
  [
    'a random number',
    [random, lowBits, cmp(1, 2, 0x40, 0, 0, 0)],
    '-m statistic --mode random --probability 0.50000000000',
  ],
  ['a random number of other bits', [random, cmp(1, 2, 0x40, 0, 0, 0)], undefined],
  ['a class of service', [firstBytes, without(0xff, 0x03, 0x00, 0x88), writing(1)], '-j DSCP --set-dscp 0x22'],
  ['a class of service without a checksum', [firstBytes, without(0xff, 0x03, 0x00, 0x88), writing(0)], undefined],
  ['two bits beside it', [firstBytes, without(0xff, 0xfc, 0x00, 0x03), writing(1)], undefined],
  [
    'a copy of the packet',
    [constant(1, 10, 0, 0, 1), { name: 'dup', data: { address: 1 } }],
    '-j TEE --gateway 10.0.0.1',
  ],
  [
    'a copy that leaves by an interface',
    [constant(1, 10, 0, 0, 1), constant(2, 1, 0, 0, 0), { name: 'dup', data: { address: 1, device: 2 } }],
    undefined,
  ],
  ['a proxy of what may be no TCP', [{ name: 'synproxy', data: { mss: 0, wscale: 0, flags: 0 } }], undefined],
  [
    'neighbours in a header',
    [{ name: 'payload', data: { dreg: 1, base: 1, offset: 8, len: 2 } }, cmp(1, 0, 64, 6)],
    '-p tcp -m ttl --ttl-eq 64',
  ],
  [
    'neighbours that are not both equal',
    [{ name: 'payload', data: { dreg: 1, base: 1, offset: 8, len: 2 } }, cmp(1, 1, 64, 6)],
    undefined,
  ],
  [
    'a mark that is shifted, and copied',
    [meta(MARK, 1), shift(1, 2), { name: 'ct', data: { sreg: 1, key: 3 } }],
    '-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff --left-shift-mark 2',
  ],
  ['a mark that is shifted, and asked for', [meta(MARK, 1), shift(1, 2), cmp(1, 0, 4, 0, 0, 0)], undefined],
  [
    'a mark that is shifted where it is',
    [meta(MARK, 1), shift(1, 2), { name: 'meta', data: { sreg: 1, key: MARK } }],
    undefined,
  ],
  [
    'a mark that is shifted twice',
    [meta(MARK, 1), shift(1, 2), shift(1, 2), { name: 'ct', data: { sreg: 1, key: 3 } }],
    undefined,
  ],
  [
    'a mark that is shifted before its bits are looked at',
    [meta(MARK, 1), shift(2, 2), lowBits, { name: 'ct', data: { sreg: 1, key: 3 } }],
    undefined,
  ],
  [
    'a mark whose bits are looked at, then shifted',
    [meta(MARK, 1), lowBits, shift(2, 2), { name: 'ct', data: { sreg: 1, key: 3 } }],
    '-j CONNMARK --save-mark --nfmask 0xffffff7f --ctmask 0xffffffff --right-shift-mark 2',
  ],
  [
    'no packets at all, which connections that are not counted have, too',
    [...transferred, { name: 'range', data: { sreg: 1, op: 0, from: count(0), to: count(9) } }],
    undefined,
  ],
  [
    'more than so many packets',
    [...transferred, { name: 'range', data: { sreg: 1, op: 1, from: count(0), to: count(9) } }],
    '-m connbytes ! --connbytes 0:9 --connbytes-mode packets --connbytes-dir reply',
  ],
  ['any number of packets but one', [transferred[0] as Known, cmp(1, 1, 0, 0, 0, 0, 0, 0, 0, 0)], undefined],
  ['a label that is on', [...labels, cmp(1, 1, ...new Array<number>(16).fill(0))], '-m connlabel --label "9"'],
  ['a label that is not on', [...labels, cmp(1, 0, ...new Array<number>(16).fill(0))], undefined],
  ['what is not known', [{ name: 'quantum', unknown: undefined }], undefined],
])('%s', (_, expressions, wanted) => {
  expect(reading(expressions)).toBe(wanted)
})

const mark = { from: 'meta', key: MARK } as const
const tracked = { from: 'ct', key: 3 } as const

test.each<[string, Step]>([
  ['a test', { kind: 'test', source: mark, op: 'neq', value: Uint8Array.of(1, 0, 0, 0) }],
  [
    'a range of what the machine has in its own order',
    {
      kind: 'test',
      source: { from: 'meta', key: LEN },
      isTurned: true,
      op: 'eq',
      value: Uint8Array.of(0, 0, 0, 1),
      to: Uint8Array.of(0, 0, 0, 9),
    },
  ],
  [
    'a lookup',
    { kind: 'test', source: { from: 'fib', flags: 1, result: 3 }, op: 'eq', value: Uint8Array.of(2, 0, 0, 0) },
  ],
  ['a realm', { kind: 'test', source: { from: 'rt', key: 0 }, op: 'eq', value: Uint8Array.of(2, 0, 0, 0) }],
  [
    'what is set in a packet',
    {
      kind: 'change',
      to: { from: 'payload', base: 1, offset: 0, length: 2, checksum: 10 },
      from: { from: 'payload', base: 1, offset: 0, length: 2 },
      mask: Uint8Array.of(0xff, 3),
      xor: Uint8Array.of(0, 0x88),
    },
  ],
  [
    'a header of options',
    {
      kind: 'test',
      source: { from: 'exthdr', op: 0, type: 44, offset: 0, length: 1, isPresence: true },
      op: 'eq',
      value: Uint8Array.of(1),
    },
  ],
  [
    'what is copied, and shifted to the right',
    { kind: 'change', to: tracked, from: mark, mask: Uint8Array.of(255, 0, 0, 0), xor: new Uint8Array(4), shift: -5 },
  ],
  ['what is set', { kind: 'set', to: tracked, value: Uint8Array.of(1, 0, 0, 0) }],
  [
    'what is copied',
    { kind: 'change', to: tracked, from: mark, mask: Uint8Array.of(255, 0, 0, 0), xor: Uint8Array.of(1, 0, 0, 0) },
  ],
])('%s is read as it was written', (_, step) => {
  expect(stepsOf(expressionsOf(step))).toEqual([step])
})
