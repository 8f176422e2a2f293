/** Two ways from text to bytes: with the template of a similar line, and word by word. */

import { IPV4, IPV6 } from '../../src/abi/family'
import { LineTemplates } from '../../src/language/line-template'
import { parseRule } from '../../src/language/parse'
import { encodeRule } from '../../src/ruleset/rule'
import { contextOf, fixtures } from '../support/fixtures'

const context = { family: IPV4, sets: { byName: () => undefined, byIndex: () => undefined } }
const context6 = { ...context, family: IPV6 }

const made = (line: string, place = context) => {
  const [, chain = '', rule = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? []
  return { chain, entry: encodeRule(parseRule(rule, place.family), place) }
}

/** The entry for a line, with the template of another. */
function readBy(first: string, line: string, place = context) {
  const templates = new LineTemplates(place)
  templates.learn(first, made(first, place))
  return templates.read(line)
}

test.each([
  ['-A INPUT -s 10.0.0.1/32 -j ACCEPT', '-A OUTPUT -s 10.9.8.0/24 -j ACCEPT'],
  ['-A a -p tcp -m tcp --dport 22 -j DROP', '-A b -p tcp -m tcp --dport 1:1023 -j DROP'],
  ['-A a ! -s 10.0.0.1 -p udp -m udp ! --sport 1 -j b', '-A b ! -s 10.0.0.2/8 -p udp -m udp ! --sport http -j c'],
  ['-A a -m comment --comment "x y" -j RETURN', '-A a -m comment --comment z -j RETURN'],
  ['-A a -m comment --comment x -g b', '-A a -m comment --comment "-j !" -g long-name'],
  [
    '-A a -m conntrack --ctstate NEW -j MARK --set-xmark 0x1/0x1',
    '-A a -m conntrack --ctstate RELATED,ESTABLISHED -j MARK --set-xmark 0x2/0xff',
  ],
  ['-A a -j LOG --log-prefix "a: " --log-level 4', '-A a -j LOG --log-prefix b --log-level 7'],
  ['-A a -p tcp -m tcp --tcp-flags SYN SYN --dport 1', '-A a -p tcp -m tcp --tcp-flags SYN SYN --dport 2'],
  ['-A a -m limit --limit 1/sec --limit-burst 5', '-A a -m limit --limit 3/min --limit-burst 1'],
])('%s and %s', (first, line) => {
  expect(readBy(first, line)).toEqual(made(line))
  expect(readBy(line, first)).toEqual(made(first))
})

test.each([
  ...['10', '10.1', '0/0', '/0', 'foo/0', '010.0.0.1', '10.0.0.1/255.0.255.0', '10.0.0.1/0x10', '1.2.3.4/33'],
  ...['+1.2.3.4', '0x0a000001', '1.2.3.4/', '300', '::1', '1.2.3.4/0', 'a.b/0', '256.1.1.1/0', '10/256'],
])('the address %s is parsed as without a template, or not at all', (address) => {
  const line = `-A a -s ${address} -j ACCEPT`
  const read = readBy('-A a -s 10.0.0.1/32 -j ACCEPT', line)
  if (read !== undefined) expect(read).toEqual(made(line))
})

test.each(['0/0', '::/0', '::1/ffff::', '::1,::2', '::1%lo', '::1/129', '::ffff:1.2.3.4', '1.2.3.4', '/0', ':::1/0'])(
  'the IPv6 address %s, likewise',
  (address) => {
    const line = `-A a -s ${address} -j ACCEPT`
    const read = readBy('-A a -s 2001:db8::1/128 -j ACCEPT', line, context6)
    if (read !== undefined) expect(read).toEqual(made(line, context6))
  },
)

test('IPv6', () => {
  const [first, line] = ['-A a -s 2001:db8::1/128 -j ACCEPT', '-A a -s fe80::/10 -j ACCEPT']
  expect(readBy(first, line, context6)).toEqual(made(line, context6))
})

test.each<readonly [string, string]>([
  ['-A a -s 10.0.0.1/32 -j ACCEPT', '-A a -s 10.0.0.1,10.0.0.2 -j ACCEPT'],
  ['-A a -s 10.0.0.1/32 -j ACCEPT', '-A a -s localhost -j ACCEPT'],
  ['-A a -s 10.0.0.1/32 -j ACCEPT', '-A a -s 10.0.0.300 -j ACCEPT'],
  ['-A a -s 10.0.0.1/32 -j ACCEPT', '-A a -s 10.0.0.1/32 -j ACCEPT -j DROP'],
  ['-A a -s 10.0.0.1/32 -j ACCEPT', '-A a -s 10.0.0.1/32  -j ACCEPT'],
  ['-A a -s 10.0.0.1/32 -j ACCEPT', '-A a -s 10.0.0.1/32 -j ACCEP'],
  ['-A a -m comment --comment a -j RETURN', '-A a -m comment --comment "a\\"b" -j RETURN'],
  ['-A a -m comment --comment a -j RETURN', '-A a -m comment --comment ! -j RETURN'],
  ['-A a -m comment --comment a -j RETURN', '-A a -m comment --comment -j -j RETURN'],
  ['-A a -m comment --comment a -j b', '-A a -m comment --comment a -j DROP'],
  ['-A a -m comment --comment a -j b', '-A a -m comment --comment a -j LOG'],
  ...['""', '" "', '"-x"', '"!x"', 'x'.repeat(29), 'é'.repeat(15), '\ud800'].flatMap((name): [string, string][] => [
    ['-A a -j b', `-A a -j ${name}`],
    ['-A a -s 10.0.0.1/32 -g b', `-A a -s 10.0.0.1/32 -g ${name}`],
  ]),
  ['-A a -p tcp -m tcp --dport 22', '-A a -p tcp -m tcp --dport 65536'],
])('%s has no template that applies to %s', (first, line) => {
  expect(readBy(first, first)).toEqual(made(first))
  expect(readBy(first, line)).toBeUndefined()
})

test.each(['-A a -i eth0 -p 6 --dport 1', '-I a -s 10.0.0.1', '-A a -c 1 2 -j ACCEPT', "-A a -s '10.0.0.1'"])(
  '%s has no template',
  (line) => {
    const templates = new LineTemplates(context)
    try {
      templates.learn(line, made(line))
    } catch {
      // The line is not a valid rule.
    }
    expect(templates.read(line)).toBeUndefined()
  },
)

/** Every value of every case, parsed with the template of a line of the same shape, if there is one that applies. */
test.each(
  fixtures().map((fixture) => [`${fixture.capture.family} ${fixture.capture.table} ${fixture.name}`, fixture] as const),
)('%s', (_, fixture) => {
  const place = contextOf(fixture)
  const templates = new LineTemplates(place)
  for (const line of fixture.listing.filter((one) => one.startsWith('-A '))) {
    const expected = attempt(() => made(line, place as typeof context))
    const read = templates.read(line)
    if (read !== undefined) expect(read).toEqual(expected)
    if (expected !== undefined) templates.learn(line, expected)
  }
})

function attempt<T>(body: () => T): T | undefined {
  try {
    return body()
  } catch {
    return undefined
  }
}
