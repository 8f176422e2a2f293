/** Restore text on the in-process kernel: round trips, malformed text, and performance. */
import fc from 'fast-check'
import { type IptcError, MemoryKernel, RestoreError, type RestoreOptions, restore, save, Table } from '../../src/index'
import { captureTable } from '../../src/kernel/capture'
import { ourRestore, ourSave } from '../support/applets'
import { cases, ruleLine } from '../support/cases'
import { cpuTime } from '../support/cpu-time'
import { explained } from '../support/deviations'
import { fixtures } from '../support/fixtures'

const blobOf = (kernel: MemoryKernel, family: 'ipv4' | 'ipv6', table: string): string => {
  const { entries, ...layout } = captureTable(kernel, family, table)
  return JSON.stringify({ ...layout, entries: Buffer.from(entries).toString('hex') })
}

describe('fixtures', () => {
  test.each(fixtures().map((fixture) => [`${fixture.capture.family} ${fixture.name}`, fixture] as const))(
    '%s is the same after saving and restoring',
    (_, { lines, capture }) => {
      const { family, table, sets = {} } = capture
      // Accepted in another spelling and printed in the usual one, or refused intentionally.
      if (lines.some((line) => explained('refused', line) !== undefined)) return
      const ipv6 = family === 'ipv6'
      const from = new MemoryKernel({ captures: [capture] })
      const [once, twice] = [new MemoryKernel({ sets }), new MemoryKernel({ sets })]
      const text = save({ kernel: from, ipv6, counters: true })
      restore(text, { kernel: once, ipv6, counters: true })
      restore(save({ kernel: once, ipv6, counters: true }), { kernel: twice, ipv6, counters: true })
      expect(blobOf(twice, family, table)).toBe(blobOf(once, family, table))
      const body = (saved: string): string[] => saved.split('\n').slice(1, -2)
      expect(body(save({ kernel: once, ipv6, counters: true }))).toEqual(body(text))
    },
  )
})

describe('lines that only differ in their counters', () => {
  const lines = [
    '[1:60] -A INPUT -s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT',
    '[0:0] -A INPUT -s 10.0.0.2/32 -p tcp -m tcp --dport 23 -j ACCEPT',
    '-A INPUT -s 10.0.0.3/32 -p tcp -m tcp --dport 24 -j ACCEPT',
    '[18446744073709551615:7] -A INPUT -s 10.0.0.4/32 -p tcp -m tcp --dport 25 -j ACCEPT',
    '[ 8 : 9 ] -A INPUT -s 10.0.0.5/32 -p tcp -m tcp --dport 26 -j ACCEPT',
    '[999999999999999999:3] -A INPUT -s 10.0.0.6/32 -p tcp -m tcp --dport 27 -j ACCEPT',
  ]
  const restored = (counters: boolean, ...some: string[]): string[] => {
    const kernel = new MemoryKernel()
    restore(`*filter\n${some.join('\n')}\nCOMMIT\n`, { kernel, counters })
    return save({ kernel, counters: true })
      .split('\n')
      .filter((line) => line.includes('-A'))
  }

  test.each([true, false])('are parsed like each of them alone, counters: %s', (counters) => {
    const alone = lines.flatMap((line) => restored(counters, line))
    expect(restored(counters, ...lines)).toEqual(alone)
    expect(restored(counters, ...lines.toReversed())).toEqual(alone.toReversed())
    expect(alone[0]).toBe(counters ? lines[0] : lines[0]?.replace('1:60', '0:0'))
  })
})

describe('random rules', () => {
  const lines = (family: 'ipv4' | 'ipv6'): string[] =>
    cases
      .filter((one) => one.family.name === family && one.table === 'filter' && one.setup.length === 0)
      .flatMap(({ accepted }) => accepted)
      .filter((line) => ['refused', 'bytes'].every((what) => explained(what as 'bytes', line) === undefined))
      .filter((line) => /^-A (?:INPUT|FORWARD|OUTPUT) /.test(line) && !/ (?:-c|--set-counters) | -s \S+,/.test(line))

  const name = fc.stringMatching(/^[a-z][-a-z0-9_."\\|+]{0,27}$/)
  const count = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const rules = (family: 'ipv4' | 'ipv6') =>
    fc.array(fc.tuple(fc.constantFrom(...lines(family)), fc.nat(), count, count), { maxLength: 30 })

  test.each(['ipv4', 'ipv6'] as const)('%s: text and bytes survive a round trip', (family) => {
    const ipv6 = family === 'ipv6'
    const property = fc.property(fc.uniqueArray(name, { maxLength: 5 }), rules(family), (names, picked) => {
      const [kernel, once, twice] = [new MemoryKernel(), new MemoryKernel(), new MemoryKernel()]
      const word = (chain: string): string => (/["\\]/.test(chain) ? JSON.stringify(chain) : chain)
      const text = picked.map(([line, n, packets, bytes]) => {
        const { chain, rule } = ruleLine(line)
        const place = n % 3 === 0 ? (names[n % names.length] ?? chain) : chain
        // A user-defined chain must only be reached from hooks at which its rules are allowed.
        const of = / -[io] | --(?:uid|gid)|-m (?:owner|physdev)/.test(rule) ? chain : word(place)
        return `[${packets}:${bytes}] -A ${of} ${rule}`
      })
      const chains = names.map((one) => `:${one} - [0:0]`)
      restore(['*filter', ...chains, ...text, 'COMMIT', ''].join('\n'), { kernel, ipv6, counters: true })
      const saved = save({ kernel, ipv6, counters: true })
      // Some rules have two encodings with the same text. Restoring its own text keeps a rule as it is.
      restore(saved, { kernel: once, ipv6, counters: true })
      const again = save({ kernel: once, ipv6, counters: true })
      restore(again, { kernel: twice, ipv6, counters: true })
      expect(again.split('\n').slice(1, -2)).toEqual(saved.split('\n').slice(1, -2))
      expect(blobOf(twice, family, 'filter')).toBe(blobOf(once, family, 'filter'))
    })
    fc.assert(property, { numRuns: 60 })
  })
})

describe('random commands', () => {
  const number = fc.integer({ min: 1, max: 6 })
  const command = fc.oneof(
    fc.record({ kind: fc.constant('A') }),
    fc.record({ kind: fc.constantFrom('I', 'D', 'R'), number }),
    fc.record({ kind: fc.constant('I'), number: fc.constant(1) }),
    fc.record({ kind: fc.constant('F') }),
  )

  test('change a chain as they would change a list', () => {
    const property = fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const list: number[] = []
      const text = commands.flatMap((one, mark) => {
        const at = 'number' in one ? (one.number as number) : 1
        const rule = `-m mark --mark ${mark}`
        if (one.kind === 'F') list.splice(0)
        else if (one.kind === 'A') list.push(mark)
        else if (at > list.length + (one.kind === 'I' ? 1 : 0)) return []
        else if (one.kind === 'I') list.splice(at - 1, 0, mark)
        else if (one.kind === 'R') list[at - 1] = mark
        else list.splice(at - 1, 1)
        if (one.kind === 'F') return ['-F INPUT']
        return [one.kind === 'A' ? `-A INPUT ${rule}` : `-${one.kind} INPUT ${at} ${one.kind === 'D' ? '' : rule}`]
      })
      const kernel = new MemoryKernel()
      restore(['*filter', ...text, 'COMMIT', ''].join('\n'), { kernel })
      const marks = new Table('filter', { kernel }).chains[0]?.rules.map((rule) => Number(`${rule}`.split(' ').at(-1)))
      expect(marks).toEqual(list)
    })
    fc.assert(property, { numRuns: 200 })
  })
})

describe('text that cannot be restored', () => {
  const START = '*filter\n:kept - [0:0]\n-A INPUT -s 10.0.0.1/32 -j kept\n-A kept -p tcp -j DROP\nCOMMIT\n'
  const inTable = (...lines: string[]): string => ['*filter', ...lines, 'COMMIT', ''].join('\n')

  test.each<[string, string, number, string, RegExp]>([
    [
      'a quote that is not closed',
      inTable('-A INPUT', '-A INPUT -m comment --comment "x'),
      3,
      'syntax',
      /never closed/,
    ],
    ['text behind a quote', inTable('-A INPUT -m comment --comment "x"y'), 2, 'syntax', /quote|Bad argument/],
    ['a NUL byte', inTable('-A INPUT -j ACC\0EPT'), 2, 'syntax', /NUL/],
    ['a NUL byte in a comment', inTable('-A INPUT', '# \0'), 3, 'syntax', /NUL/],
    [
      'a long line',
      inTable(`-A INPUT -m comment --comment ${'x'.repeat(10_000_000)}`),
      2,
      'syntax',
      /65536 characters/,
    ],
    ['a long comment', inTable(`# ${'x'.repeat(10_000_000)}`), 2, 'syntax', /65536 characters/],
    ['a long quote', inTable('-A INPUT -m comment --comment "', ...Array(40_000).fill('xx')), 2, 'syntax', /65536/],
    ['no UTF-8', inTable('-A INPUT -j \udcff\udcfe'), 2, 'syntax', /no such chain or target/],
    ['no UTF-8 in a name', inTable(`:${'\udcff'.repeat(29)} -`), 2, 'syntax', /28 chars/],
    ['half a character', inTable(':\ud800 -'), 2, 'syntax', /chain name invalid/],
    ['no COMMIT', '*filter\n-A INPUT -j ACCEPT\n', 3, 'refused', /COMMIT expected/],
    ['no COMMIT, nor anything else', '*filter', 2, 'refused', /COMMIT expected/],
    ['another chain', inTable('-A nobody -j ACCEPT'), 2, 'refused', /no chain "nobody"/],
    ['another target', inTable('-A INPUT -j nobody'), 2, 'syntax', /nobody/],
    ['another table', '*nobody\nCOMMIT\n', 1, 'syntax', /nobody/],
    ['no table', '*\nCOMMIT\n', 1, 'syntax', /table name invalid/],
    ['line ends of Windows', inTable('-A INPUT').replaceAll('\n', '\r\n'), 1, 'syntax', /carriage return/],
    ['one line end of Windows', inTable('-A INPUT -j ACCEPT\r'), 2, 'syntax', /carriage return/],
    ['spaces', inTable('   '), 2, 'syntax', /no command/],
    ['a table in a table', inTable('-A INPUT', '*mangle'), 3, 'syntax', /Bad argument/],
    ['a rule outside', `-A INPUT\n${inTable()}`, 1, 'refused', /belongs to no table: .* \*filter must come before/],
    ['a number without a rule', inTable('-D INPUT 7'), 2, 'refused', /no rule 7; accepted: 1 to \d|no rules/],
    ['a rule that the kernel refuses', inTable('-A INPUT -j ACCEPT', '-A INPUT -m tcp'), 3, 'refused', /needs -p tcp/],
    [
      'a rule that cannot stand there',
      inTable('-A OUTPUT -j ACCEPT', '-A OUTPUT -i lo'),
      3,
      'syntax',
      /-i with OUTPUT/,
    ],
    ['chains in a circle', inTable(':a -', ':b -', '-A a -j b', '-A b -j a', '-A INPUT -j a'), 4, 'refused', /loop/],
    ['an option of the tool', inTable('-A INPUT -t filter'), 2, 'syntax', /-t option cannot be used/],
  ])('%s', (_, text, line, kind, reason) => {
    const kernel = new MemoryKernel()
    restore(START, { kernel })
    const before = blobOf(kernel, 'ipv4', 'filter')
    const error = thrownBy(() => restore(text, { kernel }))
    expect(error).toBeInstanceOf(RestoreError)
    expect(error).toMatchObject({ line, kind, reason: expect.stringMatching(reason) })
    expect((error as RestoreError).text.length).toBeLessThan(300)
    expect(error.message.startsWith(`line ${line}: `)).toBe(true)
    expect(blobOf(kernel, 'ipv4', 'filter')).toBe(before)
  })

  test('gives the exit status, the line number and the line', () => {
    const kernel = new MemoryKernel()
    const { status, stderr } = ourRestore('ipv4', [], inTable('-A INPUT --nonsense'), kernel)
    expect(status).toBe(2)
    expect(stderr).toBe(
      'iptables-restore v1.8.9 (legacy): unknown option "--nonsense"\n' +
        'Error occurred at line: 2\n  -A INPUT --nonsense\n' +
        "Try `iptables-restore -h' or 'iptables-restore --help' for more information.\n",
    )
    expect(ourRestore('ipv6', [], inTable('-X gone'), kernel)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'ip6tables-restore: line 2 failed: table filter has no chain "gone"\n  -X gone\n',
    })
  })

  test('tables before it stay restored', () => {
    const kernel = new MemoryKernel()
    const error = thrownBy(() => restore('*raw\n:new -\nCOMMIT\n*filter\n-A gone\nCOMMIT\n', { kernel }))
    expect(error).toMatchObject({ line: 5 })
    expect(new Table('raw', { kernel }).isChain('new')).toBe(true)
  })

  test('random text is restored completely or refused', () => {
    const words = [
      '*filter',
      'COMMIT',
      ':a - [0:0]',
      '-A',
      'INPUT',
      '-j',
      'ACCEPT',
      '"',
      '\\',
      ' ',
      '\n',
      '[1:2]',
      '\0',
    ]
    const kernel = new MemoryKernel()
    restore(START, { kernel })
    const before = blobOf(kernel, 'ipv4', 'filter')
    const someParts = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary' }), fc.string()))
    const property = fc.property(someParts, (parts) => {
      // Whatever the run before has left.
      restore(START, { kernel })
      expect(blobOf(kernel, 'ipv4', 'filter')).toBe(before)
      const text = parts.join('')
      const error = thrownBy(() => restore(text, { kernel, counters: true }), true)
      if (error === undefined) return
      expect(error).toBeInstanceOf(RestoreError)
      // Tables before the error stay restored.
      const isOver = (line: string, i: number): boolean => line === 'COMMIT' && i + 1 < (error as RestoreError).line
      if (!text.split('\n').some(isOver)) expect(blobOf(kernel, 'ipv4', 'filter')).toBe(before)
    })
    fc.assert(property, { numRuns: 500, examples: [[['*filter', '\n', 'COMMIT', '\n', 'x']]] })
  })
})

function thrownBy(body: () => void): IptcError
function thrownBy(body: () => void, mayPass: true): IptcError | undefined
function thrownBy(body: () => void, mayPass = false): IptcError | undefined {
  try {
    body()
  } catch (error) {
    return error as IptcError
  }
  if (mayPass) return undefined
  throw new Error('nothing was thrown')
}

describe('options', () => {
  const TEXT = '*filter\n:INPUT DROP [5:6]\n[1:2] -A INPUT -j ACCEPT\nCOMMIT\n*raw\n:mine -\nCOMMIT\n'
  const bodies = (kernel: MemoryKernel): string => save({ kernel, counters: true }).replace(/^#.*\n/gm, '')

  test('counters, tables, noflush, test', () => {
    const kernel = new MemoryKernel()
    restore(TEXT, { kernel, tables: ['filter'] })
    expect(bodies(kernel)).toContain(':INPUT DROP [0:0]')
    expect(bodies(kernel)).not.toContain('*raw')
    restore(TEXT, { kernel, counters: true })
    const both = bodies(kernel)
    expect(both).toContain(':INPUT DROP [5:6]\n')
    expect(both).toContain('[1:2] -A INPUT -j ACCEPT\n')
    restore('*filter\n-A INPUT -j DROP\nCOMMIT\n', { kernel, test: true })
    expect(bodies(kernel)).toBe(both)
    restore('*filter\n-A INPUT -j DROP\nCOMMIT\n', { kernel, noflush: true })
    expect(bodies(kernel)).toContain('[1:2] -A INPUT -j ACCEPT\n[0:0] -A INPUT -j DROP\n')
  })

  test('with noflush, a named chain is flushed, and others stay', () => {
    const kernel = new MemoryKernel()
    restore('*filter\n:a -\n:b -\n-A a -j DROP\n-A b -j DROP\n-A INPUT -j a\nCOMMIT\n', { kernel })
    restore('*filter\n:a - [0:0]\n-A a -j ACCEPT\nCOMMIT\n', { kernel, noflush: true })
    expect(bodies(kernel)).toContain('[0:0] -A INPUT -j a\n[0:0] -A a -j ACCEPT\n[0:0] -A b -j DROP\nCOMMIT')
  })

  test('--test says what the kernel would refuse', () => {
    const kernel = new MemoryKernel()
    expect(() => restore('*filter\n-A INPUT -m tcp\nCOMMIT\n', { kernel, test: true })).toThrow(
      /line 2: .*needs -p tcp/,
    )
  })

  test('a line for the other family is skipped, whatever it contains', () => {
    const text = '*filter\n-6 -A INPUT -s fe80::/10 --nonsense\n-4 -A INPUT -s 10.0.0.1\n-A INPUT -j ACCEPT\nCOMMIT\n'
    const kernel = new MemoryKernel()
    restore(text, { kernel })
    expect(bodies(kernel)).toContain('-A INPUT -s 10.0.0.1/32\n[0:0] -A INPUT -j ACCEPT\n')
  })

  test.each<[string, RestoreOptions]>([
    ['there is no option flush', { flush: false } as RestoreOptions],
    ['the option tables takes a list', { tables: 'filter' as unknown as string[] }],
    ['the options kernel and namespace exclude each other', { kernel: new MemoryKernel(), namespace: 'x' }],
  ])('%s', (message, options) => {
    expect(() => restore('', options)).toThrow(message)
  })

  test('quotes may contain a line break and a byte that is not valid UTF-8', () => {
    const kernel = new MemoryKernel()
    const text = '*filter\n-A INPUT -m comment --comment "a\n*raw\nCOMMIT\n\udcff" -j ACCEPT\nCOMMIT\n'
    restore(text, { kernel })
    expect(new Table('filter', { kernel }).chains[0]?.rules).toHaveLength(1)
    const again = new MemoryKernel()
    restore(save({ kernel }), { kernel: again })
    expect(blobOf(again, 'ipv4', 'filter')).toBe(blobOf(kernel, 'ipv4', 'filter'))
    // The quoted line *raw does not begin a table, even if only the table raw is restored.
    const raw = new MemoryKernel()
    restore(text, { kernel: raw, tables: ['raw'] })
    expect(raw.tables('ipv4')).toEqual([])
  })
})

describe('the commands', () => {
  const kernel = new MemoryKernel()

  test('print what commands in the text print', () => {
    const text = '*filter\n:a - [0:0]\n-A a -j DROP\n-S\nCOMMIT\n'
    const { status, stdout } = ourRestore('ipv4', [], text, kernel)
    expect([status, stdout]).toEqual([0, '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-N a\n-A a -j DROP\n'])
  })

  test('save all tables, or one', () => {
    expect(ourSave('ipv4', ['-t', 'filter'], kernel).stdout).toMatch(
      /^# Generated by iptables-save v\S+ \(xtables\) on \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n\*filter\n/,
    )
    expect(ourSave('ipv6', [], kernel)).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(ourSave('ipv4', ['-t', 'nobody'], kernel)).toMatchObject({ status: 1 })
  })

  test.each<[string, string[], number, RegExp]>([
    ['an unknown letter', ['-x'], 1, /invalid option -- 'x'/],
    ['an unknown name', ['--nonsense'], 1, /unrecognized option '--nonsense'/],
    ['a name cut too short', ['--t'], 1, /ambiguous; possibilities: '--test' '--table'/],
    ['no value', ['-T'], 1, /requires an argument -- 'T'/],
    ['two files', ['a', 'b'], 1, /Unknown arguments/],
    ['no such file', ['/nonexistent/rules'], 1, /Can't open \/nonexistent\/rules: No such file or directory/],
    ['no number', ['-w', 'x'], 2, /wait seconds not numeric/],
    ['an interval alone', ['-W', '5'], 1, /requires option --wait/],
  ])('restore refuses %s', (_, args, status, message) => {
    const outcome = ourRestore('ipv4', args, '', kernel)
    expect(outcome).toMatchObject({ status, stderr: expect.stringMatching(message) })
  })
})

describe('big texts', () => {
  const lines = (count: number, line: (i: number) => string): string =>
    `${Array.from({ length: count }, (_, i) => line(i)).join('\n')}\n`

  // Ten times as many lines. With quadratic time, they would take a hundred times as long.
  const LINEAR = 30
  /** Of ten small texts: together, they cause as much garbage collection as the big one. */
  const mean = (times: readonly number[]): number => times.reduce((sum, time) => sum + time) / times.length

  test('10,000 chains are created, filled, flushed and deleted', () => {
    const timesOf = (count: number): Record<'create' | 'remove', number> => {
      const kernel = new MemoryKernel()
      const made = lines(count, (i) => `:chain${i} - [0:0]`)
      const filled = lines(count, (i) => `-A INPUT -j chain${i}\n-A chain${i} -s 10.0.0.1 -j ACCEPT`)
      const create = cpuTime(() => restore(`*filter\n${made}${filled}COMMIT\n`, { kernel }))
      const deleted = lines(count, (i) => `-X chain${i}`)
      const remove = cpuTime(() => restore(`*filter\n-F\n${deleted}COMMIT\n`, { kernel, noflush: true }))
      expect(new Table('filter', { kernel }).chains).toHaveLength(3)
      return { create, remove }
    }
    // The first round also compiles the code.
    timesOf(1_000)
    const few = Array.from({ length: 10 }, () => timesOf(1_000))
    const many = timesOf(10_000)
    for (const step of ['create', 'remove'] as const)
      expect(many[step] / mean(few.map((times) => times[step]))).toBeLessThan(LINEAR)
  })

  test('50,000 rules are inserted, each before the others', () => {
    const timeOf = (count: number): number => {
      const kernel = new MemoryKernel()
      const text = lines(count, (i) => `-I INPUT -m mark --mark ${i}`)
      const time = cpuTime(() => restore(`*filter\n${text}COMMIT\n`, { kernel }))
      const first = `${new Table('filter', { kernel }).chains[0]?.rules[0]}`
      expect(first).toBe(`-m mark --mark 0x${(count - 1).toString(16)}`)
      return time
    }
    // The first round also compiles the code.
    timeOf(5_000)
    const few = Array.from({ length: 10 }, () => timeOf(5_000))
    const many = timeOf(50_000)
    expect(many / mean(few)).toBeLessThan(LINEAR)
  })
})
