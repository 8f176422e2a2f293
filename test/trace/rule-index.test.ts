/** Rules that are skipped because they ask for another value than the packet has: none of them would match. */
import fc from 'fast-check'
import { FamilyRuleset, type PacketDescription, type Trace, trace } from '../../src/index'
import { knownPacket } from '../../src/trace/describe-packet'
import { evaluate } from '../../src/trace/evaluate'
import type { CompiledChain } from '../../src/trace/family-ruleset'

const maybe = (...words: readonly string[]): fc.Arbitrary<string> => fc.constantFrom('', '', ...words)

const line = fc
  .tuple(
    maybe('-i eth0 ', '-i eth1 ', '-i eth+ ', '! -i eth0 '),
    maybe('-s 10.0.0.1 ', '-s 10.0.0.2 ', '-s 10.0.0.0/24 ', '-s 10.0.0.0/30 ', '! -s 10.0.0.1 '),
    fc.oneof(
      fc.constant(''),
      fc
        .tuple(
          fc.constantFrom('tcp', 'udp'),
          maybe('--dport 22 ', '--dport 80 ', '--dport 20:25 ', '! --dport 22 ', '-m multiport --dports 22,80 '),
        )
        .map(([name, port]) => `-p ${name} -m ${name} ${port}`),
      fc.constant('-p icmp '),
    ),
    maybe(
      '-m mark --mark 1 ',
      '-m mark --mark 1/3 ',
      '-m conntrack --ctstate NEW ',
      '-m limit --limit 1/s ',
      '-m pkttype --pkt-type broadcast ',
      '-m pkttype --pkt-type multicast ',
      '-m cpu --cpu 0 ',
    ),
    fc.constantFrom('-j ACCEPT', '-j DROP', '-j MARK --set-mark 1', '-j MARK --set-xmark 2/2', '-j own', ''),
  )
  .map((words) => words.join(''))

const packet: fc.Arbitrary<PacketDescription> = fc
  .record(
    {
      in: fc.constantFrom('eth0', 'eth1'),
      source: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.0/30', '10.9.9.9'),
      protocol: fc.constantFrom('tcp', 'udp'),
      destinationPort: fc.constantFrom(22, 80, 443),
      mark: fc.constantFrom(0, 1, 2),
      state: fc.constantFrom('NEW', 'ESTABLISHED'),
    },
    { requiredKeys: [] },
  )
  .map(({ destinationPort, ...others }) => ({ ...others, ...(others.protocol && { destinationPort }) }))

const read = (lines: readonly string[], own: readonly string[]): FamilyRuleset => {
  const all = [...lines.map((one) => `-A INPUT ${one}`), ...own.map((one) => `-A own ${one}`)]
  return FamilyRuleset.parse(`*mangle\n:INPUT DROP\n:own -\n${all.join('\n')}\nCOMMIT\n`)
}

const own = line.map((one) => one.replace('-j own', '-j DROP'))
const rules = fc.tuple(fc.array(line, { maxLength: 25 }), fc.array(own, { maxLength: 8 }))

test('a rule that is skipped does not match, for any packet, however much of it is known', () => {
  let passed = 0
  fc.assert(
    fc.property(rules, fc.array(packet, { minLength: 1, maxLength: 4 }), ([lines, of], descriptions) => {
      const ruleset = read(lines, of)
      const chain = ruleset.chain('mangle', 'INPUT') as CompiledChain
      for (const [round, description] of [...descriptions, ...descriptions].entries()) {
        // Some rules are not compiled yet when the first packet comes.
        for (let i = 0; i < chain.length; i += round === 0 ? 2 : 1) chain.rule(i)
        const known = knownPacket({ ...description, way: 'input' }, ruleset.context.family, 'legacy')
        for (let i = 0; i < chain.length; i++) {
          const next = chain.candidate(i, known)
          expect(next).toBeGreaterThanOrEqual(i)
          for (let at = i; at < next; at++) expect(evaluate(chain.rule(at), known, new Map()).truth).toBe(false)
          passed += next - i
        }
      }
    }),
    { numRuns: 150 },
  )
  expect(passed).toBeGreaterThan(1000)
})

/** The path of a packet, without data that is computed on access. */
const way = ({ steps, verdict, fork }: Trace): unknown => ({
  steps: steps.map((step) => JSON.stringify(step)),
  verdict,
  fork: fork && [fork.decides, way(fork.yes), way(fork.no)],
})

test('a packet takes the same path whatever packets came before', () => {
  fc.assert(
    fc.property(rules, fc.array(packet, { minLength: 2, maxLength: 5 }), ([lines, of], descriptions) => {
      const shared = read(lines, of)
      for (const one of descriptions) {
        const description = { ...one, way: 'input' as const }
        expect(way(trace(description, shared))).toEqual(way(trace(description, read(lines, of))))
      }
    }),
    { numRuns: 60 },
  )
})

test('rules that ask for nothing else are skipped at once, in a long chain, too', () => {
  const lines = Array.from({ length: 300 }, (_, i) => `-i eth0 -s 10.0.1.${i % 256} -p tcp --dport ${i + 1} -j DROP`)
  const ruleset = read([...lines, '-p tcp --dport 22 -j ACCEPT'], [])
  const described: PacketDescription = {
    in: 'eth0',
    source: '10.9.9.9',
    protocol: 'tcp',
    destinationPort: 22,
    way: 'input',
  }
  for (let i = 0; i < 2; i++) expect(trace(described, ruleset).verdict).toBe('ACCEPT')
  const chain = ruleset.chain('mangle', 'INPUT') as CompiledChain
  expect(chain.candidate(1, knownPacket(described, ruleset.context.family, 'legacy'))).toBe(300)
})

test('a rule that is compiled after a packet is not wrongly skipped when the packet comes again', () => {
  const ruleset = read(['-s 10.0.0.1 -j DROP', '-s 10.0.0.2 -j DROP'], [])
  const chain = ruleset.chain('mangle', 'INPUT') as CompiledChain
  const known = knownPacket({ source: '10.0.0.2' }, ruleset.context.family, 'legacy')
  chain.rule(0)
  expect(chain.candidate(0, known)).toBe(1)
  chain.rule(1)
  expect(chain.candidate(0, known)).toBe(1)
})
