/** Rules, matches and targets as objects, and the behaviour of tables and chains that does not depend on the kernel. */
import { inspect } from 'node:util'
import {
  Chain,
  IptcError,
  isTable6Available,
  isTableAvailable,
  Match,
  MemoryKernel,
  NotFoundError,
  Policy,
  Rule,
  Rule6,
  RuleError,
  Table,
  Table6,
  Target,
  UnsupportedError,
  XtablesError,
} from '../../src/index'
import { onBackends } from '../support/backends'
import { caught } from '../support/caught'

const newTable = (): Table => new Table('filter', { kernel: new MemoryKernel() })

describe('a match', () => {
  const tcp = (line = '-p tcp --dport 80 --sport 1024:2048'): Match<'tcp'> =>
    Rule.parse(line).matches[0] as Match<'tcp'>

  test('says what is wrong with a list', () => {
    const match = new Rule().createMatch('state')
    match.state = 'NEW'
    const error = caught(() => {
      match.state = 'RELATED,ESTABLISHED,FOOBAR'
    })
    expect(error).toBeInstanceOf(XtablesError)
    expect(error).toMatchObject({ extension: 'state', parameter: 'state', value: 'RELATED,ESTABLISHED,FOOBAR' })
    expect((error as XtablesError).message).toMatch(/state.*FOOBAR/)
    expect((error as XtablesError).expected).toMatch(/RELATED/)
    expect(match.state).toBe('NEW')
  })

  test('returns canonical strings, whatever was written', () => {
    const match = new Rule().createMatch('tcp')
    match.dport = 'https'
    match.sport = '1024:'
    expect([match.dport, match.sport]).toEqual(['443', '1024:65535'])
    match.destinationPort = 22
    expect(match.dport).toBe('22')
    match.syn = true
    expect(match.tcpFlags).toBe('FIN,SYN,RST,ACK SYN')
    match.tcpFlags = ['SYN,ACK', 'SYN']
    expect([match.tcpFlags, match.syn]).toEqual(['SYN,ACK SYN', undefined])
  })

  test('returns all its parameters, as properties and with their iptables names', () => {
    const match = tcp('-p tcp ! --dport 80 --syn')
    expect(match.parameters).toEqual({ dport: '!80', tcpFlags: 'FIN,SYN,RST,ACK SYN' })
    expect(match.getAllParameters()).toEqual({ dport: ['!', '80'], 'tcp-flags': ['FIN,SYN,RST,ACK', 'SYN'] })
    expect([match.name, match.revision, match.isOpaque, String(match)]).toEqual(['tcp', 0, false, 'tcp'])
  })

  test('removes a parameter that is set to undefined', () => {
    const match = tcp()
    match.dport = undefined
    expect(match.parameters).toEqual({ sport: '1024:2048' })
    match.setParameter('sport', null)
    expect(match.parameters).toEqual({})
    match.sport = undefined
    expect(match.parameters).toEqual({})
  })

  test('loses all parameters in a reset; then required ones are missing again', () => {
    const match = tcp()
    match.reset()
    expect([match.parameters, match.dport]).toEqual([{}, undefined])
  })

  test.each<[string, (match: Match) => void]>([
    ['reset', (match) => match.reset()],
    ['set to undefined', (match) => match.setParameter('mark', undefined)],
  ])('that was read and is %s lacks a required parameter: it must not match everything', (_, act) => {
    const input = new Chain(newTable(), 'INPUT')
    input.appendRule(Rule.parse('-m mark --mark 1 -j ACCEPT'))
    const [rule] = input.rules as [Rule]
    act(rule.matches[0] as Match)
    expect(rule.matches[0]?.parameters).toEqual({})
    for (const use of [() => String(rule), () => input.replaceRule(rule, 0)]) expect(use).toThrow(/mark.*required/)
    expect(input.rules.map(String)).toEqual(['-m mark --mark 0x1 -j ACCEPT'])
  })

  test('equals another with the same parameters', () => {
    expect(tcp().equals(tcp('-p tcp --sport 1024:2048 --dport 80'))).toBe(true)
    expect(tcp().equals(tcp('-p tcp --sport 1024:2048 ! --dport 80'))).toBe(false)
    expect(tcp().equals(Rule.parse('-p udp --dport 80 --sport 1024:2048').matches[0] as Match)).toBe(false)
    expect(tcp('-p tcp --syn').equals(tcp('-p tcp --tcp-flags FIN,SYN,RST,ACK SYN'))).toBe(true)
    expect(tcp('-p tcp --dport 80').equals(Rule6.parse('-p tcp --dport 80').matches[0] as Match)).toBe(true)
  })

  test('that is unknown stays as it is', () => {
    const line = '-m nothing --revision 7 --payload 0x0102030405060708'
    const [match] = Rule.parse(line).matches as [Match]
    expect([match.name, match.revision, match.isOpaque, match.parameters]).toEqual(['nothing', 7, true, {}])
    expect(match.equals(Rule.parse(line).matches[0] as Match)).toBe(true)
    expect(match.equals(Rule.parse(line.replace('08', '09')).matches[0] as Match)).toBe(false)
    expect(() => match.setParameter('x', 1)).toThrow(XtablesError)
    expect(() => match.reset()).toThrow(XtablesError)
    expect(String(Rule.parse(line))).toBe(line)
  })

  test.each(['', 'x'.repeat(32), 'é'.repeat(16), 'a\0b'])('%j is not a valid name of an ipset', (name) => {
    const match = new Rule().createMatch('set')
    expect(() => {
      match.matchSet = [name, 'src']
    }).toThrow(XtablesError)
    expect(match.matchSet).toBeUndefined()
  })

  test.each([
    ['of no such name', () => new Match(new Rule(), 'no-such-match'), 'no-such-match'],
    ['of the other family', () => new Match(new Rule(), 'icmp6'), 'icmp6'],
    ['of the other family, again', () => new Rule6().createMatch('icmp'), 'icmp'],
    ['that is a target', () => new Rule().createMatch('MARK'), 'MARK'],
    ['that is part of every object', () => new Rule().createMatch('constructor'), 'constructor'],
  ])('%s is refused', (_, make, extension) => {
    const error = caught(make)
    expect(error).toBeInstanceOf(XtablesError)
    expect(error).toMatchObject({ extension, message: expect.stringContaining(extension) })
  })
})

describe('misspelt at run time', () => {
  const table = newTable()
  test.each<[string, object, string]>([
    ['a parameter of a match', new Rule().createMatch('tcp'), 'dprot'],
    ['a parameter of a target', new Rule().createTarget('MASQUERADE'), 'toPort'],
    ['a parameter of a verdict', new Rule().createTarget('ACCEPT'), 'toPorts'],
    ['a property of a rule', new Rule(), 'sorce'],
    ['a property of a rule of IPv6', new Rule6(), 'protcol'],
    ['a property of a table', table, 'autocomit'],
    ['a property of a chain', new Chain(table, 'INPUT'), 'policy'],
  ])('%s', (_, object, property) => {
    const error = caught(() => Object.assign(object, { [property]: '1' }))
    expect(error).toBeInstanceOf(XtablesError)
    expect(error).toMatchObject({ parameter: property, message: expect.stringContaining(property) })
    expect(Object.hasOwn(object, property)).toBe(false)
  })

  test.each<[string, object, unknown]>([
    ['made', new Rule().createMatch('pkttype'), Match],
    ['read', Rule.parse('-m addrtype --dst-type LOCAL').matches[0] as object, Match],
  ])('the class of a match that was %s', (_, match, made) => {
    expect(caught(() => Object.assign(match, { constructor: Rule }))).toBeInstanceOf(XtablesError)
    expect(match.constructor).toBe(made)
  })

  test('an option of a table or target', () => {
    const options = { kernel: new MemoryKernel(), autocomit: false }
    expect(() => new Table('filter', options)).toThrow('autocomit')
    expect(() => new Table6('filter', { namespce: 'blue' } as object)).toThrow('namespce')
    expect(() => new Rule().createTarget('own', { gotoo: true } as object)).toThrow('gotoo')
  })
})

describe('a target', () => {
  test('is a verdict, an extension or a chain', () => {
    const rule = new Rule()
    expect(rule.target).toBeUndefined()
    const seen = ['DROP', 'LOG', 'own'].map((name) => {
      const target = rule.createTarget(name)
      expect(rule.target).toBe(target)
      return [target.name, target.chain, target.goto, String(rule)]
    })
    expect(seen).toEqual([
      ['DROP', undefined, false, '-j DROP'],
      ['LOG', undefined, false, '-j LOG'],
      ['own', 'own', false, '-j own'],
    ])
  })

  test('jumps to the chain that is passed, whatever its name is', () => {
    const kernel = new MemoryKernel()
    const table = new Table('filter', { kernel })
    const rule = new Rule()
    expect(rule.createTarget(table.createChain('web'))).toMatchObject({ name: 'web', chain: 'web', goto: false })
    rule.target = new Target(rule, new Chain(table, 'web'), { goto: true })
    expect(String(rule)).toBe('-g web')
    expect(new Rule().createTarget(new Chain(table, 'LOG'))).toMatchObject({ chain: 'LOG', parameters: {} })
    expect(() => new Rule6().createTarget(new Chain(table, 'web'))).toThrow(
      new IptcError(
        'XT_WRONG_HANDLE',
        'web is a chain of ipv4, and the rule one of ipv6; for the chain of that name in ipv6, pass the name',
      ),
    )
    expect(() => new Rule().createTarget(7 as never)).toThrow('the name of a target must be a string or a Chain, not 7')
  })

  test('can be a chain for goto, even with the name of an extension', () => {
    const rule = new Rule()
    expect(rule.createTarget('own', { goto: true })).toMatchObject({ chain: 'own', goto: true })
    expect(String(rule)).toBe('-g own')
    rule.createTarget('LOG', { goto: true })
    expect(String(rule)).toBe('-g LOG')
    expect(() => rule.createTarget('ACCEPT', { goto: true })).toThrow(XtablesError)
    rule.createTarget('own')
    expect(String(rule)).toBe('-j own')
  })

  test('can be removed', () => {
    const rule = Rule.parse('-s 10.0.0.1 -g own')
    rule.target = undefined
    expect(String(rule)).toBe('-s 10.0.0.1/32')
    expect(rule.equals(Rule.parse('-s 10.0.0.1'))).toBe(true)
  })

  test('keeps a value when a spelling that cannot express it is removed', () => {
    const target = new Rule().createTarget('MARK')
    target.setXmark = '0x1/0x0'
    expect(target.setMark).toBeUndefined()
    target.setMark = undefined
    expect(target.parameters).toEqual({ setXmark: '0x1/0x0' })
    target.xorMark = undefined
    expect(target.parameters).toEqual({})
  })

  test('equals another that goes to the same chain', () => {
    const of = (line: string) => Rule.parse(line).target as Target
    expect(of('-j own').equals(of('-j own'))).toBe(true)
    expect(of('-j own').equals(of('-g own'))).toBe(false)
    expect(of('-j ACCEPT').equals(of('-j DROP'))).toBe(false)
    expect(of('-j MARK --set-mark 1').equals(of('-j MARK --set-xmark 0x1/0xffffffff'))).toBe(true)
    expect(of('-j LOG').equals(Rule.parse('-p tcp --dport 1').matches[0] as never)).toBe(false)
  })

  test('without parameters has none to set', () => {
    const target = new Rule().createTarget('DROP')
    expect([target.parameters, target.getAllParameters(), target.revision]).toEqual([{}, {}, 0])
    expect(() => target.setParameter('x', 1)).toThrow(XtablesError)
    expect(() => target.reset()).toThrow(XtablesError)
  })

  test.each(['', '-x', '!x', 'a b', 'x'.repeat(29), 'é'.repeat(15), 'a\0b'])(
    '%j is not a valid name of a chain',
    (name) => {
      expect(() => new Target(new Rule(), name)).toThrow(XtablesError)
      expect(() => newTable().createChain(name)).toThrow(XtablesError)
    },
  )
})

onBackends(() => {
  describe('a rule', () => {
    test('equals one with the same contents, whatever the counters', () => {
      const line = '-s 10.0.0.1/32 -i eth0 -p tcp -m tcp --dport 22 -m comment --comment x -j ACCEPT'
      const rule = new Rule()
      rule.protocol = 'tcp'
      rule.createMatch('tcp').dport = 22
      rule.createMatch('comment').comment = 'x'
      rule.src = '10.0.0.1'
      rule.inInterface = 'eth0'
      rule.createTarget('ACCEPT')
      rule.counters = [5, 300n]
      expect([String(rule), rule.equals(Rule.parse(line)), rule.getCounters()]).toEqual([line, true, [5n, 300n]])
      expect(rule.equals(Rule.parse(line.replace('22', '23')))).toBe(false)
      const swapped = '-s 10.0.0.1 -i eth0 -p tcp -m comment --comment x -m tcp --dport 22 -j ACCEPT'
      expect(rule.equals(Rule.parse(swapped))).toBe(false)
      expect(Rule.parse('-j ACCEPT').equals(Rule6.parse('-j ACCEPT'))).toBe(false)
      expect(Rule.parse('-m set --match-set a src').equals(Rule.parse('-m set --match-set a src'))).toBe(true)
      expect(Rule.parse('-m set --match-set a src').equals(Rule.parse('-m set --match-set b src'))).toBe(false)
    })

    test('removes matches: the given one, or the first equal one', () => {
      const rule = new Rule()
      const [first, second] = [rule.createMatch('mark'), rule.createMatch('mark')]
      first.mark = 1
      second.mark = 1
      rule.removeMatch(second)
      expect(rule.matches).toEqual([first])
      rule.removeMatch(Rule.parse('-m mark --mark 0x1').matches[0] as Match)
      expect(rule.matches).toEqual([])
      expect(() => rule.removeMatch(first)).toThrow(XtablesError)
    })

    test('only has parts that were created for it', () => {
      const [rule, other] = [new Rule(), new Rule()]
      const match = new Match(rule, 'tcp')
      expect(rule.matches).toEqual([])
      expect(() => other.addMatch(match)).toThrow('another rule')
      expect(() => {
        other.target = new Target(rule, 'DROP')
      }).toThrow('another rule')
      for (const wrong of ['ACCEPT', match, {}]) {
        const error = caught(() => Object.assign(rule, { target: wrong }))
        expect(error).toMatchObject({ extension: 'rule', parameter: 'target' })
      }
      expect(() => rule.addMatch('tcp' as never)).toThrow(XtablesError)
      expect(String(rule)).toBe('')
    })

    /** Property, a valid value as it is read back, invalid values. */
    const head: readonly [keyof Rule & string, unknown, readonly unknown[]][] = [
      ['src', '10.0.0.0/8', ['', '!', '10.0.0.256', '10.0.0.0/33', 'no such host', '::1', {}, true, ['a', 'b'], 1.5]],
      ['dst', '!10.0.0.0/8', ['', '!', '10.0.0.256', '10.0.0.0/33', '::1', {}, true]],
      ['protocol', 'tcp', ['', '!', 'no-such', 256, -1, 1.5, {}, true, '1 2']],
      ['inInterface', 'eth+', ['', '!', 'x'.repeat(16), 'a b', 'a/b', 'a\0', {}, true]],
      ['outInterface', '!eth0', ['', '!', 'x'.repeat(16), 'a b', {}, true]],
      ['fragment', '!', ['yes', 1, {}, '! x']],
    ]
    test.each(head)('%s', (property, value, wrong) => {
      const rule = new Rule()
      const initial = rule[property]
      Object.assign(rule, { [property]: value })
      expect(rule[property]).toBe(value)
      for (const one of wrong) {
        const error = caught(() => Object.assign(rule, { [property]: one }))
        expect(error).toBeInstanceOf(XtablesError)
        expect(error).toMatchObject({ extension: 'rule', value: expect.anything() })
        expect(rule[property]).toBe(value)
      }
      Object.assign(rule, { [property]: undefined })
      expect(rule[property]).toBe(initial)
      expect(rule.equals(new Rule())).toBe(true)
    })

    test.each([[[-1, 0]], [[1.5, 0]], [[0, 2n ** 64n]], [[2 ** 53, 0]], [['1', '2']], [[1]], [[1, 2, 3]], [5], ['12']])(
      'counters cannot be %p',
      (counters) => {
        const rule = new Rule()
        const error = caught(() => Object.assign(rule, { counters }))
        expect(error).toMatchObject({ name: 'XtablesError', parameter: 'counters', value: counters })
        expect(rule.counters).toEqual([0n, 0n])
        const table = newTable()
        expect(() => table.setPolicy('INPUT', 'DROP', counters as never)).toThrow(XtablesError)
        expect([table.getPolicy('INPUT').name, new Chain(table, 'INPUT').getCounters()]).toEqual(['ACCEPT', [0n, 0n]])
      },
    )

    test('for IPv6 has no fragments', () => {
      const rule = new Rule6()
      expect(rule.fragment).toBe(false)
      rule.fragment = false
      expect(() => {
        rule.fragment = true
      }).toThrow(XtablesError)
    })

    test.each([
      '-p tcp --dprot 22',
      '--dport 22',
      '-j',
      '-s',
      'ACCEPT',
      '-j ACCEPT -j DROP',
      '-p tcp -m tcp --dport 22 --dport 23',
      '! -j ACCEPT',
      '-m nothing',
      '-m comment --comment "open',
    ])('cannot be parsed from %j', (line) => {
      expect(() => Rule.parse(line)).toThrow(XtablesError)
    })

    test('can only be added to tables of its family', () => {
      expect(() => new Chain(newTable(), 'INPUT').appendRule(new Rule6())).toThrow(XtablesError)
    })
  })

  describe('a table', () => {
    test('accepts a chain object wherever it accepts the name of a chain', () => {
      const kernel = new MemoryKernel()
      const [table, other] = [new Table('filter', { kernel }), new Table('filter', { kernel })]
      const [input, web] = [new Chain(other, 'INPUT'), new Chain(other, 'web')]
      expect([table.isChain(web), table.isChain(input), table.builtinChain(input)]).toEqual([false, true, true])
      const made = table.createChain(web)
      expect([made.name, made.table === table, table.isChain(web), table.builtinChain(web)]).toEqual([
        'web',
        true,
        true,
        false,
      ])
      made.appendRule(Rule.parse('-j DROP -c 1 2'))
      table.setPolicy(input, 'DROP', [3, 4])
      expect([table.getPolicy(input), input.getCounters()]).toEqual([Policy.DROP, [3n, 4n]])
      table.zeroEntries(input)
      expect(new Chain(table, 'INPUT').getCounters()).toEqual([0n, 0n])
      table.flushEntries(web)
      expect(made.rules).toEqual([])
      table.renameChain(web, new Chain(other, 'www'))
      const www = new Chain(table, new Chain(other, 'www'))
      expect([www.name, www.table === table]).toEqual(['www', true])
      www.rename(web)
      expect([www.name, table.isChain(web)]).toEqual(['web', true])
      table.deleteChain(web)
      expect(table.chains.map(String)).toEqual(['INPUT', 'FORWARD', 'OUTPUT'])
    })

    test('only accepts chains of its own', () => {
      const kernel = new MemoryKernel()
      const [table, nat] = [new Table('filter', { kernel }), new Table('nat', { kernel })]
      const web = table.createChain('web')
      const wrong = /^www is a chain of table nat of ipv4, not of table filter of ipv4; /
      expect(() => new Chain(table, new Chain(nat, 'www'))).toThrow(wrong)
      expect(() => web.rename(new Chain(nat, 'www'))).toThrow(wrong)
      expect(() => web.rename(7 as never)).toThrow('the new name must be a Chain or its name, not 7')
      expect(() => new Chain(table, 7 as never)).toThrow('a chain must be a Chain or its name, not 7')
      expect(web.name).toBe('web')
    })

    test.each<[string, (table: Table, chain: Chain) => unknown]>([
      ['isChain', (table, chain) => table.isChain(chain)],
      ['builtinChain', (table, chain) => table.builtinChain(chain)],
      ['createChain', (table, chain) => table.createChain(chain)],
      ['deleteChain', (table, chain) => table.deleteChain(chain)],
      ['renameChain', (table, chain) => table.renameChain(chain, 'new')],
      ['flushEntries', (table, chain) => table.flushEntries(chain)],
      ['zeroEntries', (table, chain) => table.zeroEntries(chain)],
      ['getPolicy', (table, chain) => table.getPolicy(chain)],
      ['setPolicy', (table, chain) => table.setPolicy(chain, 'DROP')],
    ])('%s accepts no chain of another table or family', (_, act) => {
      const kernel = new MemoryKernel()
      const table = new Table('mangle', { kernel })
      table.createChain('web')
      const [nat, mangle6] = [new Table('nat', { kernel }), new Table6('mangle', { kernel })]
      for (const name of ['web', 'new', 'OUTPUT']) {
        expect(() => act(table, new Chain(nat, name))).toThrow(
          new IptcError(
            'XT_WRONG_HANDLE',
            `${name} is a chain of table nat of ipv4, not of table mangle of ipv4; for the chain of that name in this table, pass the name`,
          ),
        )
        expect(() => act(table, new Chain(mangle6, name))).toThrow(
          /a chain of table mangle of ipv6, not of table mangle of ipv4/,
        )
      }
      expect(table.chains.map(String)).toEqual([...['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'], 'web'])
      expect(table.getPolicy('OUTPUT')).toBe(Policy.ACCEPT)
    })

    test('is available or not', () => {
      const kernel = new MemoryKernel()
      for (const name of Table.ALL)
        expect([isTableAvailable(name, { kernel }), isTable6Available(name, { kernel })]).toEqual([true, true])
      expect([isTableAvailable('nosuch', { kernel }), isTable6Available('nosuch', { kernel })]).toEqual([false, false])
      expect(() => isTableAvailable('filter', { kernel, namespace: 'blue' })).toThrow(IptcError)
    })

    test('returns copies of its rules: changing them has no effect', () => {
      const table = newTable()
      const input = new Chain(table, 'INPUT')
      input.appendRule(Rule.parse('-p tcp --dport 22 -j ACCEPT'))
      const [stored] = input.rules as [Rule]
      stored.src = '10.0.0.1'
      ;(stored.matches[0] as Match<'tcp'>).dport = 23
      expect(input.rules.map(String)).toEqual(['-p tcp -m tcp --dport 22 -j ACCEPT'])
      input.replaceRule(stored, 0)
      expect(input.rules.map(String)).toEqual(['-s 10.0.0.1/32 -p tcp -m tcp --dport 23 -j ACCEPT'])
    })

    test('stores the rule as it is then: later changes of the object do not matter', () => {
      const input = new Chain(newTable(), 'INPUT')
      const rule = Rule.parse('-p tcp --dport 22')
      input.appendRule(rule)
      rule.createTarget('DROP')
      input.appendRule(rule)
      expect(input.rules.map(String)).toEqual(['-p tcp -m tcp --dport 22', '-p tcp -m tcp --dport 22 -j DROP'])
    })

    test.each([-1, 1.5, Number.NaN, '0', 2, Number.POSITIVE_INFINITY])('has no position %p', (position) => {
      const input = new Chain(newTable(), 'INPUT')
      input.appendRule(Rule.parse('-j DROP'))
      const rule = Rule.parse('-j ACCEPT')
      for (const act of [
        () => input.insertRule(rule, position as number),
        () => input.replaceRule(rule, position as number),
      ])
        expect(caught(act)).toMatchObject({ name: 'XtablesError', parameter: 'position', value: position })
      expect(input.rules.map(String)).toEqual(['-j DROP'])
    })

    test('says which rule the kernel would refuse', () => {
      const table = newTable()
      const input = new Chain(table, 'INPUT')
      input.appendRule(Rule.parse('-j DROP'))
      const error = caught(() => input.appendRule(Rule.parse('-j MASQUERADE')))
      expect(error).toBeInstanceOf(RuleError)
      expect(error).toMatchObject({
        table: 'filter',
        chain: 'INPUT',
        position: 1,
        reason: expect.stringMatching(/nat/),
      })
      expect(input.rules).toHaveLength(1)
    })

    test('says what its kernel lacks', () => {
      const input = new Chain(newTable(), 'INPUT')
      const unknown = Rule.parse('-m nothing --revision 7 --payload 0x0102030405060708')
      expect(() => input.appendRule(unknown)).toThrow(UnsupportedError)
      expect(() => new Table('no-such-table', { kernel: new MemoryKernel() }).chains).toThrow(NotFoundError)
      expect(() => new Chain(newTable(), 'nowhere').rules).toThrow(NotFoundError)
    })

    test('has either a kernel or a namespace', () => {
      expect(() => new Table('filter', { kernel: new MemoryKernel(), namespace: 'blue' })).toThrow(IptcError)
      expect(newTable().kernel).toBe('in-process kernel')
    })

    test('refuses an asynchronous function if it cannot wait, and ignores its result', async () => {
      const table = newTable()
      expect(() => table.transaction(async () => Promise.reject(new Error('later')))).toThrow('transactionAsync')
      await new Promise((resolve) => setImmediate(resolve))
    })

    test('policies are ACCEPT and DROP', () => {
      expect([new Policy('DROP').equals(Policy.DROP), String(Policy.ACCEPT)]).toEqual([true, 'ACCEPT'])
      for (const name of ['QUEUE', 'RETURN', 'drop', '', undefined])
        expect(() => newTable().setPolicy('INPUT', name as never)).toThrow(XtablesError)
    })
  })
})

test('errors can be distinguished and inspected', () => {
  const error = caught(() => new Rule().createMatch('no-such-match')) as XtablesError
  expect([error instanceof IptcError, error instanceof Error, error.name]).toEqual([true, true, 'XtablesError'])
  expect(inspect(error)).toContain('no-such-match')
})
