/** Reconciles tables on both backends: with the fewest changes, and without touching rules of others. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import {
  Chain,
  type Desired,
  type DesiredRule,
  easy,
  IptcError,
  type JumpPlace,
  MemoryKernel,
  Plan,
  type ReconcileOptions,
  Rule,
  Rule6,
  reconcile,
  reconcileAsync,
  restore,
  save,
  Table,
  XtablesError,
} from '../../src/index'
import type { ChainPlan } from '../../src/reconcile/plan-data'
import { longestCommon } from '../../src/ruleset/subsequence'
import { onBackends } from '../support/backends'

const RULES = [
  '-s 10.0.0.1/32',
  '-p tcp -m tcp --dport 22',
  '-i lo',
  '-p udp',
  '-m limit --limit 5/sec',
  '-o eth0',
].map((rule) => `${rule} -j ACCEPT`)

onBackends((backend) => {
  let kernel: MemoryKernel
  const place = () => ({ kernel, backend })
  const text = (counters = false): string[] =>
    save({ ...place(), counters })
      .split('\n')
      .filter((line) => !line.startsWith('#') && line !== '')
  const rules = (chain: string): string[] => {
    using table = new Table('filter', place())
    return new Chain(table, chain).rules.map(String)
  }
  beforeEach(() => {
    kernel = new MemoryKernel()
  })

  test.each<[fault: string, rule: DesiredRule, message: string, path: (string | number)[]]>([
    ['a line', '-p tcp --dprot 22', 'unknown option "--dprot"', []],
    ['a dictionary', { tcp: { dprot: 22 } } as never, 'match tcp: unknown parameter', [0, 'tcp', 'dprot']],
    ['an object of the other family', new Rule6(), 'an ipv6 rule cannot be added to an ipv4 table', []],
    ['nothing', undefined as never, 'rule: a rule must be a plain object as in JSON, not undefined', []],
  ])('an error in %s names its table, chain and number', (_, rule, message, [, ...within]) => {
    const owns = { prefix: 'web-' }
    const told = (body: () => unknown): unknown => {
      try {
        return body()
      } catch (error) {
        return error
      }
    }
    const error = told(() => reconcile({ filter: { 'web-in': ['-j DROP', rule] } }, { ...place(), owns }))
    expect(error).toBeInstanceOf(XtablesError)
    expect((error as Error).message).toMatch(new RegExp(`^table filter chain web-in rule 2: .*${message}`))
    expect(error).toMatchObject({ path: ['filter', 'web-in', 1, ...within] })
  })

  test('a plan with sets is shown, stored, applied and reverted', () => {
    kernel = new MemoryKernel({ sets: { old: 'ipv4', new: 'ipv4' } })
    restore('*filter\n:web-in - [0:0]\n-A web-in -m set --match-set old src -j DROP\nCOMMIT\n', place())
    const before = text()
    const desired = { filter: { INPUT: ['-j web-in'], 'web-in': ['-m set --match-set new src -j DROP'] } }
    const options = { ...place(), owns: { prefix: 'web-' } }
    const plan = reconcile(desired, options)
    expect(plan.format()).toContain('+  1: -m set --match-set new src -j DROP')
    Plan.fromJSON(JSON.parse(JSON.stringify(plan)), place()).apply()
    expect(rules('web-in')).toEqual(['-m set --match-set new src -j DROP'])
    plan.inverse.apply()
    expect(text()).toEqual(before)
    plan.apply()
    expect(reconcile(desired, options).isEmpty).toBe(true)
    plan.inverse.apply()
    reconcile(desired, { ...options, apply: true }).inverse.apply()
    expect(text()).toEqual(before)
  })

  const OTHERS = `*filter
:INPUT DROP [5:6]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:docker - [0:0]
:web-in - [0:0]
:web-old - [0:0]
[1:2] -A INPUT -s 10.9.9.9/32 -j DROP
[3:4] -A INPUT -j web-old
[5:6] -A INPUT -j docker
[7:8] -A docker -j RETURN
[9:10] -A web-in -p tcp -m tcp --dport 80 -j ACCEPT
[11:12] -A web-in -p tcp -m tcp --dport 443 -j ACCEPT
[13:14] -A web-old -j DROP
COMMIT
`
  const DESIRED = {
    filter: {
      INPUT: ['-j web-in'],
      'web-in': ['-p tcp --dport 443 -j ACCEPT', { protocol: 'udp', udp: { dport: '443' }, target: 'ACCEPT' }],
      'web-new': [Rule.parse('-j RETURN')],
    },
  }
  const PREFIX = { owns: { prefix: 'web-' } } as const

  test('chains with a prefix become as desired, with the jumps to them; nothing else changes', () => {
    restore(OTHERS, { ...place(), counters: true })
    const before = text(true)
    const plan = reconcile(DESIRED, { ...PREFIX, ...place() })
    expect(text(true)).toEqual(before)
    expect(plan.format()).toBe(`*filter
 :INPUT
+  1: -j web-in
-  2: -j web-old
 :web-in
-  1: -p tcp -m tcp --dport 80 -j ACCEPT
+  2: -p udp -m udp --dport 443 -j ACCEPT
+:web-new
+  1: -j RETURN
-:web-old
-  1: -j DROP
`)
    plan.apply()
    expect(text(true)).toEqual([
      '*filter',
      ':INPUT DROP [5:6]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ':docker - [0:0]',
      ':web-in - [0:0]',
      ':web-new - [0:0]',
      '[0:0] -A INPUT -j web-in',
      '[1:2] -A INPUT -s 10.9.9.9/32 -j DROP',
      '[5:6] -A INPUT -j docker',
      '[7:8] -A docker -j RETURN',
      '[11:12] -A web-in -p tcp -m tcp --dport 443 -j ACCEPT',
      '[0:0] -A web-in -p udp -m udp --dport 443 -j ACCEPT',
      '[0:0] -A web-new -j RETURN',
      'COMMIT',
    ])
    expect(reconcile(DESIRED, { ...PREFIX, ...place() }).isEmpty).toBe(true)
    plan.inverse.apply()
    expect(text(true)).toEqual(before)
  })

  const EMPTY_ACCEPT = createHash('sha256')
    .update(JSON.stringify(['ACCEPT']))
    .digest('hex')

  test('rules that are read differently from how they were written are reverted, too', () => {
    const tcp = ['-p all -m limit --limit 5/sec', '-p tcp --dport 80 -m tcp --syn -j LOG']
    const plan = reconcile({ filter: { own: tcp } }, { owns: { chains: ['own'] }, ...place() })
    plan.apply()
    expect(reconcile({ filter: { own: tcp } }, { owns: { chains: ['own'] }, ...place() }).isEmpty).toBe(true)
    plan.inverse.apply()
    expect(text().join()).not.toContain('own')
  })

  test('a plan that was stored as JSON does the same, and refuses a table that has changed since', () => {
    restore(OTHERS, { ...place(), counters: true })
    const json = JSON.stringify(reconcile(DESIRED, { ...PREFIX, ...place() }))
    easy.addRule('filter', 'docker', { target: 'DROP' }, 0, place())
    const kept = Plan.fromJSON(JSON.parse(json), place())
    kept.apply()
    expect(rules('web-in')[1]).toBe('-p udp -m udp --dport 443 -j ACCEPT')
    const inverse = Plan.fromJSON(JSON.parse(JSON.stringify(kept.inverse)), place())
    easy.addRule('filter', 'INPUT', { target: 'DROP' }, 0, place())
    const before = text(true)
    expect(() => inverse.apply()).toThrow('chain INPUT of table filter has changed since the plan was made')
    expect(text(true)).toEqual(before)
  })

  describe('off the main thread', () => {
    const TWO = { filter: { 'web-in': ['-i lo -j ACCEPT'] }, mangle: { 'web-mark': ['-j MARK --set-mark 7'] } }
    const refused = { ...TWO, mangle: { 'web-mark': ['-j DNAT --to-destination 10.0.0.1'] } }

    test('a plan is the same, and has the same effect', async () => {
      restore(OTHERS, { ...place(), counters: true })
      const before = text(true)
      const plan = await reconcileAsync(DESIRED, { ...PREFIX, ...place() })
      expect(text(true)).toEqual(before)
      expect(JSON.stringify(plan)).toBe(JSON.stringify(reconcile(DESIRED, { ...PREFIX, ...place() })))
      await plan.applyAsync()
      expect((await reconcileAsync(DESIRED, { ...PREFIX, ...place() })).isEmpty).toBe(true)
      await plan.inverse.applyAsync()
      expect(text(true)).toEqual(before)
      const done = await reconcileAsync(DESIRED, { ...PREFIX, ...place(), apply: true })
      expect(done.format()).toBe(plan.format())
      expect(reconcile(DESIRED, { ...PREFIX, ...place() }).isEmpty).toBe(true)
    })

    test('all tables are checked before the first one is written', async () => {
      await expect(reconcileAsync(refused, { ...PREFIX, ...place(), apply: true })).rejects.toThrow('DNAT')
      expect(text().join('\n')).not.toContain('web-')
      const plan = await reconcileAsync(TWO, { ...PREFIX, ...place(), apply: true })
      expect(plan.tables.map(({ table }) => table)).toEqual(['filter', 'mangle'])
      expect(reconcile(TWO, { ...PREFIX, ...place() }).isEmpty).toBe(true)
      await plan.inverse.applyAsync()
      expect(text().join('\n')).not.toContain('web-')
    })

    test('a plan is not applied to chains that have changed since', async () => {
      const plan = await reconcileAsync(TWO, { ...PREFIX, ...place() })
      easy.addChain('mangle', 'web-mark', place())
      const before = text(true)
      await expect(plan.applyAsync()).rejects.toThrow('chain web-mark of table mangle has changed since')
      expect(text(true)).toEqual(before)
    })

    test('an aborted signal prevents it from being applied', async () => {
      const signal = AbortSignal.abort(new Error('enough'))
      await expect(reconcileAsync(DESIRED, { ...PREFIX, ...place(), signal })).rejects.toThrow('enough')
      for (const desired of [DESIRED, TWO]) {
        const options = { ...PREFIX, ...place(), apply: true, signal }
        await expect(reconcileAsync(desired, options)).rejects.toThrow('enough')
        const plan = reconcile(desired, { ...PREFIX, ...place() })
        await expect(plan.applyAsync({ signal })).rejects.toThrow('enough')
      }
      expect(text().join('\n')).not.toContain('web-')
    })

    // nf_tables has no lock.
    if (backend === 'legacy')
      test('the event loop is not blocked while it waits for the lock', async () => {
        for (const desired of [DESIRED, TWO])
          for (const apply of [false, true]) {
            const lock = kernel.lock(0)
            let turns = 0
            // Only the event loop releases the lock, so this works on slow machines, too.
            const timer = setInterval(() => {
              if (++turns === 5) lock.release()
            }, 1)
            const options = { ...PREFIX, ...place(), lockTimeoutMs: 30_000, apply }
            await (await reconcileAsync(desired, options)).applyAsync().catch(() => {})
            clearInterval(timer)
            expect(turns).toBeGreaterThanOrEqual(5)
            expect(reconcile(desired, { ...PREFIX, ...place() }).isEmpty).toBe(true)
          }
      })
  })

  const shuffled = fc.array(fc.constantFrom(...RULES), { maxLength: 8 })
  test('any rules become any others with the fewest changes, and back', () => {
    fc.assert(
      fc.property(shuffled, shuffled, fc.boolean(), (old, now, isAtOnce) => {
        kernel = new MemoryKernel()
        const lines = old.map((rule, i) => `[${i + 1}:1] -A own ${rule}\n`).join('')
        restore(`*filter\n:own - [0:0]\n${lines}COMMIT\n`, { ...place(), counters: true })
        const before = text(true)
        const counted = (): Map<string, string[]> => {
          const all = new Map<string, string[]>()
          for (const line of text(true)) {
            const [, counters = '', rule = ''] = /^\[(\d+):\d+\] -A own (.*)$/.exec(line) ?? []
            if (rule !== '' && counters !== '0') all.set(rule, [...(all.get(rule) ?? []), counters].sort())
          }
          return all
        }
        const counts = counted()
        const plan = reconcile({ filter: { own: now } }, { ...place(), owns: { chains: ['own'] }, apply: isAtOnce })
        if (!isAtOnce) plan.apply()
        expect(rules('own')).toEqual(now)
        const ids = (list: readonly string[]): number[] => list.map((rule) => RULES.indexOf(rule))
        const stay = longestCommon(ids(old), ids(now)).filter((place) => place >= 0).length
        const { added = [], deleted = [], moved = [], replaced = [] } = plan.tables[0]?.chains[0] ?? {}
        expect(added.length + moved.length + replaced.length).toBe(now.length - stay)
        expect(deleted.length + moved.length + replaced.length).toBe(old.length - stay)
        // Rules that stay or move keep their counters. Of several equal rules, any may be removed.
        for (const [rule, left] of counted()) expect(counts.get(rule)).toEqual(expect.arrayContaining(left))
        expect([...counted().values()].flat().length).toBe(old.length - deleted.length - replaced.length)
        expect(reconcile({ filter: { own: now } }, { ...place(), owns: { chains: ['own'] } }).isEmpty).toBe(true)
        plan.inverse.apply()
        expect(text(true)).toEqual(before)
      }),
      { numRuns: 100 },
    )
  })

  const JUMPS = ['web-a', 'web-b', 'web-c'].map((chain) => `-j ${chain}`)
  const ANCHOR = '-p icmp -j ACCEPT'
  const others = fc.uniqueArray(fc.constantFrom(...RULES), { maxLength: 5 })
  const PLACES: readonly (readonly [string, JumpPlace<DesiredRule>, (foreign: readonly string[]) => number])[] = [
    ['first', 'first', () => 0],
    ['last', 'last', (foreign) => foreign.length],
    ['before a rule', { before: ANCHOR }, (foreign) => foreign.indexOf(ANCHOR)],
    ['after a rule', { after: Rule.parse(ANCHOR) }, (foreign) => foreign.indexOf(ANCHOR) + 1],
  ]
  test.each(PLACES)('jumps are placed %s of others, which stay unchanged', (_, jump, placeOf) => {
    const inputs = [
      others,
      fc.nat(),
      fc.array(fc.tuple(fc.nat(), fc.constantFrom(...JUMPS)), { maxLength: 4 }),
    ] as const
    fc.assert(
      fc.property(...inputs, fc.shuffledSubarray(JUMPS), (some, at, jumps, wanted) => {
        kernel = new MemoryKernel()
        const foreign = some.toSpliced(at % (some.length + 1), 0, ANCHOR)
        const now = jumps.reduce((all, [where, rule]) => all.toSpliced(where % (all.length + 1), 0, rule), foreign)
        const lines = now.map((rule, i) => `[${i + 1}:1] -A FORWARD ${rule}\n`).join('')
        const chains = JUMPS.map((rule) => `:${rule.slice(3)} - [0:0]\n`).join('')
        restore(`*filter\n${chains}${lines}COMMIT\n`, { ...place(), counters: true })
        const before = text(true)
        const desired = { filter: { FORWARD: wanted, 'web-a': [], 'web-b': [], 'web-c': [] } }
        const options = { ...PREFIX, ...place(), jumps: { FORWARD: jump } }
        const plan = reconcile(desired, options)
        plan.apply()
        expect(rules('FORWARD')).toEqual(foreign.toSpliced(placeOf(foreign), 0, ...wanted))
        const counted = (text: readonly string[]): string[] =>
          text.filter((line) => / -A FORWARD .* -j ACCEPT/.test(line))
        expect(counted(text(true))).toEqual(counted(before))
        expect(reconcile(desired, options).isEmpty).toBe(true)
        plan.inverse.apply()
        expect(text(true)).toEqual(before)
      }),
      { numRuns: 50 },
    )
  })

  test.each<[string, Desired, Omit<ReconcileOptions, 'kernel' | 'backend'>, string]>([
    [
      'a rule of a chain of others',
      { filter: { INPUT: ['-j DROP'] } },
      PREFIX,
      'it can only get jumps to chains that are yours',
    ],
    ['a policy of others', { filter: { INPUT: { policy: 'ACCEPT' } } }, PREFIX, 'its policy is not yours to set'],
    ['a policy of a chain that has none', { filter: { 'web-in': { policy: 'DROP' } } }, PREFIX, 'has no policy'],
    ['a chain of others that is not there', { filter: { gone: ['-j web-in'] } }, PREFIX, 'has no chain "gone"'],
    ['a name that no chain can have', { filter: { DROP: [] } }, { owns: 'tables' }, 'DROP'],
    ['a jump to nowhere', { filter: { 'web-in': ['-j nowhere'], 'web-old': [] } }, PREFIX, 'nowhere'],
    ['a key', { filter: { 'web-in': { rule: [] } as never } }, PREFIX, 'accepted: policy or rules'],
    ['no table', [] as never, PREFIX, 'an object of tables'],
    ['no chain', { filter: { 'web-in': 'x' as never } }, PREFIX, 'a list of rules'],
    ['tables in a Map', new Map([['filter', {}]]) as never, PREFIX, 'not an object of class Map'],
    ['chains in a Map', { filter: new Map([['web-in', []]]) as never }, PREFIX, 'not an object of class Map'],
    ['rules in a Set', { filter: { 'web-in': new Set(['-j DROP']) as never } }, PREFIX, 'not an object of class Set'],
    ['a rule alone', { filter: { 'web-in': Rule.parse('-j DROP') as never } }, PREFIX, 'not an object of class Rule'],
    // biome-ignore lint/suspicious/noSparseArray: this is the value that is refused.
    ['a list with a hole', { filter: { 'web-in': [, '-j DROP'] as never } }, PREFIX, 'a plain object'],
    [
      'the place of jumps in no chain',
      { filter: { INPUT: ['-j web-in'], 'web-in': [], 'web-old': [] } },
      { ...PREFIX, jumps: { INPUT: 'last', INPTU: 'last' } },
      'names chain INPTU',
    ],
    [
      'the place of jumps in a chain of ours',
      { filter: { 'web-in': [], 'web-old': [] } },
      { ...PREFIX, jumps: { 'web-in': 'last' } },
      'names chain web-in',
    ],
    [
      'a dictionary',
      { filter: { 'web-in': ['-j DROP', { protokol: 'tcp' } as never] } },
      PREFIX,
      'table filter chain web-in rule 2: rule: unknown key "protokol"',
    ],
    [
      'words that are not understood',
      { filter: { 'web-in': ['-j DROP', '-p tcp --dprot 80'] } },
      PREFIX,
      'table filter chain web-in rule 2: unknown option "--dprot"',
    ],
    [
      'another family',
      { filter: { 'web-in': [Rule6.parse('-j DROP')] } },
      PREFIX,
      'table filter chain web-in rule 1: an ipv6 rule cannot be added to an ipv4 table',
    ],
    ['another table', { name: 'agent' } as never, PREFIX, 'there is no table "name"; the tables are filter'],
    ['no owner', { filter: {} }, {} as never, 'the option owns'],
    ['an empty prefix', { filter: {} }, { owns: { prefix: '' } }, 'the option owns'],
    [
      'no place',
      { filter: { INPUT: [] } },
      { ...PREFIX, jumps: { INPUT: 'middle' as never } },
      'the place in chain INPUT',
    ],
    [
      'a place that is not there',
      { filter: { INPUT: [] } },
      { ...PREFIX, jumps: { INPUT: { after: '-j DROP' } } },
      'does not have the rule of { after: rule }',
    ],
    [
      'a chain that a chain of others goes to',
      { filter: {} },
      { owns: { chains: ['web-old'] } },
      'goes to chain web-old',
    ],
    ['text behind a table', '*filter\nCOMMIT\n-A INPUT -j web-in\n', PREFIX, 'belongs to no table'],
    ['text of no table', 'nonsense', PREFIX, 'belongs to no table'],
    ['text of nothing', '# nothing\n', PREFIX, 'the desired state has no table'],
    ['text of a table twice', '*filter\nCOMMIT\n*filter\nCOMMIT\n', PREFIX, 'twice'],
    ['text with a fault', '*filter\n-A INPUT -j web-in\n-A INPUT --nonsense\nCOMMIT\n', PREFIX, 'line 3'],
  ])('refuses %s, and changes nothing', (_, desired, options, message) => {
    restore(OTHERS, { ...place(), counters: true })
    easy.addRule('filter', 'docker', { target: 'web-old' }, 0, place())
    const before = text(true)
    for (const apply of [false, true])
      try {
        const plan = reconcile(desired, { ...options, ...place(), apply })
        expect(plan.format()).toBe(message)
      } catch (error) {
        expect(error).toBeInstanceOf(IptcError)
        expect((error as Error).message).toContain(message)
      }
    expect(text(true)).toEqual(before)
  })

  test.each<[string, unknown, readonly (string | number)[]]>([
    ['words', '-p tcp --dprot 80', ['filter', 'web-in', 1]],
    ['a dictionary', { tcp: { dprot: '80' } }, ['filter', 'web-in', 1, 'tcp', 'dprot']],
  ])('the path of an error points to the rule: %s', (_, rule, path) => {
    const desired = { filter: { 'web-in': ['-j DROP', rule as never] } }
    expect(() => reconcile(desired, { ...PREFIX, ...place() })).toThrow(expect.objectContaining({ path }))
  })

  test('changes of rules and lists between two calls are noticed', () => {
    const list = Array.from({ length: 50 }, (_, i) => Rule.parse(`-s 10.0.0.${i} -p tcp -m tcp --dport 22 -j ACCEPT`))
    const desired = { filter: { own: list } }
    const become = (): Plan => reconcile(desired, { ...place(), owns: { chains: ['own'] }, apply: true })
    become()
    become()
    expect(become().isEmpty).toBe(true)
    ;(list[3] as Rule).src = '10.1.1.1'
    const [match] = (list[4] as Rule).matches as unknown as { dport: string }[]
    if (match !== undefined) match.dport = '23'
    list[5] = Rule.parse('-j DROP')
    expect(become().tables[0]?.chains[0]?.replaced.map(({ added }) => added.rule)).toEqual([
      '-s 10.1.1.1/32 -p tcp -m tcp --dport 22 -j ACCEPT',
      '-s 10.0.0.4/32 -p tcp -m tcp --dport 23 -j ACCEPT',
      '-j DROP',
    ])
    expect(rules('own')).toEqual(list.map(String))
  })

  test('a chain may have the name of a property that every object has', () => {
    restore('*filter\n:constructor - [0:0]\n-A constructor -j DROP\nCOMMIT\n', place())
    const desired = { filter: { 'web-in': [], constructor: ['-j web-in'] } }
    reconcile(desired, { ...PREFIX, ...place(), apply: true })
    expect(rules('constructor')).toEqual(['-j web-in', '-j DROP'])
  })

  test('text of iptables-save is desired as it is, except for its counters', () => {
    restore(OTHERS, { ...place(), counters: true })
    const desired =
      '*filter\n:INPUT DROP [0:0]\n:web-in - [0:0]\n-A INPUT -j web-in\n[1:1] -A web-in -m comment --comment "*nat" -j DROP\nCOMMIT\n'
    reconcile(desired, { ...PREFIX, ...place(), apply: true })
    expect(rules('INPUT')).toEqual(['-j web-in', '-s 10.9.9.9/32 -j DROP', '-j docker'])
    expect(rules('web-in')).toEqual(['-m comment --comment "*nat" -j DROP'])
  })

  test('commands for all chains in a text do not name chains of others', () => {
    restore(OTHERS, { ...place(), counters: true })
    easy.addRule('filter', 'docker', { target: 'web-in' }, 0, place())
    const chains = ':web-in - [0:0]\n:web-old - [0:0]\n'
    reconcile(`*filter\n${chains}-F\n-Z\n-A web-in -j DROP\nCOMMIT\n`, { ...PREFIX, ...place(), apply: true })
    expect(rules('docker')).toEqual(['-j RETURN', '-j web-in'])
    reconcile(`*filter\n:docker -\n${chains}COMMIT\n`, { ...PREFIX, ...place(), apply: true })
    expect(rules('docker')).toEqual(['-j RETURN'])
  })

  test('a place for jumps may refer to a chain in only one of several tables', () => {
    const desired = {
      nat: { PREROUTING: ['-j web-in'], 'web-in': [] },
      filter: { FORWARD: ['-j web-in'], 'web-in': [] },
    }
    const jumps = { PREROUTING: 'last', FORWARD: 'last' } as const
    for (const apply of [false, true]) reconcile(desired, { ...PREFIX, ...place(), jumps, apply })
    expect(rules('FORWARD')).toEqual(['-j web-in'])
  })

  type Kept = { -readonly [K in keyof ChainPlan]: ChainPlan[K] extends readonly (infer E)[] ? E[] : ChainPlan[K] }
  const rule = { rule: '-j DROP', counters: ['0', '0'] as [string, string] }
  test.each<[string, (chain: Kept, all: Kept[]) => void]>([
    ['another rule', ({ added }) => added.splice(0, 1, { ...rule, position: 1 })],
    ['a rule that is not there goes', ({ deleted }) => deleted.push({ ...rule, position: 9 })],
    ['a rule that is not there moves', ({ moved }) => moved.push({ from: 9, to: 1, rule: '-j DROP' })],
    ['a rule less', ({ added }) => added.splice(0)],
    ['a chain twice', (chain, all) => all.push(chain)],
    ['the creation of a chain that is there', (chain) => (chain.change = 'create')],
    ['a change of a chain that is not there', (chain) => Object.assign(chain, { chain: 'gone', before: '-' })],
    [
      'a counter too large',
      ({ added }) => added.splice(0, 1, { ...rule, position: 1, counters: [`${2n ** 64n}`, '0'] }),
    ],
    [
      'a built-in chain goes',
      (chain) =>
        Object.assign(chain, {
          chain: 'OUTPUT',
          change: 'delete',
          before: EMPTY_ACCEPT,
          after: '-',
          added: [],
          deleted: [],
        }),
    ],
  ])('a stored plan that was modified is refused, and nothing is written: %s', (_, change) => {
    restore(OTHERS, { ...place(), counters: true })
    const before = text(true)
    const desired = { filter: { 'web-in': ['-j LOG', '-p tcp --dport 80 -j ACCEPT', '-p tcp --dport 443 -j ACCEPT'] } }
    const json = JSON.parse(JSON.stringify(reconcile(desired, { owns: { chains: ['web-in'] }, ...place() })))
    const [chain] = json.tables[0].chains
    change(chain, json.tables[0].chains)
    expect(() => Plan.fromJSON(json, place()).apply()).toThrow(XtablesError)
    expect(text(true)).toEqual(before)
  })

  test('whole tables: undesired chains are deleted, and rules of built-in ones; policies stay by default', () => {
    restore(OTHERS, { ...place(), counters: true })
    const plan = reconcile(
      { filter: { OUTPUT: { policy: 'DROP', rules: ['-o lo -j ACCEPT'] } } },
      { owns: 'tables', ...place() },
    )
    plan.apply()
    expect(text()).toEqual([
      '*filter',
      ':INPUT DROP [5:6]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT DROP [0:0]',
      '-A OUTPUT -o lo -j ACCEPT',
      'COMMIT',
    ])
  })
})
