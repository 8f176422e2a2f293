/** The functions of the dictionary API, on an in-process kernel. */

import {
  Chain,
  ConflictError,
  easy,
  IptcError,
  MemoryKernel,
  NotFoundError,
  Rule,
  type RuleDictionary,
  RuleError,
  Table,
  XtablesError,
} from '../../src/index'
import { onBackends } from '../support/backends'
import { WatchedKernel } from '../support/watched-kernel'

let kernel: WatchedKernel
let options: { kernel: WatchedKernel }

beforeEach(() => {
  kernel = new WatchedKernel(new MemoryKernel({ sets: { blacklist: 'ipv4' } }))
  options = { kernel }
})

afterEach(() => expect(kernel.connections).toBe(0))

/** The number of writes. */
const written = (): number => kernel.count('replace') + kernel.count('batch')

const named = (comment: string): RuleDictionary => ({ comment: { comment }, target: 'ACCEPT' })

/** Creates a chain X with rules of these names. */
function chainOf(...names: string[]): void {
  easy.batchAddChains('filter', ['X'], options)
  easy.batchAddRules(
    'filter',
    names.map((name) => ['X', named(name)]),
    options,
  )
}

const names = (chain = 'X'): unknown[] =>
  easy.dumpChain('filter', chain, options).map(({ comment }) => comment && (comment as { comment: string }).comment)

onBackends((backend) => {
  describe('reading', () => {
    test('tables that exist, in their usual order', () => {
      expect(easy.getTables(options)).toEqual([])
      expect(easy.dumpAll(options)).toEqual({})
      // Reading a table of ip_tables creates it. A table of nf_tables is created when something is added.
      for (const table of ['nat', 'filter']) {
        easy.getChains(table, options)
        if (backend === 'nft') easy.addChain(table, 'X', options)
      }
      expect(easy.getTables(options)).toEqual(['filter', 'nat'])
      expect(easy.getTables({ ...options, ipv6: true })).toEqual([])
    })

    test('tables, chains and rules', () => {
      easy.addChain('filter', 'X', options)
      easy.addRule(
        'filter',
        'INPUT',
        { protocol: 'tcp', tcp: { dport: 22 }, target: 'X', counters: [1, 56] },
        0,
        options,
      )
      expect(easy.getChains('filter', options)).toEqual(['INPUT', 'FORWARD', 'OUTPUT', 'X'])
      expect([easy.hasChain('filter', 'X', options), easy.hasChain('filter', 'Y', options)]).toEqual([true, false])
      expect(easy.dumpAll(options)).toEqual({
        filter: {
          INPUT: [{ protocol: 'tcp', tcp: { dport: '22' }, target: 'X', counters: [1, 56] }],
          FORWARD: [],
          OUTPUT: [],
          X: [],
        },
      })
      expect(easy.dumpTable('filter', { ...options, ipv6: true })).toEqual({ INPUT: [], FORWARD: [], OUTPUT: [] })
    })

    test('names that are properties of every object', () => {
      easy.addChain('filter', '__proto__', options)
      easy.addRule('filter', '__proto__', named('a'), 0, options)
      const dumped = JSON.parse(JSON.stringify(easy.dumpTable('filter', options))) as object
      expect(Object.keys(dumped)).toEqual(['INPUT', 'FORWARD', 'OUTPUT', '__proto__'])
      expect(names('__proto__')).toEqual(['a'])
    })

    test('missing tables, chains and rules', () => {
      expect(() => easy.dumpChain('filter', 'Y', options)).toThrow(NotFoundError)
      expect(() => easy.dumpTable('flter', options)).toThrow(NotFoundError)
      expect(() => easy.hasChain('flter', 'X', options)).toThrow(NotFoundError)
    })

    test('a rule by its position', () => {
      chainOf('a', 'b', 'c')
      expect(easy.getRule('filter', 'X', 0, options)).toHaveLength(3)
      expect(easy.getRule('filter', 'X', 1, options)).toMatchObject(named('a'))
      expect(easy.getRule('filter', 'X', 3, options)).toMatchObject(named('c'))
      expect(easy.getRule('filter', 'X', -1, options)).toMatchObject(named('c'))
      expect(easy.getRule('filter', 'X', -3, options)).toMatchObject(named('a'))
      for (const position of [4, -4, 1.5]) {
        expect(() => easy.getRule('filter', 'X', position, options)).toThrow(NotFoundError)
        expect(easy.getRule('filter', 'X', position, { ...options, throws: false })).toBeUndefined()
      }
      expect(() => easy.getRule('filter', 'Y', 0, options)).toThrow(NotFoundError)
    })

    test('a rule by its contents', () => {
      chainOf('a', 'b', 'b')
      easy.addRule('filter', 'X', { ...named('c'), counters: [5, 77] }, 0, options)
      expect(easy.hasRule('filter', 'X', named('b'), options)).toBe(true)
      expect(easy.hasRule('filter', 'X', named('z'), options)).toBe(false)
      expect(() => easy.hasRule('filter', 'Y', named('b'), options)).toThrow(NotFoundError)
      expect(() => easy.hasRule('filter', 'X', { bogus: 1 } as RuleDictionary, options)).toThrow(XtablesError)
      expect(easy.getRulePosition('filter', 'X', named('a'), options)).toBe(0)
      expect(easy.getRulePosition('filter', 'X', { ...named('b'), counters: [9, 9] }, options)).toBe(1)
      expect(() => easy.getRulePosition('filter', 'X', named('z'), options)).toThrow(NotFoundError)
      expect(easy.getRuleCounters('filter', 'X', named('c'), options)).toEqual([5, 77])
      expect(() => easy.getRuleCounters('filter', 'X', named('z'), options)).toThrow(NotFoundError)
    })

    test('a rule that was read is found', () => {
      chainOf('a', 'b')
      for (const rule of easy.dumpChain('filter', 'X', options))
        expect(easy.hasRule('filter', 'X', rule, options)).toBe(true)
    })
  })

  describe('adding a rule', () => {
    /** Positions as in python-iptables: 0 appends, 1 is the first, -1 is before the last. */
    test.each([
      [0, ['a', 'b', 'c', 'x']],
      [1, ['x', 'a', 'b', 'c']],
      [2, ['a', 'x', 'b', 'c']],
      [4, ['a', 'b', 'c', 'x']],
      [-1, ['a', 'b', 'x', 'c']],
      [-3, ['x', 'a', 'b', 'c']],
    ])('at position %d', (position, expected) => {
      chainOf('a', 'b', 'c')
      easy.addRule('filter', 'X', named('x'), position, options)
      expect(names()).toEqual(expected)
      chainOf('a', 'b', 'c')
      easy.batchAddRules('filter', [['X', named('x'), position]], options)
      expect(names()).toEqual(expected)
    })

    test.each([5, -4, 1.5, Number.NaN, '1' as never])('%p is not a position', (position) => {
      chainOf('a', 'b', 'c')
      expect(() => easy.addRule('filter', 'X', named('x'), position, options)).toThrow(XtablesError)
      expect(() => easy.batchAddRules('filter', [['X', named('x'), position]], options)).toThrow(XtablesError)
      expect(names()).toEqual(['a', 'b', 'c'])
    })

    test('options in place of the position are named', () => {
      chainOf()
      expect(() => easy.addRule('filter', 'X', named('x'), options as never)).toThrow(
        'table filter chain X: the position of a rule must be a number, not an object',
      )
    })

    test('as the first', () => {
      chainOf('a')
      easy.insertRule('filter', 'X', named('x'), options)
      expect(names()).toEqual(['x', 'a'])
    })

    test('errors say what is wrong, and nothing is written', () => {
      chainOf('a')
      const before = written()
      const bad = { protocol: 'tcp', tcp: { dprt: 22 } } as RuleDictionary
      expect(() => easy.addRule('filter', 'X', bad, 0, options)).toThrow(
        expect.objectContaining({ path: ['tcp', 'dprt'] }),
      )
      expect(() => easy.addRule('filter', 'Y', named('x'), 0, options)).toThrow(NotFoundError)
      expect(() => easy.addRule('filter', 'X', { target: 'nowhere' }, 0, options)).toThrow(RuleError)
      expect(() => easy.addRule('filter', 'X', { tcp: { dport: 22 } }, 0, options)).toThrow(/tcp/)
      expect(() => easy.addRule('filter', 'X', { set: { matchSet: ['nosuch', 'src'] } }, 0, options)).toThrow(
        expect.objectContaining({ path: ['set', 'matchSet'] }),
      )
      expect(written()).toBe(before)
      expect(names()).toEqual(['a'])
    })

    test('with an ipset', () => {
      chainOf()
      easy.addRule('filter', 'X', { set: { 'match-set': ['!', 'blacklist', 'src'] }, target: 'DROP' }, 0, options)
      const [rule] = easy.dumpChain('filter', 'X', options)
      expect(rule).toEqual({ set: { 'match-set': ['!', 'blacklist', 'src'] }, target: 'DROP', counters: [0, 0] })
      expect(easy.hasRule('filter', 'X', rule as RuleDictionary, options)).toBe(true)
      expect(easy.hasRule('filter', 'X', { ...rule, set: { 'match-set': ['blacklist', 'src'] } }, options)).toBe(false)
    })
  })

  describe('changing rules', () => {
    test('one replaces another', () => {
      chainOf('a', 'b', 'b')
      easy.replaceRule('filter', 'X', named('b'), { ...named('x'), counters: [3, 4] }, options)
      expect(names()).toEqual(['a', 'x', 'b'])
      expect(easy.getRuleCounters('filter', 'X', named('x'), options)).toEqual([3, 4])
      expect(() => easy.replaceRule('filter', 'X', named('z'), named('y'), options)).toThrow(NotFoundError)
    })

    test('the first equal rule is deleted', () => {
      chainOf('a', 'b', 'a')
      expect(easy.deleteRule('filter', 'X', { ...named('a'), counters: [1, 1] }, options)).toBe(true)
      expect(names()).toEqual(['b', 'a'])
      expect(() => easy.deleteRule('filter', 'X', named('z'), options)).toThrow(NotFoundError)
      expect(easy.deleteRule('filter', 'X', named('z'), { ...options, throws: false })).toBe(false)
      expect(easy.deleteRule('filter', 'Y', named('a'), { ...options, throws: false })).toBe(false)
      expect(() =>
        easy.deleteRule('filter', 'X', { tpc: {} } as RuleDictionary, { ...options, throws: false }),
      ).toThrow(XtablesError)
    })

    test('counters', () => {
      const counted = { counters: [1, 2] as const }
      easy.batchAddChains('filter', ['X', 'Y'], options)
      const rules = ['X', 'Y', 'INPUT'].map((chain) => [chain, counted] as const)
      easy.batchAddRules('filter', rules, options)
      easy.addRule('nat', 'OUTPUT', counted, 0, options)
      const zeros = () =>
        Object.values(easy.dumpAll(options))
          .flatMap((table) => Object.values(table).flat())
          .filter(({ counters }) => counters[0] === 0).length
      easy.zeroChain('filter', 'X', options)
      expect(zeros()).toBe(1)
      easy.zeroTable('filter', options)
      expect(zeros()).toBe(3)
      easy.zeroAll(options)
      expect(zeros()).toBe(4)
      expect(() => easy.zeroChain('filter', 'Z', options)).toThrow(NotFoundError)
    })
  })

  describe('chains', () => {
    const quiet = { throws: false }

    test('are created once', () => {
      expect(easy.addChain('filter', 'X', options)).toBe(true)
      expect(() => easy.addChain('filter', 'X', options)).toThrow(RuleError)
      expect(easy.addChain('filter', 'X', { ...options, ...quiet })).toBe(false)
      expect(() => easy.addChain('filter', 'X'.repeat(40), { ...options, ...quiet })).toThrow(XtablesError)
    })

    test('are deleted', () => {
      chainOf('a')
      expect(() => easy.deleteChain('filter', 'X', options)).toThrow(/not empty/)
      expect(easy.deleteChain('filter', 'X', { ...options, ...quiet })).toBe(false)
      expect(easy.deleteChain('filter', 'X', { ...options, flush: true })).toBe(true)
      expect(() => easy.deleteChain('filter', 'X', options)).toThrow(NotFoundError)
      expect(() => easy.deleteChain('filter', 'INPUT', options)).toThrow(/built in/)
      expect(easy.deleteChain('filter', 'INPUT', { ...options, ...quiet, flush: true })).toBe(false)
    })

    test('keep their rules if they cannot be deleted', () => {
      chainOf('a')
      easy.addRule('filter', 'INPUT', { target: 'X' }, 0, options)
      expect(() => easy.deleteChain('filter', 'X', { ...options, flush: true })).toThrow(/jumps to it/)
      expect(names()).toEqual(['a'])
      const batch = easy.batchBegin('filter', options)
      expect(() => easy.deleteChain('filter', 'X', { batch, flush: true })).toThrow(/jumps to it/)
      easy.batchEnd(batch)
      expect(names()).toEqual(['a'])
    })

    test('are flushed', () => {
      chainOf('a')
      expect(easy.flushChain('filter', 'X', options)).toBe(true)
      expect(names()).toEqual([])
      expect(() => easy.flushChain('filter', 'Y', options)).toThrow(NotFoundError)
      expect(easy.flushChain('filter', 'Y', { ...options, ...quiet })).toBe(false)
    })

    test('are flushed and deleted with their table; policies stay', () => {
      for (const table of ['filter', 'mangle']) {
        easy.addChain(table, 'X', options)
        easy.addRule(table, 'INPUT', { target: 'X' }, 0, options)
        easy.setPolicy(table, 'INPUT', 'DROP', options)
      }
      expect(easy.flushTable('filter', options)).toBe(true)
      expect(easy.dumpTable('filter', options)).toEqual({ INPUT: [], FORWARD: [], OUTPUT: [] })
      expect(easy.hasChain('mangle', 'X', options)).toBe(true)
      easy.flushAll(options)
      expect(easy.hasChain('mangle', 'X', options)).toBe(false)
      expect(easy.getPolicy('mangle', 'INPUT', options)).toBe('DROP')
      expect(() => easy.flushTable('flter', options)).toThrow(NotFoundError)
      expect(easy.flushTable('flter', { ...options, ...quiet })).toBe(false)
    })

    test('have policies', () => {
      chainOf()
      expect(easy.getPolicy('filter', 'INPUT', options)).toBe('ACCEPT')
      easy.setPolicy('filter', 'INPUT', 'DROP', options)
      expect(easy.getPolicy('filter', 'INPUT', options)).toBe('DROP')
      easy.setPolicy('filter', 'INPUT', undefined, options)
      expect(easy.getPolicy('filter', 'INPUT', options)).toBe('ACCEPT')
      expect(() => easy.getPolicy('filter', 'X', options)).toThrow(RuleError)
      expect(() => easy.setPolicy('filter', 'X', 'DROP', options)).toThrow(RuleError)
      expect(() => easy.getPolicy('filter', 'Y', options)).toThrow(NotFoundError)
      expect(() => easy.setPolicy('filter', 'INPUT', 'REJECT' as never, options)).toThrow(XtablesError)
    })
  })

  describe('many edits at once', () => {
    test('chains', () => {
      chainOf('a')
      const before = written()
      easy.batchAddChains('filter', ['X', 'Y', 'Z'], options)
      expect(written()).toBe(before + 1)
      expect(names()).toEqual([])
      chainOf('a')
      easy.batchAddChains('filter', ['X', 'W'], { ...options, flush: false })
      expect(names()).toEqual(['a'])
      expect(easy.getChains('filter', options).slice(3)).toEqual(['W', 'X', 'Y', 'Z'])
      expect(() => easy.batchAddChains('filter', ['X', 'a b'], options)).toThrow(XtablesError)
      expect(names()).toEqual(['a'])
    })

    test('chains that jump to each other are deleted together', () => {
      chainOf('a')
      easy.batchAddChains('filter', ['Y'], options)
      easy.batchAddRules(
        'filter',
        [
          ['X', { target: 'Y' }],
          ['INPUT', { target: 'X' }],
        ],
        options,
      )
      expect(() => easy.batchDeleteChains('filter', ['Y', 'X'], options)).toThrow(/jumps to it/)
      expect(easy.dumpChain('filter', 'X', options)).toHaveLength(2)
      easy.flushChain('filter', 'INPUT', options)
      const before = written()
      easy.batchDeleteChains('filter', ['Y', 'nosuch', 'X', 'X'], options)
      expect(written()).toBe(before + 1)
      expect(easy.getChains('filter', options)).toEqual(['INPUT', 'FORWARD', 'OUTPUT'])
      expect(() => easy.batchDeleteChains('filter', ['INPUT'], options)).toThrow(/built in/)
    })

    test('rules', () => {
      chainOf()
      const before = written()
      easy.batchAddRules(
        'filter',
        [
          ['X', named('1'), 0],
          ['X', named('2'), 1],
          ['X', named('3'), -1],
          ['INPUT', { target: 'X' }],
        ],
        options,
      )
      expect(written()).toBe(before + 1)
      expect(names()).toEqual(['2', '3', '1'])
      expect(
        easy.batchDeleteRules(
          'filter',
          [
            ['X', named('1')],
            ['INPUT', { target: 'X' }],
          ],
          options,
        ),
      ).toBe(true)
      expect(written()).toBe(before + 2)
      expect(names()).toEqual(['2', '3'])
      expect(names('INPUT')).toEqual([])
    })

    test('rules, all or none', () => {
      chainOf('a')
      const bad = { tcp: { dport: 'x' } }
      expect(() =>
        easy.batchAddRules(
          'filter',
          [
            ['X', named('b')],
            ['X', bad],
          ],
          options,
        ),
      ).toThrow(expect.objectContaining({ path: [1, 1, 'tcp', 'dport'] }))
      expect(() =>
        easy.batchAddRules(
          'filter',
          [
            ['X', named('b')],
            ['Y', named('c')],
          ],
          options,
        ),
      ).toThrow(NotFoundError)
      expect(() =>
        easy.batchDeleteRules(
          'filter',
          [
            ['X', named('a')],
            ['X', named('z')],
          ],
          options,
        ),
      ).toThrow(NotFoundError)
      expect(names()).toEqual(['a'])
      const quiet = { ...options, throws: false }
      expect(
        easy.batchDeleteRules(
          'filter',
          [
            ['X', named('z')],
            ['X', named('a')],
          ],
          quiet,
        ),
      ).toBe(false)
      expect(names()).toEqual([])
    })
  })

  describe('a batch', () => {
    test('is written at its end', () => {
      chainOf('a')
      const before = written()
      const batch = easy.batchBegin('filter', options)
      easy.addChain('filter', 'Y', { batch })
      easy.addRule('filter', 'Y', named('y'), 0, { batch })
      easy.insertRule('filter', 'X', named('x'), { batch })
      easy.replaceRule('filter', 'X', named('a'), named('b'), { batch })
      easy.setPolicy('filter', 'INPUT', 'DROP', { batch })
      easy.batchAddRules('filter', [['X', named('c')]], { batch })
      expect(easy.dumpChain('filter', 'X', { batch })).toHaveLength(3)
      expect(easy.getPolicy('filter', 'INPUT', { batch })).toBe('DROP')
      expect([names(), written()]).toEqual([['a'], before])
      expect(batch.ended).toBe(false)
      easy.batchEnd(batch)
      expect([names(), names('Y'), written()]).toEqual([['x', 'b', 'c'], ['y'], before + 1])
      expect(batch.ended).toBe(true)
      expect(() => easy.addChain('filter', 'Z', { batch })).toThrow(IptcError)
      expect(() => easy.batchEnd(batch)).toThrow(IptcError)
    })

    test('accepts all tables of one family', () => {
      const batch = easy.batchBegin(undefined, { ...options, ipv6: true })
      for (const table of ['filter', 'mangle']) easy.addChain(table, 'X', { batch })
      expect(easy.hasChain('filter', 'X', { ...options, ipv6: true })).toBe(false)
      expect(() => easy.addChain('filter', 'Y', { batch, ipv6: false })).toThrow(/ipv6 differs from that of the batch/)
      easy.batchEnd(batch)
      expect(easy.hasChain('mangle', 'X', { ...options, ipv6: true })).toBe(true)
      expect(easy.hasChain('mangle', 'X', options)).toBe(false)
    })

    test('for one table accepts no other', () => {
      const batch = easy.batchBegin('filter', options)
      expect(() => easy.addChain('nat', 'X', { batch })).toThrow(/for table filter, not nat/)
      batch.abandon()
    })

    test('can be discarded', () => {
      chainOf('a')
      {
        using batch = easy.batchBegin('filter', options)
        easy.flushChain('filter', 'X', { batch })
        expect(easy.dumpChain('filter', 'X', { batch })).toEqual([])
      }
      expect(names()).toEqual(['a'])
    })

    test('continues after a failed edit', () => {
      chainOf('a')
      const batch = easy.batchBegin('filter', options)
      easy.addRule('filter', 'X', named('b'), 0, { batch })
      expect(() => easy.batchAddChains('filter', ['X', 'a b'], { batch })).toThrow(XtablesError)
      expect(easy.deleteRule('filter', 'X', named('z'), { batch, throws: false })).toBe(false)
      easy.batchEnd(batch)
      expect(names()).toEqual(['a', 'b'])
    })

    test('does not overwrite changes of others', () => {
      chainOf('a')
      const batch = easy.batchBegin('filter', options)
      easy.insertRule('filter', 'X', named('x'), { batch })
      easy.addRule('filter', 'X', named('other'), 0, options)
      expect(() => easy.batchEnd(batch)).toThrow(ConflictError)
      expect(batch.ended).toBe(true)
      expect(names()).toEqual(['a', 'other'])
    })

    test('says which rule the kernel would refuse', () => {
      chainOf('a')
      const batch = easy.batchBegin(undefined, options)
      easy.addRule('filter', 'X', { target: 'nowhere' }, 0, { batch })
      expect(() => easy.batchEnd(batch)).toThrow(expect.objectContaining({ table: 'filter', chain: 'X', position: 1 }))
      expect(names()).toEqual(['a'])
    })

    test('writes no table if another one cannot be written', () => {
      const kernel = new MemoryKernel()
      const batch = easy.batchBegin(undefined, { kernel })
      easy.addRule('nat', 'PREROUTING', { protocol: 'tcp' }, 0, { batch })
      easy.addRule('filter', 'INPUT', { target: { jump: 'nowhere' } }, 0, { batch })
      expect(() => easy.batchEnd(batch)).toThrow(expect.objectContaining({ table: 'filter', chain: 'INPUT' }))
      expect(easy.dumpChain('nat', 'PREROUTING', { kernel })).toEqual([])
    })
  })

  describe('options', () => {
    test('raiseExc is the same as throws, for code from python-iptables', () => {
      const [quiet, loud] = [
        { ...options, raiseExc: false },
        { ...options, raiseExc: true },
      ]
      chainOf('a')
      const calls: [(how: typeof quiet) => unknown, unknown][] = [
        [(how) => easy.addChain('filter', 'X', how), false],
        [(how) => easy.deleteChain('filter', 'X', how), false],
        [(how) => easy.deleteRule('filter', 'X', named('z'), how), false],
        [(how) => easy.batchDeleteRules('filter', [['X', named('z')]], how), false],
        [(how) => easy.flushChain('filter', 'Y', how), false],
        [(how) => easy.flushTable('nosuch', how), false],
        [(how) => easy.getRule('filter', 'X', 9, how), undefined],
      ]
      for (const [call, otherwise] of calls) {
        expect(call(quiet)).toBe(otherwise)
        expect(() => call(loud)).toThrow(IptcError)
        expect(() => call({ ...quiet, throws: true } as never)).toThrow(/throws and raiseExc have the same meaning/)
        expect(() => call({ ...options, raiseExc: 'no' } as never)).toThrow(/raiseExc takes true or false/)
      }
      expect(easy.dumpChain('filter', 'X', options)).toMatchObject([named('a')])
    })

    test('unknown ones are refused', () => {
      expect(() => easy.dumpChain('filter', 'INPUT', { ...options, ip6: true } as never)).toThrow(/no option ip6/)
      expect(() => easy.encodeRule({}, { ipV6: true } as never)).toThrow(/no option ipV6/)
      expect(() => easy.dumpTable('filter', { batch: {} } as never)).toThrow(/batchBegin/)
    })
  })

  describe('a chain of the table', () => {
    test('can be passed instead of its name', () => {
      using table = new Table('filter', options)
      const [x, y] = [new Chain(table, 'X'), new Chain(table, 'Y')]
      expect(easy.hasChain('filter', x, options)).toBe(false)
      easy.addChain('filter', x, options)
      easy.batchAddChains('filter', [x, 'X', y], { ...options, flush: false })
      easy.addRule('filter', x, named('b'), 0, options)
      easy.insertRule('filter', x, named('a'), options)
      easy.replaceRule('filter', x, named('b'), { ...named('c'), counters: [1, 2] }, options)
      easy.batchAddRules('filter', [[x, named('d')]], options)
      expect(easy.dumpChain('filter', x, options)).toEqual(easy.dumpChain('filter', 'X', options))
      expect(easy.dumpChain('filter', x, options)).toMatchObject([named('a'), named('c'), named('d')])
      expect(easy.getRule('filter', x, 2, options)).toMatchObject(named('c'))
      expect(easy.getRule('filter', x, 0, options)).toHaveLength(3)
      expect(easy.hasRule('filter', x, named('c'), options)).toBe(true)
      expect(easy.getRulePosition('filter', x, named('c'), options)).toBe(1)
      expect(easy.getRuleCounters('filter', x, named('c'), options)).toEqual([1, 2])
      easy.zeroChain('filter', x, options)
      expect(easy.getRuleCounters('filter', x, named('c'), options)).toEqual([0, 0])
      easy.deleteRule('filter', x, named('a'), options)
      easy.batchDeleteRules('filter', [[x, named('c')]], options)
      expect(easy.dumpChain('filter', 'X', options)).toMatchObject([named('d')])
      easy.flushChain('filter', x, options)
      easy.setPolicy('filter', new Chain(table, 'INPUT'), 'DROP', options)
      expect(easy.getPolicy('filter', new Chain(table, 'INPUT'), options)).toBe('DROP')
      easy.deleteChain('filter', x, options)
      easy.batchDeleteChains('filter', [y, x], options)
      expect(easy.getChains('filter', options)).toEqual(['INPUT', 'FORWARD', 'OUTPUT'])
    })

    test('is refused by another table', () => {
      using nat = new Table('nat', options)
      const chain = new Chain(nat, 'OUTPUT')
      const calls: (() => unknown)[] = [
        () => easy.hasChain('filter', chain, options),
        () => easy.addChain('filter', chain, options),
        () => easy.deleteChain('filter', chain, options),
        () => easy.flushChain('filter', chain, options),
        () => easy.zeroChain('filter', chain, options),
        () => easy.dumpChain('filter', chain, options),
        () => easy.getPolicy('filter', chain, options),
        () => easy.setPolicy('filter', chain, 'DROP', options),
        () => easy.addRule('filter', chain, named('a'), 0, options),
        () => easy.insertRule('filter', chain, named('a'), options),
        () => easy.replaceRule('filter', chain, named('a'), named('b'), options),
        () => easy.deleteRule('filter', chain, named('a'), options),
        () => easy.getRule('filter', chain, 1, options),
        () => easy.hasRule('filter', chain, named('a'), options),
        () => easy.getRulePosition('filter', chain, named('a'), options),
        () => easy.getRuleCounters('filter', chain, named('a'), options),
        () => easy.batchAddChains('filter', [chain], options),
        () => easy.batchDeleteChains('filter', [chain], options),
        () => easy.batchAddRules('filter', [[chain, named('a')]], options),
        () => easy.batchDeleteRules('filter', [[chain, named('a')]], options),
      ]
      for (const call of calls) expect(call).toThrow(/^OUTPUT is a chain of table nat of ipv4, not of table filter /)
      expect(easy.dumpChain('filter', 'OUTPUT', options)).toEqual([])
      expect(() => easy.batchAddChains('filter', ['X', 7 as never], options)).toThrow(
        'item 1 of what batchAddChains makes must be a Chain or its name, not 7',
      )
    })
  })

  test('a rule object and a dictionary can be the same rule', () => {
    chainOf()
    using table = new Table('filter', options)
    const rule = Rule.parse('-p tcp -m tcp --dport 22 -j ACCEPT')
    table.transaction((it) => it.chains.find(({ name }) => name === 'X')?.appendRule(rule))
    expect(easy.getRulePosition('filter', 'X', easy.decodeRule(rule), options)).toBe(0)
    table.close()
  })
})
