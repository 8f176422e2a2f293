/** Plans are rolled back, also if others have changed the same chains since, or if the plan was never applied. */
import fc from 'fast-check'
import { MemoryKernel, reconcile, restore, save } from '../../src/index'
import { takeBack, takeBackOf } from '../../src/reconcile/take-back'
import { onBackends } from '../support/backends'

const RULES = [1, 2, 3, 4].map((i) => `-s 10.0.0.${i}/32 -j ACCEPT`)
const FOREIGN = [1, 2, 3].map((i) => `-s 192.168.0.${i}/32 -j DROP`)

onBackends((backend) => {
  let kernel: MemoryKernel
  const place = () => ({ kernel, backend })
  const write = (...lines: string[]): void =>
    restore(`${['*filter', ...lines, 'COMMIT'].join('\n')}\n`, { ...place(), counters: true, noflush: true })
  const text = (): string[] =>
    save({ ...place(), counters: true })
      .split('\n')
      .filter((line) => /^[[:]/.test(line))
  const rules = (chain: string): string[] =>
    text().flatMap((line) => new RegExp(`^\\[.*\\] -A ${chain} (.*)`).exec(line)?.[1] ?? [])
  beforeEach(() => {
    kernel = new MemoryKernel()
  })

  const shuffled = fc.array(fc.constantFrom(...RULES), { maxLength: 6 })
  const put = fc.array(fc.tuple(fc.nat(8), fc.constantFrom(...FOREIGN)), { maxLength: 3 })
  test('rules of others keep their places among ours, which are restored with their counters', () => {
    fc.assert(
      fc.property(shuffled, shuffled, put, fc.boolean(), (old, now, foreign, isDone) => {
        kernel = new MemoryKernel()
        write(':own - [0:0]', ...old.map((rule, i) => `[${i + 1}:1] -A own ${rule}`))
        const plan = reconcile({ filter: { own: now } }, { ...place(), owns: { chains: ['own'] } })
        const before = text()
        const undo = JSON.parse(JSON.stringify(takeBackOf(plan, place())))
        if (isDone) plan.apply()
        for (const [at, rule] of foreign) write(`-I own ${(at % (rules('own').length + 1)) + 1} ${rule}`)
        const present = text()
        const { lines, isDone: isWhole } = takeBack(undo, place())
        expect(isWhole).toBe(true)
        if (!isDone) expect(text()).toEqual(present)
        expect(rules('own').filter((rule) => FOREIGN.includes(rule))).toEqual(
          present.flatMap((line) => FOREIGN.filter((rule) => line.endsWith(rule))),
        )
        const left = text().filter((line) => !FOREIGN.some((rule) => line.endsWith(rule)))
        if (foreign.length === 0) expect(left).toEqual(before)
        // Counters may differ: if the chain was changed, any of several equal rules may be the one that is removed.
        else
          expect(left.map((line) => line.replace(/^\[.*\]/, ''))).toEqual(
            before.map((line) => line.replace(/^\[.*\]/, '')),
          )
        if (!isDone || plan.isEmpty) expect(lines).toEqual([])
        expect(takeBack(undo, place())).toEqual({ lines: [], isDone: true })
      }),
      { numRuns: 100 },
    )
  })

  const DESIRED = { filter: { INPUT: { policy: 'DROP', rules: ['-j own'] }, own: ['-s 10.0.0.1 -j ACCEPT'] } } as const
  const done = () => {
    write(':INPUT ACCEPT [0:0]', ':old - [0:0]', '[5:6] -A INPUT -s 10.0.0.9 -j old', '[7:8] -A old -j RETURN')
    const before = text()
    const plan = reconcile(DESIRED, { ...place(), owns: 'tables' })
    const undo = takeBackOf(plan, place())
    plan.apply()
    return { before, undo }
  }

  test('chains, policies and counters are restored', () => {
    const { before, undo } = done()
    expect(takeBack(undo, place())).toEqual({ lines: ['table filter: all is as it was'], isDone: true })
    expect(text()).toEqual(before)
  })

  test('a created chain stays if others use it, which is reported', () => {
    const { undo } = done()
    write('-A FORWARD -j own')
    const { lines, isDone } = takeBack(undo, place())
    expect(isDone).toBe(true)
    expect(lines).toContain('table filter: chain own: stays, as others have rules in it or go to it: look at it')
    expect(rules('FORWARD')).toEqual(['-j own'])
    expect([rules('own'), rules('INPUT'), rules('old')]).toEqual([[], ['-s 10.0.0.9/32 -j old'], ['-j RETURN']])
    expect(text()).toContain('[5:6] -A INPUT -s 10.0.0.9/32 -j old')
  })

  test('a policy that others have changed since stays as they set it', () => {
    const { undo } = done()
    write(':INPUT DROP [0:0]', '-A INPUT -s 1.2.3.4 -j DROP')
    takeBack(undo, place())
    expect(text()[0]).toMatch(/^:INPUT ACCEPT/)
    const again = done()
    write(':INPUT ACCEPT [0:0]', '-A INPUT -s 1.2.3.4 -j DROP')
    takeBack(again.undo, place())
    expect(text()[0]).toMatch(/^:INPUT ACCEPT/)
  })

  test('a rule is restored even if others have deleted its chain', () => {
    write(':old - [0:0]', '-A INPUT -j old')
    const plan = reconcile({ filter: { INPUT: [] } }, { ...place(), owns: { chains: ['INPUT'] } })
    const undo = takeBackOf(plan, place())
    plan.apply()
    write('-A INPUT -s 1.2.3.4 -j DROP', '-X old')
    const { lines } = takeBack(undo, place())
    expect(lines[0]).toContain('chain old: others have deleted it')
    expect(rules('INPUT')).toEqual(['-s 1.2.3.4/32 -j DROP', '-j old'])
  })

  test('changes that cannot be reverted are reported', () => {
    const { undo } = done()
    const { plan, chains: said } = undo
    const [table] = plan.tables
    const wrong = { ...plan, tables: [{ ...table, table: 'nosuch', chains: [] }, table] } as never
    const { lines, isDone } = takeBack({ plan: wrong, chains: [[], said[0]] as never }, place())
    expect(isDone).toBe(false)
    expect(lines[0]).toMatch(/^table nosuch: NOT rolled back: /)
    expect(lines[1]).toBe('table filter: all is as it was')
  })
})
