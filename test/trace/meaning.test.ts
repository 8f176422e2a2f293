/** Every extension declares what it matches or does, and every rule line of the project compiles to that. */
import { FAMILIES } from '../../src/abi/family'
import type { Condition, Effect } from '../../src/extensions/evaluation'
import { allExtensions } from '../../src/extensions/registry'
import { type CompiledRule, Compiler } from '../../src/trace/compile'
import { contextOf, fixtures, rulesetOf } from '../support/fixtures'

/** Matches of which some lines depend on more than the packet, its connection and its routes. */
const CIRCUMSTANCES: Readonly<Record<string, string>> = {
  addrtype: 'IPv6 has kinds of addresses that no lookup of routes tells',
  cgroup: 'the socket has it',
  cluster: 'it is a hash of the connection',
  connbytes: 'connections count',
  connlabel: 'connections have them',
  connlimit: 'it counts connections',
  hashlimit: 'it counts packets',
  ecn: 'later fragments may have anything in the place of a header',
  helper: 'connections have them',
  ipvs: 'the virtual server knows',
  limit: 'it counts packets',
  nfacct: 'an object may have a quota',
  osf: 'fingerprints are in a database of the kernel',
  owner: 'the kernel knows of which groups the sender is',
  physdev: 'the bridge knows',
  policy: 'IPsec knows',
  quota: 'it counts bytes',
  rateest: 'it estimates rates',
  recent: 'it remembers addresses',
  rpfilter: 'routes tell',
  set: 'sets are filled elsewhere',
  socket: 'sockets tell',
  statistic: 'it is chance, or it counts packets',
  time: 'the clock tells',
}

/** Targets with several possible effects. */
const DIVISIONS: Readonly<Record<string, string>> = {
  CLUSTERIP: 'it is a hash of the connection',
  NFQUEUE: 'a program listens, or not',
  SYNPROXY: 'it looks at the handshake',
  TPROXY: 'a program listens, or not',
}

const variants = (['match', 'target'] as const).flatMap((kind) =>
  allExtensions(kind).flatMap(({ name, families, variants }) =>
    families.flatMap((family) => variants(family).map((variant) => ({ kind, name, family, variant }))),
  ),
)

test('every variant of every extension has a native form, or declares what it asks or does', () => {
  const mute = variants.filter(
    ({ kind, variant: { native, asks, does } }) =>
      native === undefined && (kind === 'match' ? asks : does) === undefined,
  )
  expect(mute.map(({ name, family, variant }) => `${family} ${name} ${variant.revision}`)).toEqual([])
})

test('matches do nothing, and targets ask for nothing', () => {
  const strange = variants.filter(({ kind, variant: { asks, does } }) => (kind === 'match' ? does : asks) !== undefined)
  expect(strange.map(({ name }) => name)).toEqual([])
})

const hangsOnCircumstances = (condition: Condition): boolean =>
  condition.kind === 'circumstance' ||
  (condition.kind === 'one of' && condition.alternatives.some((all) => all.some(hangsOnCircumstances)))

const divides = (effect: Effect): boolean => effect.kind === 'either'

const rules: CompiledRule[] = fixtures().flatMap((fixture) => {
  const compiler = new Compiler(FAMILIES[contextOf(fixture).family.name])
  return [...rulesetOf(fixture).chains.values()].flatMap(({ rules }) =>
    [...rules].map((entry) => compiler.compile(entry, false)),
  )
})

test('there are rules to test', () => expect(rules.length).toBeGreaterThan(3_000))

test('circumstances decide exactly if the packet cannot', () => {
  const found = rules.flatMap(({ questions }) =>
    questions
      .filter(({ condition }) => hangsOnCircumstances(condition))
      .map(({ failed }) => failed.part?.name ?? 'the head'),
  )
  expect([...new Set(found)].sort()).toEqual(Object.keys(CIRCUMSTANCES).sort())
})

test('targets fork the path of a packet exactly if something else decides', () => {
  const found = rules.flatMap(({ target }) =>
    target.kind === 'extension' && target.effects.some(divides) ? [target.name] : [],
  )
  expect([...new Set(found)].sort()).toEqual(Object.keys(DIVISIONS).sort())
})
