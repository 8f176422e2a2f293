/**
 * Calls every public function with arguments that JavaScript users may pass by mistake. It must throw our error and
 * change nothing. For a new function, add its calls to the table.
 */
import * as api from '../src/index'
import { Chain, easy, IptcError, MemoryKernel, Policy, Rule, restore, save, Table } from '../src/index'

/** A broken check must not reach the tables of this machine. */
jest.mock('../src/kernel/linux/linux-kernel', () => ({
  LinuxKernel: class {
    constructor() {
      throw new Error('the kernel of this machine was asked for')
    }
  },
}))

const TEXT = `*filter
:INPUT DROP [3:4]
:user - [0:0]
:other - [0:0]
[5:6] -A INPUT -p tcp -m tcp --dport 22 -j user
-A user -s 10.0.0.1/32 -j ACCEPT
-A user -s 10.0.0.2/32 -j ACCEPT
COMMIT
`

const first = new MemoryKernel({ sets: { known: 'ipv4' } })
restore(TEXT, { kernel: first, counters: true })
const capture = api.captureTable(first, 'ipv4', 'filter')
restore(TEXT, { kernel: first, backend: 'nft', counters: true })
const nftCapture = api.captureNftTable(first, 'ipv4', 'filter')

/** An object of every class, on a separate packet filter. */
function newWorld() {
  const kernel = new MemoryKernel({ captures: [capture, nftCapture] })
  const table = new Table('filter', { kernel })
  const rule = Rule.parse('-p tcp -m tcp --dport 22 -m recent --rcheck --name ssh -j LOG --log-level 5')
  const [match, recent] = rule.matches
  const { target } = rule
  const [input, other] = ['INPUT', 'other'].map((name) => new Chain(table, name))
  const objects = { table, chain: new Chain(table, 'user'), rule, match, recent, target, policy: Policy.DROP }
  return {
    kernel,
    batch: easy.batchBegin(undefined, { kernel }),
    capture,
    ...objects,
    input,
    other,
  }
}

type World = ReturnType<typeof newWorld>

/** Everything that could be changed. */
const stateOf = ({ kernel, table, chain, rule, policy, batch }: World): string =>
  [
    ...[false, true].map((ipv6) => save({ kernel, ipv6, counters: true }).replaceAll(/^#.*/gm, '')),
    table.autocommit,
    chain,
    rule,
    rule.counters,
    policy,
    batch.ended,
  ].join('\n')

interface Call {
  /** The object to call it on. Undefined for a function, and for a class that is constructed. */
  readonly on?: keyof World
  /** Valid arguments. */
  readonly with: (world: World) => readonly unknown[]
  /** The number of required arguments. Default: all. */
  readonly required?: number
  /** Values that are accepted although they look wrong, by the index of the argument. */
  readonly takes?: Readonly<Record<number, readonly unknown[]>>
}

const IGNORED_VALUE = [undefined, null, true, 5n]
const none: Call['with'] = () => []
const at =
  (...args: unknown[]): Call['with'] =>
  ({ kernel }) => [...args, { kernel }]

const RULE = { src: '10.0.0.1', target: 'ACCEPT' }
/** An empty dictionary is valid: a rule that matches everything. */
const EMPTY = [{}, Object.create(null)]

const CALLS: Readonly<Record<string, Call>> = {
  'new Table': { with: at('filter') },
  'new Table6': { with: at('filter') },
  'new Chain': { with: ({ table }) => [table, 'user'] },
  'new Rule': { with: () => [undefined], required: 0 },
  'new Rule6': { with: () => [undefined], required: 0 },
  'new Match': { with: ({ rule }) => [rule, 'tcp'] },
  'new Target': { with: ({ rule }) => [rule, 'user', { goto: true }], required: 2, takes: { 2: EMPTY } },
  'new Policy': { with: () => ['DROP'] },
  'new MemoryKernel': { with: () => [{ sets: { known: 'ipv4' } }], required: 0, takes: { 0: EMPTY } },
  'Rule.parse': { with: () => ['-j ACCEPT'] },
  'Rule6.parse': { with: () => ['-j ACCEPT'] },
  'NetworkNamespace.open': { with: () => ['blue'] },

  'table.isChain': { on: 'table', with: () => ['user'] },
  'table.builtinChain': { on: 'table', with: () => ['user'] },
  'table.createChain': { on: 'table', with: () => ['new'] },
  'table.deleteChain': { on: 'table', with: () => ['other'] },
  'table.renameChain': { on: 'table', with: () => ['user', 'new'] },
  'table.flush': { on: 'table', with: none },
  'table.flushEntries': { on: 'table', with: () => ['user'] },
  'table.zeroEntries': { on: 'table', with: () => ['INPUT'] },
  'table.getPolicy': { on: 'table', with: () => ['INPUT'] },
  'table.setPolicy': { on: 'table', with: () => ['INPUT', 'ACCEPT', [1, 2]], required: 2 },
  'table.watch': { on: 'table', with: () => [{}], required: 0, takes: { 0: EMPTY } },
  'table.transaction': { on: 'table', with: () => [() => {}], takes: { 0: [functionValue] } },
  'table.transactionAsync': {
    on: 'table',
    with: () => [() => {}, {}],
    required: 1,
    takes: { 0: [functionValue], 1: EMPTY },
  },
  'table.refresh': { on: 'table', with: none },
  'table.refreshAsync': { on: 'table', with: () => [{}], required: 0, takes: { 0: EMPTY } },
  'table.commit': { on: 'table', with: none },
  'table.commitAsync': { on: 'table', with: () => [{}], required: 0, takes: { 0: EMPTY } },
  'table.close': { on: 'table', with: none },
  'table.toString': { on: 'table', with: none },

  'chain.isBuiltin': { on: 'chain', with: none },
  'chain.appendRule': { on: 'chain', with: ({ rule }) => [rule] },
  'chain.insertRule': { on: 'chain', with: ({ rule }) => [rule, 0], required: 1 },
  'chain.replaceRule': { on: 'chain', with: ({ rule }) => [rule, 0], required: 1 },
  'chain.deleteRule': { on: 'chain', with: () => [0] },
  'chain.indexOf': { on: 'chain', with: ({ rule }) => [rule] },
  'chain.flush': { on: 'chain', with: none },
  'chain.rename': { on: 'chain', with: () => ['new'] },
  'chain.delete': { on: 'other', with: none },
  'chain.getPolicy': { on: 'input', with: none },
  'chain.setPolicy': { on: 'input', with: () => ['ACCEPT', [1, 2]], required: 1 },
  'chain.getCounters': { on: 'input', with: none },
  'chain.zeroCounters': { on: 'chain', with: none },
  'chain.toString': { on: 'chain', with: none },

  'rule.getCounters': { on: 'rule', with: none },
  'rule.createMatch': { on: 'rule', with: () => ['udp'] },
  'rule.addMatch': { on: 'rule', with: ({ match }) => [match] },
  'rule.removeMatch': { on: 'rule', with: ({ match }) => [match] },
  'rule.createTarget': { on: 'rule', with: () => ['user', { goto: true }], required: 1, takes: { 1: EMPTY } },
  'rule.equals': { on: 'rule', with: ({ rule }) => [rule] },
  'rule.toString': { on: 'rule', with: none },

  'match.setParameter': { on: 'match', with: () => ['dport', '80'], takes: { 1: IGNORED_VALUE } },
  'match.getParameter': { on: 'match', with: () => ['dport'] },
  'match.getAllParameters': { on: 'match', with: none },
  'match.reset': { on: 'match', with: none },
  'match.equals': { on: 'match', with: ({ match }) => [match] },
  'match.toString': { on: 'match', with: none },
  'target.setParameter': { on: 'target', with: () => ['log-level', '4'], takes: { 1: IGNORED_VALUE } },
  'target.getParameter': { on: 'target', with: () => ['log-level'] },
  'target.getAllParameters': { on: 'target', with: none },
  'target.reset': { on: 'target', with: none },
  'target.equals': { on: 'target', with: ({ target }) => [target] },
  'target.toString': { on: 'target', with: none },
  'policy.equals': { on: 'policy', with: ({ policy }) => [policy] },
  'policy.toString': { on: 'policy', with: none },

  'kernel.connect': { on: 'kernel', with: () => ['ipv4'] },
  'kernel.tables': { on: 'kernel', with: () => ['ipv4'] },
  'kernel.loadModule': { on: 'kernel', with: none },
  'kernel.scratch': { on: 'kernel', with: none },
  'kernel.lock': { on: 'kernel', with: () => [0], takes: { 0: [1.5] } },
  'kernel.withLockAsync': {
    on: 'kernel',
    with: () => [{ timeoutMs: 0 }, async () => {}],
    takes: { 1: [functionValue] },
  },
  'kernel.addSet': { on: 'kernel', with: () => ['new', 'ipv4'] },
  'kernel.removeSet': { on: 'kernel', with: () => ['known'] },
  'kernel.netlink': { on: 'kernel', with: () => [12] },
  'batch.end': { on: 'batch', with: none },
  'batch.abandon': { on: 'batch', with: none },

  isTableAvailable: { with: at('filter') },
  isTable6Available: { with: at('filter') },
  save: { with: at() },
  restore: { with: at(TEXT) },
  migrate: { with: ({ kernel }) => [{ from: 'legacy', to: 'nft', tables: [], kernel }] },
  reconcile: {
    with: ({ kernel }) => [{ filter: { user: [] } }, { owns: { chains: ['user'] }, kernel }],
    takes: { 0: EMPTY },
  },
  reconcileAsync: {
    with: ({ kernel }) => [{ filter: { user: [] } }, { owns: { chains: ['user'] }, kernel }],
    takes: { 0: EMPTY },
  },
  parseJson: { with: () => ['{}', 'a file'] },
  'FamilyRuleset.read': { with: at() },
  'FamilyRuleset.parse': { with: () => ['*filter\nCOMMIT\n', {}], required: 1, takes: { 1: EMPTY } },
  trace: {
    with: ({ kernel }) => [{}, api.FamilyRuleset.read({ kernel }), {}],
    required: 2,
    takes: { 0: EMPTY, 2: EMPTY },
  },
  lint: { with: ({ kernel }) => [api.FamilyRuleset.read({ kernel }), {}], required: 1, takes: { 1: EMPTY } },
  sshSession: { with: () => ['192.0.2.1 50000 192.0.2.2 22'], required: 0 },
  snapshot: { with: at() },
  snapshotAsync: { with: at() },
  rates: { with: ({ kernel }) => [api.snapshot({ kernel }), []], takes: { 0: [[]], 1: [[]] } },
  chainGraph: { with: ({ kernel }) => [api.snapshot({ kernel })], takes: { 0: [[]] } },
  printGraph: { with: ({ kernel }) => [api.snapshot({ kernel }), 'svg'], takes: { 0: [[]] } },
  openMetrics: { with: ({ kernel }) => [api.snapshot({ kernel }), {}], required: 1, takes: { 0: [[]], 1: EMPTY } },
  promCounters: { with: () => [() => [], {}], required: 1, takes: { 0: [functionValue], 1: EMPTY } },
  printTree: { with: ({ kernel }) => [api.snapshot({ kernel }), {}], required: 1, takes: { 0: [[]], 1: EMPTY } },
  'Plan.fromJSON': { with: at({ version: 1, family: 'ipv4', tables: [] }) },
  captureTable: { with: ({ kernel }) => [kernel, 'ipv4', 'filter'] },
  parseSetEntry: { with: () => ['hash:ip', '192.0.2.1', {}], required: 2, takes: { 2: EMPTY } },
  printSetEntry: { with: () => ['hash:ip', { ip: '192.0.2.1' }], required: 2 },
  captureToJson: { with: ({ capture }) => [capture] },
  detectBackend: { with: at() },
  captureNftTable: { with: ({ kernel }) => [kernel, 'ipv4', 'filter'] },
  nftCaptureToJson: { with: () => [nftCapture] },
  nftCaptureFromJson: { with: () => [api.nftCaptureToJson(nftCapture)] },
  captureFromJson: { with: ({ capture }) => [api.captureToJson(capture)] },

  'easy.batchBegin': { with: at('filter'), required: 0 },
  'easy.batchEnd': { with: ({ batch }) => [batch] },
  'easy.batchAddChains': { with: at('filter', ['new']), takes: { 1: [[]] } },
  'easy.batchDeleteChains': { with: at('filter', ['other']), takes: { 1: [[]] } },
  'easy.batchAddRules': { with: at('filter', [['user', RULE]]), takes: { 1: [[]] } },
  'easy.batchDeleteRules': { with: at('filter', [['user', RULE]]), takes: { 1: [[]] } },
  'easy.addRule': { with: at('filter', 'user', RULE, 0), required: 3, takes: { 2: EMPTY, 3: [-1] } },
  'easy.insertRule': { with: at('filter', 'user', RULE), takes: { 2: EMPTY } },
  'easy.replaceRule': { with: at('filter', 'user', RULE, RULE), takes: { 3: EMPTY } },
  'easy.deleteRule': { with: at('filter', 'user', RULE) },
  'easy.getRule': { with: at('filter', 'user', 1), required: 2, takes: { 2: [-1] } },
  'easy.hasRule': { with: at('filter', 'user', RULE), takes: { 2: EMPTY } },
  'easy.getRulePosition': { with: at('filter', 'user', RULE) },
  'easy.getRuleCounters': { with: at('filter', 'user', RULE) },
  'easy.encodeRule': { with: at(RULE), takes: { 0: EMPTY } },
  'easy.decodeRule': { with: ({ rule }) => [rule] },
  'easy.testRule': { with: at(RULE), takes: { 0: 'any' as never } },
  'easy.testMatch': { with: at('tcp', { dport: '22' }), takes: { 1: 'any' as never } },
  'easy.testTarget': { with: at('LOG', { 'log-level': '4' }), takes: { 1: 'any' as never } },
  'easy.addChain': { with: at('filter', 'new') },
  'easy.deleteChain': { with: at('filter', 'other') },
  'easy.applySets': { with: at({ known: { type: 'hash:ip', entries: [] } }), takes: { 0: EMPTY } },
  'easy.diffSets': { with: at({ known: { type: 'hash:ip', entries: [] } }), takes: { 0: EMPTY } },
  'easy.dumpAll': { with: at() },
  'easy.dumpSets': { with: at() },
  'easy.dumpChain': { with: at('filter', 'user') },
  'easy.dumpTable': { with: at('filter') },
  'easy.flushAll': { with: at() },
  'easy.flushChain': { with: at('filter', 'user') },
  'easy.flushTable': { with: at('filter') },
  'easy.getChains': { with: at('filter') },
  'easy.getPolicy': { with: at('filter', 'INPUT') },
  'easy.getTables': { with: at() },
  'easy.hasChain': { with: at('filter', 'user') },
  'easy.setPolicy': { with: at('filter', 'INPUT', 'ACCEPT'), required: 2 },
  'easy.zeroAll': { with: at() },
  'easy.zeroChain': { with: at('filter', 'user') },
  'easy.zeroTable': { with: at('filter') },
}

function functionValue(): string {
  return 'x'
}

const cyclic: unknown[] = []
cyclic.push(cyclic)

const JUNK: readonly unknown[] = [
  ...[undefined, null, true, Number.NaN, -1, 1.5, 5n, Symbol('x'), functionValue],
  ...[{}, Object.create(null), [], [{}], [Symbol('x')], cyclic],
]

const titleOf = (value: unknown): string => {
  if (value === cyclic) return 'a list in itself'
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value)
    ? `[${value.map(titleOf)}]`
    : Object.getPrototypeOf(value) === null
      ? 'no prototype'
      : '{}'
}

/** Makes the call with this name in the table above. */
function perform(name: string, world: World, args: readonly unknown[]): unknown {
  const on = CALLS[name]?.on
  const [first = '', last] = name.split('.')
  // biome-ignore lint/suspicious/noExplicitAny: tests values that the compiler refuses.
  const any = api as any
  if (name.startsWith('new ')) return new any[name.slice(4)](...args)
  if (last === undefined) return any[first](...args)
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  return ((on === undefined ? any[first] : world[on]) as any)[last](...args)
}

async function failureOf(name: string, world: World, args: readonly unknown[]): Promise<unknown> {
  try {
    await perform(name, world, args)
    return undefined
  } catch (error) {
    return error
  }
}

const isPlace = (arg: unknown): boolean => typeof arg === 'object' && arg !== null && 'kernel' in arg

/** Without options, the tables of this machine would be used. */
const isNowhere = (arg: unknown, value: unknown): boolean =>
  isPlace(arg) && (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value)))

const isTaken = ({ takes }: Call, position: number, value: unknown): boolean => {
  const taken = takes?.[position]
  return (
    (taken as unknown) === 'any' ||
    (taken?.some((one) => Object.is(one, value) || titleOf(one) === titleOf(value)) ?? false)
  )
}

const positions = Object.entries(CALLS).flatMap(([name, call]) =>
  call.with(newWorld()).map((arg, position) => ({ name, call, arg, position })),
)

test.each(positions)('argument $position of $name', async ({ name, call, arg, position }) => {
  let world = newWorld()
  const before = stateOf(world)
  for (const value of JUNK.filter((one) => !isNowhere(arg, one) && !isTaken(call, position, one))) {
    const args = call.with(world)
    const isOmitted = value === undefined && position >= (call.required ?? args.length)
    const failure = await failureOf(name, world, args.with(position, value))
    if (isOmitted && failure === undefined) {
      world = newWorld()
      continue
    }
    expect({ value: titleOf(value), failure }).toEqual({ value: titleOf(value), failure: expect.any(IptcError) })
    expect(stateOf(world)).toBe(before)
  }
})

test.each(Object.keys(CALLS))('%s accepts the arguments in the table', async (name) => {
  const world = newWorld()
  const failure = await failureOf(name, world, CALLS[name]?.with(world) ?? [])
  // The namespace does not exist, and tables of ip_tables cannot be watched.
  if (!['NetworkNamespace.open', 'table.watch'].includes(name)) expect(failure).toBeUndefined()
})

/** Not declared to users. */
const INTERNAL = [
  ...[
    'edit',
    'rehearse',
    'rehearseAsync',
    'check',
    'checkAsync',
    'atomically',
    'chainData',
    'policyCounters',
    'endAsync',
  ],
  ...['entryFor', 'describe', 'encode', 'belongsTo', 'table', 'constructor'],
]

function namesOf(object: object): string[] {
  const found: string[] = []
  for (let one = object; one !== Object.prototype && one !== null; one = Object.getPrototypeOf(one))
    found.push(...Object.getOwnPropertyNames(one))
  return [...new Set(found)]
}

const methodsOf = (object: object): string[] =>
  namesOf(object).filter((key) => typeof (object as Record<string, unknown>)[key] === 'function')

test('every public function is in the table', () => {
  const world = newWorld()
  const { table, chain, rule, match, target, policy, kernel, batch } = world
  const methods = Object.entries({ table, chain, rule, match, target, policy, kernel, batch }).flatMap(
    ([name, object]) =>
      methodsOf(object as object)
        .filter((key) => !INTERNAL.includes(key))
        .map((key) => `${name}.${key}`),
  )
  const easyNames = Object.keys(easy).map((key) => `easy.${key}`)
  const plain = Object.entries(api).flatMap(([name, value]) =>
    typeof value === 'function' && !/^[A-Z]/.test(name) ? [name] : [],
  )
  const classes = Object.entries(api).flatMap(([name, value]) =>
    typeof value === 'function' && /^[A-Z]/.test(name) && !name.endsWith('Error') ? [`new ${name}`] : [],
  )
  /** Abstract, or only created by other functions, or with tests of their own because they access this machine. */
  const elsewhere = [
    ...['new AnyRule', 'new AnyTable', 'easy.Batch', 'new NetworkNamespace', 'new LinuxKernel'],
    ...['new IpSet', 'recordNetlink', 'replayNetlink', 'new Plan', 'new FamilyRuleset'],
  ]
  const missing = [...methods, ...easyNames, ...plain, ...classes].filter(
    (name) => !(name in CALLS) && !elsewhere.includes(name),
  )
  expect(missing).toEqual([])
})

// Assignments

const SETTABLE: Readonly<Record<string, readonly string[]>> = {
  table: ['autocommit'],
  rule: ['src', 'dst', 'protocol', 'inInterface', 'outInterface', 'fragment', 'counters', 'target'],
  match: ['sport', 'sourcePort', 'dport', 'destinationPort', 'tcpOption', 'tcpFlags', 'syn'],
  recent: ['set', 'rcheck', 'update', 'remove', 'seconds', 'reap', 'hitcount', 'rttl', 'mask', 'rsource', 'rdest'],
  target: ['logLevel', 'logPrefix', 'logTcpSequence', 'logTcpOptions', 'logIpOptions', 'logUid', 'logMacdecode'],
}

/** Assigns like code in sloppy mode, which gets no error for an assignment without effect. */
const assign = new Function('object', 'key', 'value', 'object[key] = value') as (
  o: object,
  k: PropertyKey,
  v: unknown,
) => void

const objectNames = ['table', 'chain', 'rule', 'match', 'recent', 'target', 'policy'] as const

describe.each(objectNames)('assigning to a property of %s', (name) => {
  const properties = [
    ...namesOf(newWorld()[name] as object),
    'noSuchProperty',
    'hasOwnProperty',
    '__proto__',
    Symbol.dispose,
  ]

  test.each(properties)('%p', (property) => {
    let world = newWorld()
    const before = stateOf(world)
    for (const value of ['x', 'ACCEPT', ...JUNK]) {
      let failure: unknown
      try {
        assign(world[name] as object, property, value)
      } catch (error) {
        failure = error
      }
      if (failure === undefined && SETTABLE[name]?.includes(String(property))) {
        world = newWorld()
        continue
      }
      expect({ value: titleOf(value), failure }).toEqual({ value: titleOf(value), failure: expect.any(IptcError) })
      expect(stateOf(world)).toBe(before)
    }
  })
})

test.each<[string, (world: World) => object, PropertyKey, RegExp]>([
  [
    'rule.matches',
    ({ rule }) => rule,
    'matches',
    /rule: matches is read-only.*use createMatch, addMatch or removeMatch/,
  ],
  ['the list of matches', ({ rule }) => rule.matches, 0, /matches is a read-only copy.*use createMatch/],
  [
    'match.parameters',
    ({ match }) => match as object,
    'parameters',
    /match tcp: parameters is read-only.*use setParameter/,
  ],
  [
    'what parameters returns',
    ({ match }) => (match as api.Match).parameters,
    'dport',
    /read-only copy.*use setParameter/,
  ],
  ['what parameters returns, anew', ({ match }) => (match as api.Match).parameters, 'sport', /use setParameter/],
  [
    'what getAllParameters returns',
    ({ match }) => (match as api.Match).getAllParameters(),
    'dport',
    /use setParameter/,
  ],
  ['words in it', ({ match }) => (match as api.Match).getAllParameters()['dport'] as object, 0, /use setParameter/],
  [
    'recent.name',
    ({ recent }) => recent as object,
    'name',
    /match recent: name is read-only.*setParameter\('name', …\)/,
  ],
  ['chain.rules', ({ chain }) => chain, 'rules', /use appendRule/],
  ['chain.name', ({ chain }) => chain, 'name', /use rename/],
  ['a misspelt property', ({ match }) => match as object, 'dprot', /no property dprot; accepted: .*dport/],
])('assigning to %s throws, and says what to do instead', (_, objectIn, property, message) => {
  expect(() => assign(objectIn(newWorld()), property, 'x')).toThrow(message)
})

test('returned values are compared, copied and written like any object', () => {
  const { parameters } = newWorld().match as api.Match
  expect([parameters, { ...parameters }, JSON.stringify(parameters)]).toEqual([
    { dport: '22' },
    { dport: '22' },
    '{"dport":"22"}',
  ])
})

test.each<[string, (list: readonly unknown[]) => unknown]>([
  ['push', (list) => (list as unknown[]).push(1)],
  ['sort', (list) => (list as unknown[]).sort()],
  ['length', (list) => Reflect.set(list, 'length', 0)],
  ['delete', (list) => Reflect.deleteProperty(list, 0)],
  ['a value', (list) => Object.defineProperty(list, 0, { value: 1 })],
  ['a getter', (list) => Object.defineProperty(list, 0, { get: () => 1 })],
  ['a setter alone', (list) => Object.defineProperty(list, 0, { set: () => undefined })],
  ['nothing, under a new name', (list) => Object.defineProperty(list, 'new', {})],
  ['a property that is not listed', (list) => Object.defineProperty(list, 0, { enumerable: false })],
  ['a prototype', (list) => Object.setPrototypeOf(list, null)],
])('a returned list cannot be changed: %s', (_, change) => {
  const { rule } = newWorld()
  const list = (rule as api.Rule).matches
  const before = [...list]
  expect(() => change(list)).toThrow(/matches is a read-only copy/)
  expect([...list]).toEqual(before)
})

test('freezing a returned list returns a frozen one', () => {
  const list = Object.freeze((newWorld().rule as api.Rule).matches)
  expect(Object.isFrozen(list)).toBe(true)
  expect(list.map(({ name }) => name)).toContain('tcp')
})

/** Calls in which a mistaken argument would widen the effect. */
test.each<[string, (world: World) => unknown]>([
  // biome-ignore-start lint/suspicious/noExplicitAny: tests values that the compiler refuses.
  ['table.flush(chain)', ({ table }) => (table as any).flush('user')],
  ['table.flush(undefined)', ({ table }) => (table as any).flush(undefined)],
  ['table.zeroEntries(undefined)', ({ table }) => (table as any).zeroEntries(undefined)],
  ['chain.flush(rule)', ({ chain, rule }) => (chain as any).flush(rule)],
  ['chain.delete(rule)', ({ other, rule }) => (other as any).delete(rule)],
  ['chain.zeroCounters(rule)', ({ chain, rule }) => (chain as any).zeroCounters(rule)],
  ['match.reset(name)', ({ match }) => (match as any).reset('dport')],
  ['goto that is text', ({ rule }) => rule.createTarget('user', { goto: 'yes' } as any)],
  ['ipv6 that is text', ({ kernel }) => easy.addRule('filter', 'INPUT', {}, 0, { kernel, ipv6: 'false' } as any)],
  ['flush that is text', ({ kernel }) => easy.batchAddChains('filter', ['user'], { kernel, flush: 'no' } as any)],
  ['a kernel that is none', () => easy.getTables({ kernel: {} } as any)],
  ['a namespace that is null', () => easy.getChains('filter', { namespace: null } as any)],
  ['counters that are text', ({ kernel }) => save({ kernel, counters: 'no' } as any)],
  ['a chain of a batch that is none', ({ kernel }) => easy.batchAddRules('filter', [[5, {}] as any], { kernel })],
  ['a place of another batch', ({ batch }) => easy.addRule('filter', 'user', {}, 0, { batch, ipv6: 1 } as any)],
  // biome-ignore-end lint/suspicious/noExplicitAny: until here.
])('%s is refused', (_, act) => {
  const world = newWorld()
  const before = stateOf(world)
  expect(() => act(world)).toThrow(IptcError)
  expect(stateOf(world)).toBe(before)
})
