import { IptcError } from '../../src/errors'
import { parseSetEntry, printSetEntry } from '../../src/ipset/entry-text'
import type { SetTypeName } from '../../src/ipset/types'
import { run } from '../cli/run'
import { ENTRY_PARTS, entriesOf } from '../support/ipset'
import { setFixtures } from '../support/set-fixtures'

describe.each(setFixtures.map((fixture) => [`${fixture.type} of ${fixture.family}`, fixture] as const))(
  '%s',
  (_, { type, family, saved, found }) => {
    const [, listed] = found as [unknown, Record<string, unknown>[]]
    const texts = saved.slice(1).map((line) => line.replace(/^add set /, ''))
    /** A second may have passed between the two. */
    const timeless = (text: string): string =>
      text.replace(/timeout (\d{4,})/, (_, left) => `timeout ${Math.ceil(Number(left) / 1000)}k`)

    test('entries are printed as ipset saved them', () => {
      expect(listed.map((entry) => timeless(printSetEntry(type, entry as never))).sort()).toEqual(
        texts.map(timeless).sort(),
      )
    })

    test('the output of ipset save is parsed, and printed again', () => {
      const options = family === 'any' ? {} : { family }
      for (const text of texts) expect(printSetEntry(type, parseSetEntry(type, text, options) as never)).toBe(text)
    })
  },
)

/** The output of ipset 7.17 for types that most kernels lack. With LD_PRELOAD, it was told that the kernel has them. */
const LACKING: readonly (readonly [SetTypeName, string, string])[] = [
  ['hash:mac', '1:2:3:4:5:a', '01:02:03:04:05:0A'],
  ['hash:ip,mac', '1.1.1.1,1:2:3:4:5:6', '1.1.1.1,01:02:03:04:05:06'],
  ['hash:mac', '0x1:002:+3:4:5:f', '01:02:03:04:05:0F'],
  ['hash:ip,mark', '1.1.1.1,5', '1.1.1.1,0x00000005'],
  ['hash:ip,mark', '1.1.1.1,0x63', '1.1.1.1,0x00000063'],
  ['hash:ip,mark', '1.1.1.0/24,5', '1.1.1.0/24,0x00000005'],
  ['hash:ip,mark', '1.1.1.1/32,5', '1.1.1.1,0x00000005'],
  ['hash:net,net', '1.1.1.1,2.2.2.2', '1.1.1.1,2.2.2.2'],
  ['hash:net,net', '1.1.1.0/24,2.2.2.0/24', '1.1.1.0/24,2.2.2.0/24'],
  ['hash:net,net', '0.0.0.0/0,1.1.1.1', '0.0.0.0/0,1.1.1.1'],
  ['hash:net,port,net', '1.1.1.1,80,2.2.2.2', '1.1.1.1,tcp:80,2.2.2.2'],
  ['hash:net,port,net', '1.1.1.0/24,udp:53,2.2.2.0/24', '1.1.1.0/24,udp:53,2.2.2.0/24'],
]

test.each(LACKING)('%s: %s', (type, text, printed) => {
  expect(printSetEntry(type, parseSetEntry(type, text) as never)).toBe(printed)
})

const REFUSED: readonly (readonly [SetTypeName, string, string])[] = [
  ['hash:mac', 'foo', "Syntax error: cannot parse 'foo' as ethernet address"],
  ['hash:mac', '1:2:3:4:5:100', "Syntax error: cannot parse '1:2:3:4:5:100' as ethernet address"],
  ['hash:mac', '0x:2:3:4:5:6', "Syntax error: cannot parse '0x:2:3:4:5:6' as ethernet address"],
  ['hash:mac', '00000001:2:3:4:5:6', "Syntax error: cannot parse '00000001:2:3:4:5:6' as ethernet address"],
  ['hash:mac', '1:2:3:4:5:6,x', 'Syntax error: Elem separator in 1:2:3:4:5:6,x, but settype hash:mac supports none.'],
  ['hash:ip,mac', '1.1.1.1', 'Syntax error: Second element is missing from 1.1.1.1.'],
  ['hash:ip,mark', '1.1.1.1,4294967296', "Syntax error: '4294967296' is out of range 0-4294967295"],
  ['hash:ip,mark', '1.1.1.1,5/6', "Syntax error: '5/6' is invalid as number"],
  ['hash:net,net', '1.1.1.1', 'Syntax error: Second element is missing from 1.1.1.1.'],
]

test.each(REFUSED)('%s refuses %s', (type, text, reason) => {
  expect(() => parseSetEntry(type, text)).toThrow(reason)
})

test.each(Object.keys(ENTRY_PARTS) as SetTypeName[])('%s: printed entries are parsed as they were', (type) => {
  for (const entry of entriesOf(type, 'ipv4', true, 50, 3)) {
    const text = printSetEntry(type, entry as never)
    const again = parseSetEntry(type, text)
    // A single address is printed without a prefix length.
    expect(printSetEntry(type, again as never)).toBe(text.replace(/\/32(?=[, ])/g, ''))
  }
})

test('invalid entries cause our errors', () => {
  for (const text of ['', 'x', '1.2.3.4 timeout', '1.2.3.4 foo', '1.2.3.4 comment "x'])
    expect(() => parseSetEntry('hash:ip', text)).toThrow(IptcError)
  expect(() => parseSetEntry('hash:no' as never, '1.2.3.4')).toThrow(/bitmap:ip or /)
})

test('an in-process kernel without sets says so', () => {
  const { status, stderr } = run('xtables', ['--kernel', 'memory', 'ipset', 'list'])
  if (status !== 0) expect(stderr).toMatch(/^ipset v7\.17: /)
})

test('help lists every type, and the options of one', () => {
  expect(run('ipset', ['help']).stdout).toMatch(/ {4}hash:net,port,net +revisions 0 to 3\n/)
  const { stdout } = run('ipset', ['help', 'hash:net,iface'])
  expect(stdout).toContain('add    SETNAME hash:net,iface IP[/CIDR]|FROM-TO,[physdev:]IFACE\n')
  expect(stdout).toMatch(/\[wildcard\]\n/)
  expect(run('ipset', ['help', 'foo'])).toMatchObject({ status: 2, stderr: expect.stringContaining("settype: `foo'") })
})
