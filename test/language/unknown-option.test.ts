/** An option that no part of a rule has: the message says which extensions have it, or which similar options there are. */
import { Rule, Rule6 } from '../../src/index'

test.each([
  [
    'of matches that are not named yet',
    '--mark 1',
    'unknown option "--mark"; it is an option of -m connmark or -m mark',
  ],
  ['of a match beside another', '-p udp --syn', 'unknown option "--syn"; it is an option of -p tcp'],
  [
    'of the match of a protocol',
    '--dport 22',
    'unknown option "--dport"; it is an option of -p dccp, -p sctp, -p tcp or -p udp',
  ],
  [
    'of another target',
    '-j DROP --reject-with tcp-reset',
    'unknown option "--reject-with"; it is an option of -j REJECT',
  ],
  ['of a target', '--to-ports=80', 'unknown option "--to-ports=80"; it is an option of -j MASQUERADE or -j REDIRECT'],
  ['misspelt, of a match', '-m tcp --dprot 22', 'unknown option "--dprot"; similar names: --dport'],
  ['misspelt, of the match of the protocol', '-p 6 --dprot 22', 'unknown option "--dprot"; similar names: --dport'],
  ['of the match of another name', '-m conntrack --state NEW', 'unknown option "--state"; it is an option of -m state'],
  ['with a value that it does not take', '-m tcp --syn=1', 'unknown option "--syn=1"; it takes no value'],
  ['misspelt, of the rule', '--protocl tcp', 'unknown option "--protocl"; similar names: --protocol'],
  [
    'misspelt, of the rule and of a match',
    '-m policy --protoo esp',
    'unknown option "--protoo"; similar names: --proto, --proto2, --proto3, --proto4',
  ],
  ['too short to be similar', '--dpo 22', 'unknown option "--dpo"; accepted: options of a rule'],
  ['of nothing', '--nonsense', 'unknown option "--nonsense"; accepted: options of a rule'],
  ['of one letter', '-z', 'unknown option "-z"; accepted: options of a rule'],
  ['of one letter, beside a match', '-p tcp -m tcp -z', 'unknown option "-z"; accepted: options of a rule and of tcp'],
])('one %s', (_, line, message) => {
  expect(() => Rule.parse(line)).toThrow(
    expect.objectContaining({
      message,
      code: 'XT_UNKNOWN_PARAMETER',
      expected: expect.stringMatching(/^options of a rule/),
    }),
  )
})

test('only what the family has is proposed', () => {
  expect(() => Rule.parse('--ttl-eq 1')).toThrow('it is an option of -m ttl')
  expect(() => Rule6.parse('--ttl-eq 1')).toThrow('unknown option "--ttl-eq"; accepted: options of a rule')
  expect(() => Rule6.parse('--fragmnts')).toThrow('unknown option "--fragmnts"; accepted: options of a rule')
})
