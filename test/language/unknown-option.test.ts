/** An option that no part of a rule has: the message says what to put before it, or what may have been meant. */
import { Rule, Rule6 } from '../../src/index'

test.each([
  ['of matches that are not named yet', '--mark 1', 'unknown option "--mark"; put -m connmark or -m mark before it'],
  ['of a match beside another', '-p udp --syn', 'unknown option "--syn"; put -m tcp before it'],
  ['of a target', '--to-ports=80', 'unknown option "--to-ports=80"; put -j MASQUERADE or -j REDIRECT before it'],
  ['misspelt, of a match', '-m tcp --dprot 22', 'unknown option "--dprot"; similar names: --dport'],
  ['misspelt, of the match of the protocol', '-p 6 --dprot 22', 'unknown option "--dprot"; similar names: --dport'],
  ['of the match of another name', '-m conntrack --state NEW', 'unknown option "--state"; put -m state before it'],
  ['with a value that it does not take', '-m tcp --syn=1', 'unknown option "--syn=1"; it takes no value'],
  ['of nothing', '--nonsense', 'unknown option "--nonsense"'],
  ['of one letter', '-z', 'unknown option "-z"'],
])('one %s', (_, line, message) => {
  expect(() => Rule.parse(line)).toThrow(expect.objectContaining({ message, code: 'XT_UNKNOWN_PARAMETER' }))
})

test('only what the family has is proposed', () => {
  expect(() => Rule.parse('--ttl-eq 1')).toThrow('put -m ttl before it')
  expect(() => Rule6.parse('--ttl-eq 1')).toThrow(/unknown option "--ttl-eq"$/)
})
