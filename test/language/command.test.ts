import { FAMILIES, IPV4, IPV6 } from '../../src/abi/family'
import { XtablesError } from '../../src/errors'
import { parseCommand } from '../../src/language/command'
import { UsageError } from '../../src/language/options'
import { parseRule, parseRules } from '../../src/language/parse'
import { printRule } from '../../src/language/print'
import { splitWords } from '../../src/language/quoting'

const command = (line: string, family = IPV4) => parseCommand(splitWords(line), family)

describe('commands', () => {
  test.each([
    ['-A INPUT -j DROP', { kind: 'append', chain: 'INPUT' }],
    ['--append INPUT', { kind: 'append', chain: 'INPUT' }],
    ['-D INPUT 3', { kind: 'delete-number', chain: 'INPUT', number: 3 }],
    ['-D INPUT -p tcp', { kind: 'delete', chain: 'INPUT' }],
    ['-C INPUT -p tcp', { kind: 'check', chain: 'INPUT' }],
    ['-I INPUT', { kind: 'insert', chain: 'INPUT', number: 1 }],
    ['-I INPUT 0x2 -p tcp', { kind: 'insert', chain: 'INPUT', number: 2 }],
    ['-R INPUT 2 -p tcp', { kind: 'replace', chain: 'INPUT', number: 2 }],
    ['-L', { kind: 'list', chain: undefined, number: undefined, zero: false }],
    [
      '-nvxL INPUT 2 -Z',
      { kind: 'list', chain: 'INPUT', number: 2, zero: true, numeric: true, verbose: 1, exact: true },
    ],
    ['-Z -S', { kind: 'list-rules', chain: undefined, zero: true }],
    ['-LINPUT --line', { kind: 'list', chain: 'INPUT', lineNumbers: true }],
    ['--list=INPUT', { kind: 'list', chain: 'INPUT' }],
    ['-F', { kind: 'flush', chain: undefined }],
    ['-Z INPUT 1', { kind: 'zero', chain: 'INPUT', number: 1 }],
    ['-N x', { kind: 'new-chain', chain: 'x' }],
    ['-X', { kind: 'delete-chain', chain: undefined }],
    ['-E x y', { kind: 'rename-chain', chain: 'x', newName: 'y' }],
    ['-P INPUT DROP -c 5,6', { kind: 'policy', chain: 'INPUT', policy: 'DROP', counters: [5n, 6n] }],
    ['-A INPUT nonsense -V', undefined],
    ['-V nonsense', { kind: 'version' }],
    [
      '-m tcp -j LOG -h',
      {
        kind: 'help',
        extensions: [
          { kind: 'match', name: 'tcp' },
          { kind: 'target', name: 'LOG' },
        ],
      },
    ],
    ['-p udp -h', { kind: 'help', extensions: [{ kind: 'match', name: 'udp' }] }],
    ['-p udp -m udp -h', { kind: 'help', extensions: [{ kind: 'match', name: 'udp' }] }],
    ['-p 200 -h', { kind: 'help', extensions: [] }],
    ['-S', { table: undefined, wait: undefined, family: undefined, verbose: 0 }],
    ['-tnat -w5 -4 -vv --modprobe=/x -S', { table: 'nat', wait: 5, family: 'ipv4', verbose: 2, modprobe: '/x' }],
    ['-A INPUT -6 nonsense', { kind: 'nothing', family: 'ipv6' }],
    ['-w -S', { wait: true }],
    ['-w 0 -S', { wait: true }],
  ])('%s', (line, expected) => {
    if (expected === undefined) expect(() => command(line)).toThrow(UsageError)
    else expect(command(line)).toMatchObject(expected)
  })

  test('the rule may precede its command', () => {
    expect(command('-p tcp --dport 80 -A INPUT -j ACCEPT')).toEqual(command('-A INPUT -p tcp --dport 80 -j ACCEPT'))
  })

  test('lists of addresses create a rule for every combination', () => {
    const rules = parseRules(splitWords('-s 1.1.1.1,2.2.2.2 -d 3.3.3.3,4.4.4.4'), IPV4)
    expect(rules.map((rule) => printRule(rule, 'ipv4'))).toEqual([
      '-s 1.1.1.1 -d 3.3.3.3',
      '-s 1.1.1.1 -d 4.4.4.4',
      '-s 2.2.2.2 -d 3.3.3.3',
      '-s 2.2.2.2 -d 4.4.4.4',
    ])
  })

  test('warnings of iptables are kept for programs', () => {
    expect(() => command('-A INPUT -p nope')).toThrow(
      expect.objectContaining({
        text: 'unknown protocol "nope" specified',
        message: 'unknown protocol "nope" specified; accepted: a protocol name or a number from 0 to 255',
        parameter: 'protocol',
        value: 'nope',
      }),
    )
  })
})

describe('options', () => {
  const words = (line: string, family = IPV4) => printRule(parseRule(line, family), family.name)

  test.each([
    ['--proto tcp --dpo 80 --j ACCEPT', '-p tcp -m tcp --dport 80 -j ACCEPT'],
    ['-p tcp --dport=80 -jACCEPT', '-p tcp -m tcp --dport 80 -j ACCEPT'],
    ['-ptcp -ieth0 -s1.2.3.4', '-p tcp -i eth0 -s 1.2.3.4'],
    ['-p tcp -m comment --comment x --dport 80', '-p tcp -m comment --comment x -m tcp --dport 80'],
    ['-p tcp -m tcp -m tcp --dpo 80', '-p tcp -m tcp -m tcp --dport 80'],
    ['-p tcp --des 1.2.3.4', '-p tcp -d 1.2.3.4'],
    ['-p 6 ! --syn', '-p 6 -m tcp ! --syn'],
    ['-p tcp --tcp-f SYN,ACK SYN', '-p tcp -m tcp --tcp-flags SYN,ACK SYN'],
    ['-j DROP --', '-j DROP'],
  ])('%s', (line, expected) => {
    // Parsing keeps the order of the options of the head. Only encoding sorts them.
    expect(words(line).split(' ').sort()).toEqual(expected.split(' ').sort())
  })

  test.each([
    '-p tcp -m tcp --des 80',
    '-p tcp --s 80',
    '--dport 80',
    '-p tcp --syn=1',
    '-A INPUT',
    '-n',
    '--li',
    '-p tcp -- x',
  ])('%s is not understood', (line) => {
    expect(() => parseRule(line, IPV4)).toThrow(XtablesError)
  })

  test('only IPv4 has fragments', () => {
    expect(() => parseRule('--fragments', IPV6)).toThrow('unknown option "--fragments"')
    expect(() => parseRule('-f', IPV6)).toThrow('-m frag')
  })

  test('a single rule is required', () => {
    expect(() => parseRule('-s 1.1.1.1,2.2.2.2', IPV4)).toThrow('make 2 rules')
    expect(parseRules(['-s', '1.1.1.1,2.2.2.2'], IPV4)).toHaveLength(2)
  })

  test.each(Object.values(FAMILIES))('no words cause any other error than ours: $name', (family) => {
    const pieces = [
      '!',
      '--',
      '-',
      '-p',
      'tcp',
      '--dport',
      '-m',
      'comment',
      '-s',
      '::',
      '1.1.1.1/',
      ',',
      '-j',
      '',
      '-c',
      '1',
      '-ZL',
      '--x=y',
      '-vN',
    ]
    for (let seed = 1; seed < 3000; seed++) {
      const line = Array.from(
        { length: 1 + (seed % 6) },
        (_, i) => pieces[(seed * (i + 3) * 7919 + i * i) % pieces.length] as string,
      )
      try {
        parseCommand(line, family)
      } catch (error) {
        expect(error).toBeInstanceOf(XtablesError)
      }
    }
  })
})
