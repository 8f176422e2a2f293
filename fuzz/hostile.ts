/** Words that mean something to JavaScript, to a parser or to an allocator, and rarely to iptables. */

/** What every object inherits, or is made by. */
export const INHERITED: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
]

/** Numbers at the ends of ranges, beyond them, and in forms that `Number` reads and iptables does not. */
const NUMBERS: readonly string[] = [
  ...['0', '1', '-1', '+1', '00', '007', '0x', '0x1', '0X1f', '0b1', '0o7', '1e3', '1.5', '.5', '1_000', ' 1', '1 '],
  ...['31', '32', '33', '63', '64', '127', '128', '129', '255', '256', '65535', '65536', '2147483647', '2147483648'],
  ...['4294967295', '4294967296', '9007199254740993', '18446744073709551615', '18446744073709551616', '1e999'],
  ...['NaN', 'Infinity', '-0', '٣', '１', '9'.repeat(400), `0x${'f'.repeat(400)}`],
]

/** Where values are cut apart, nested or repeated. */
const STRUCTURED: readonly string[] = [
  ...['', ' ', '!', '--', '-', '---', '!!', ',', ':', '/', '=', '%', '|', '||', '&', '@', '+', '*', '\\', '"', "'"],
  ...['1:2', '2:1', ':', '1:', ':1', '1:2:3', '1-2', '2-1', '1/2', '0x1/0x1', '/0', '/33', '/129', '/255.0.255.0'],
  ...['0.0.0.0/0', '::/0', '::', '::1', '::ffff:1.2.3.4', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1.2.3.4/8', 'fe80::1%lo'],
  ...['a,b', 'a,,b', ',a', 'SYN', 'SYN,ACK', 'ALL', 'NONE', '|41|', '|4', '|zz|', '0&1=1', '0>>1=1', '0@0=0'],
  ...['1/s', '1/sec', '0/s', '1kb/s', '3/day', '00:00', '23:59:59', '24:00', '2038-01-19T03:14:07', '1900', 'Mon,Tue'],
  '1,'.repeat(300),
  ':'.repeat(300),
  '('.repeat(300),
  '0&'.repeat(300),
  `${'a'.repeat(40)}!`.repeat(20),
  '\\'.repeat(301),
]

const TEXT: readonly string[] = [
  ...['a', 'a b', 'eth0', 'eth+', '+', 'ACCEPT', 'INPUT', 'tcp', 'all', 'any', 'a'.repeat(15), 'a'.repeat(16)],
  ...['a'.repeat(28), 'a'.repeat(29), 'a'.repeat(255), 'a'.repeat(256), 'a'.repeat(5000)],
  ...[
    '\0',
    'a\0b',
    '\n',
    'a\nb',
    '\r',
    '\t',
    '\x01',
    '\x7f',
    '\x1b[2J',
    'é',
    '💥',
    '\ud800',
    '\udc80',
    '\udfff',
    '\ufeff',
  ],
]

/** Options that belong to no rule, or to many. */
const OPTIONS: readonly string[] = [
  ...['-A', '-D', '-t', '-p', '-s', '-d', '-i', '-o', '-j', '-g', '-m', '-c', '-f', '-4', '-6', '-vvv', '-h', '-w'],
  ...[
    '--revision',
    '--payload',
    '--dport',
    '--sport',
    '--comment',
    '--mark',
    '--to-ports',
    '--',
    '--p',
    '--d=',
    '--=1',
  ],
]

export const WORDS: readonly string[] = [...INHERITED, ...NUMBERS, ...STRUCTURED, ...TEXT, ...OPTIONS]

/** Single characters to put anywhere. */
export const CHARACTERS: readonly string[] = [
  ...'0129afxzAFZ!-+,:/.=@%&|"\'\\ \t\n#~*()[]{}<>$;^_?`',
  ...['\0', '\r', '\x01', '\x7f', '\xa0', 'é', '💥', '\ud800', '\udc80'],
]

const deep = (depth: number): unknown => {
  let value: unknown = []
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

/** What JSON can hold, and a word cannot. */
export const VALUES: readonly unknown[] = [
  ...WORDS,
  ...[null, true, false, 0, -1, 1, 1.5, 65536, 2 ** 32, 2 ** 53, 1e308, -0],
  ...[
    [],
    {},
    [[]],
    [null],
    [''],
    ['!'],
    ['!', ''],
    ['!', '!'],
    ['!', 'a', 'b'],
    ['a', 1],
    [true],
    [['!', '1']],
    { '': '' },
  ],
  ...[JSON.parse('{"__proto__": {"polluted": true}}'), { constructor: { prototype: { polluted: true } } }],
  ...[
    { revision: 0, payload: '0x' },
    { revision: 256, payload: '0x00' },
    { revision: 0, payload: '0x0' },
  ],
  ...[deep(7), deep(60), deep(2000), Array(1000).fill('a'), { length: 4_294_967_295 }, { index: 1e9, family: 'any' }],
]
