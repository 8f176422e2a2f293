/**
 * Refusals name the extension and the parameter. Tested for all lines that iptables-legacy refuses, and for payloads
 * given as bytes that no text can express.
 */

import type { Family } from '../../src/abi/family'
import { HOOKS, TABLES } from '../../src/abi/netfilter'
import { PROTOCOLS } from '../../src/abi/protocols'
import { type Fault, faultOf, type PlacedRule } from '../../src/extensions/extension'
import { allExtensions, findExtension, type Known } from '../../src/extensions/registry'
import { type AnyRule, IptcError, RuleError, XtablesError } from '../../src/index'
import { parseRule } from '../../src/language/parse'
import { entryExtensions } from '../../src/ruleset/entry-extensions'
import { encodeRule } from '../../src/ruleset/rule'
import type { Entry } from '../../src/ruleset/table-entry'
import { type Case, cases, payloads, splitLine } from '../support/cases'
import { explained } from '../support/deviations'
import { fixtures, rulesetOf } from '../support/fixtures'
import { prepared } from '../support/in-memory'
import { open, tryRule } from '../support/rules'

interface Exception {
  readonly reason: RegExp
  readonly why: string
}

/** Refusals that name no parameter. */
const EXCEPTIONS: readonly Exception[] = [
  { reason: /^Bad argument/, why: 'the word belongs to no parameter' },
  { reason: /^unknown option|is not part of a rule$/, why: 'the word is no parameter; the error has it in its place' },
  {
    reason: /^(?:multiple consecutive ! not allowed|nothing appropriate following !|unknown arguments found)/,
    why: 'there is no parameter behind the word',
  },
  {
    reason: /^option "-\S+" requires an argument; accepted: CHAIN$/,
    why: 'a command, which is no parameter of a rule',
  },
  { reason: /there is no (?:match|target) /, why: 'the extension is unknown' },
  { reason: /has no chain/, why: 'the chain is unknown' },
  { reason: /only in table /, why: 'the extension as a whole is for other tables' },
  { reason: /only in rules reached from /, why: 'the extension as a whole is for other hooks' },
  { reason: /flags that the kernel does not know$/, why: 'a bit that no parameter has' },
  { reason: /only Android kernels can send messages$/, why: 'a field that no parameter has' },
]

const used = new Set<Exception>()

function isException(reason: string): boolean {
  const found = EXCEPTIONS.find((one) => one.reason.test(reason))
  if (found !== undefined) used.add(found)
  return found !== undefined
}

/** The parameters of the rule itself. */
const OF_RULES = ['src', 'dst', 'in-interface', 'out-interface', 'protocol', 'fragment', 'match', 'target', 'counters']

const isParameter = (extension: string | undefined, parameter: string | undefined, { name }: Family): boolean => {
  if (parameter === undefined) return false
  if (extension === undefined || extension === 'rule') return OF_RULES.includes(parameter)
  const variants = (['match', 'target'] as const).flatMap(
    (kind) => findExtension(kind, extension)?.variants(name) ?? [],
  )
  return parameter === 'protocol' || variants.some(({ options }) => options.has(parameter))
}

/** What is wrong with the reason of a refusal. */
function lack(error: IptcError, family: Family): string | undefined {
  const { message } = error
  if (!(error instanceof XtablesError || error instanceof RuleError))
    return isException(message) ? undefined : `a ${error.name}: ${message}`
  const reason = error instanceof RuleError ? error.reason : message
  const { extension, parameter } = error
  if (isParameter(extension, parameter, family) || isException(reason)) return undefined
  return `${extension} ${parameter}: ${message}`
}

/** What only the kernel can refuse in a rule. */
function suspicions(rule: AnyRule, family: Family): Fault[] {
  const { bytes } = encodeRule(parseRule(String(rule), family), { family, sets: NO_SETS })
  return entryExtensions(family, bytes).flatMap(({ known, at }) => known?.variant.suspects?.(bytes, at) ?? [])
}

const NO_SETS = { byName: () => undefined, byIndex: () => undefined }

test.each(
  cases.filter(({ refused }) => refused.length > 0).map((one) => [`${one.family.name} ${one.table} ${one.name}`, one]),
)('every refused line of %s has a reason', (_, one) => {
  const kernel = prepared(one as Case)
  const { family, refused } = one as Case
  using table = open(one as Case, kernel)
  const found = refused.flatMap((line) => {
    const outcome = tryRule(table, family, splitLine(line) ?? { chain: '', rule: line })
    if (outcome instanceof IptcError) {
      const wrong = lack(outcome, family)
      return wrong === undefined ? [] : [`${line}\n  ${wrong}`]
    }
    if (explained('accepted', line) !== undefined) return []
    return suspicions(outcome, family).length > 0 ? [] : [`${line}\n  taken`]
  })
  expect(found).toEqual([])
})

// Payloads as bytes

/** The number of payloads of each struct. They are modified, and similar to each other. */
const ENOUGH = 4

interface Payload {
  readonly known: Known
  readonly bytes: Uint8Array
}

function collect(): Payload[] {
  const found = new Map<object, Map<string, Payload>>()
  const add = (known: Known, bytes: Uint8Array): void => {
    const same = found.get(known.variant) ?? new Map<string, Payload>()
    if (same.size < ENOUGH) same.set(Buffer.from(bytes).toString('hex'), { known, bytes })
    found.set(known.variant, same)
  }
  const addRule = (family: Family, { bytes }: Entry): void => {
    for (const { known, at, size } of entryExtensions(family, bytes))
      if (known !== undefined) add(known, bytes.slice(at, at + size))
  }
  for (const one of fixtures()) {
    const { family, chains } = rulesetOf(one)
    for (const { rules } of chains.values()) for (const rule of rules) addRule(family, rule)
  }
  for (const { kind, family, extension: name, revision, bytes } of payloads) {
    const extension = findExtension(kind, name)
    const variant = extension?.variants(family.name).find((one) => one.revision === revision)
    if (extension !== undefined && variant !== undefined) add({ extension, variant }, Buffer.from(bytes, 'hex'))
  }
  for (const extension of [...allExtensions('match'), ...allExtensions('target')])
    for (const family of extension.families)
      for (const variant of extension.variants(family)) add({ extension, variant }, variant.initial)
  return [...found.values()].flatMap((same) => [...same.values()])
}

const PLACES: readonly PlacedRule[] = Object.keys(TABLES).flatMap((table) =>
  HOOKS.flatMap((hook) =>
    [0, PROTOCOLS.tcp].map((protocol) => ({
      table,
      hooks: [hook],
      protocol,
      storedProtocol: protocol,
      protocolNegated: false,
      hasSet: (index: number) => index === 1,
      matches: [],
    })),
  ),
)

/** The bytes with each meaningful byte changed, one after the other. */
function* spoilt({ known: { variant }, bytes }: Payload): Generator<Uint8Array> {
  // Of the longest payloads, which are texts and programs, only some bytes are changed.
  const step = 1 + (variant.struct.size >> 8)
  for (let at = 0; at < variant.struct.size; at += step) {
    if (variant.private[at] === 1) continue
    const was = bytes[at] as number
    for (const value of new Set([0, 1, 0x7f, 0x80, 0xff, ...Array.from({ length: 8 }, (_, bit) => was ^ (1 << bit))])) {
      const changed = bytes.slice()
      changed[at] = value
      yield changed
    }
  }
}

function faults({ known: { variant } }: Payload, bytes: Uint8Array, place: PlacedRule): Fault[] {
  const { check, usage, suspects, losses } = variant
  const reasons = [
    check?.(bytes, 0, place),
    usage?.(bytes, 0, place),
    ...(suspects?.(bytes, 0) ?? []),
    ...losses.filter(({ isAt }) => isAt(bytes, 0)),
  ]
  return reasons.flatMap((reason) => (reason === undefined ? [] : [faultOf(reason)]))
}

test('every payload that is refused as bytes has a reason', () => {
  const silent = new Set<string>()
  let refused = 0
  let turn = 0
  for (const payload of collect()) {
    const { extension, variant } = payload.known
    const { families: _, name } = extension
    const { check, usage, suspects, losses } = variant
    if (check === undefined && usage === undefined && suspects === undefined && losses.length === 0) continue
    for (const bytes of spoilt(payload))
      for (const { reason, parameter } of faults(payload, bytes, PLACES[turn++ % PLACES.length] as PlacedRule)) {
        refused++
        const isNamed = parameter !== undefined && (parameter === 'protocol' || variant.options.has(parameter))
        if (!isNamed && !isException(reason)) silent.add(`${extension.kind} ${name}: ${parameter}: ${reason}`)
      }
  }
  expect([...silent].sort()).toEqual([])
  expect(refused).toBeGreaterThan(1_000)
})

test('every exception is needed for some refusal', () => {
  expect(EXCEPTIONS.filter((one) => !used.has(one))).toEqual([])
})
