/** A packet that reaches a rule twice. */
import { FamilyRuleset, type Trace, trace } from '../../src/index'

const marked = (rules: string): FamilyRuleset =>
  FamilyRuleset.parse(`*mangle\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:twice -\n${rules}\nCOMMIT\n`)

/** How often a rule of the chain was reached on each path. */
function visits({ steps, fork }: Trace, before = 0): number[] {
  const here = steps.filter((one) => one.kind === 'rule' && one.chain === 'twice' && one.matches === true).length
  return fork === undefined ? [before + here] : [fork.yes, fork.no].flatMap((way) => visits(way, before + here))
}

test('a random match is decided again', () => {
  const rules =
    '-A INPUT -j twice\n-A INPUT -j twice\n-A twice -m statistic --mode random --probability 0.5 -j MARK --or-mark 1'
  expect(visits(trace({ in: 'eth0', way: 'input' }, marked(rules))).sort()).toEqual([0, 1, 1, 2])
})

test('a property may have been set by then', () => {
  const rules = [
    ...['-A INPUT -j twice', '-A INPUT -j TTL --ttl-set 7', '-A INPUT -j twice'],
    '-A twice -m u32 --u32 "8>>24=7" -j MARK --or-mark 1',
  ]
  expect(visits(trace({ in: 'eth0', way: 'input' }, marked(rules.join('\n')))).sort()).toEqual([1, 2])
})
