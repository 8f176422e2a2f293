/**
 * The values that each parameter of each extension refuses. The tests are generated from the registry and the rule
 * lines of the extensions' tests, so a new extension is included automatically.
 */

import { FAMILIES, type Family, type FamilyName } from '../../src/abi/family'
import { type Option, originals, overlap } from '../../src/extensions/option'
import { missing } from '../../src/extensions/payload'
import { allExtensions, type Known } from '../../src/extensions/registry'
import { Chain, MemoryKernel, Rule, Rule6, Table, Table6, XtablesError } from '../../src/index'
import type { ExtensionObject } from '../../src/iptc/extension-object'
import { camelCase } from '../../src/iptc/parameter-values'
import { parseRule } from '../../src/language/parse'
import { isOpaque, type PartSpec, type RuleSpec, requireExtension } from '../../src/ruleset/rule'
import { cases, payloads, ruleLine } from '../support/cases'

const kernel = new MemoryKernel()

/** A sample in the form in which it is assigned. */
const given = ({ negated, words }: Sample): unknown =>
  words.length === 0 ? (negated ? '!' : true) : [...(negated ? ['!'] : []), ...words]

const newRule = (family: FamilyName): Rule | Rule6 => (family === 'ipv4' ? new Rule() : new Rule6())

const newPart = ({ extension: { kind, name }, variant: { family } }: Known): ExtensionObject =>
  kind === 'match' ? newRule(family).createMatch(name) : newRule(family).createTarget(name)

/** Every extension in every family that supports it, in the revision that is written. */
const all: readonly (readonly [string, Known])[] = [...allExtensions('match'), ...allExtensions('target')].flatMap(
  (extension) =>
    extension.families.flatMap((family) =>
      extension
        .variants(family)
        .slice(0, 1)
        .map((variant) => [`${variant.family} ${extension.kind} ${extension.name}`, { extension, variant }] as const),
    ),
)

/** Values that iptables accepts, by family, kind, extension and option. */
const samples = new Map<string, Sample>()
interface Sample {
  readonly negated: boolean
  readonly words: readonly string[]
}

/** Values for options without lines, because they need something from the kernel that not every machine has. */
const GUESSES: readonly Sample[] = ['1', 'name'].map((word) => ({ negated: false, words: [word] }))

const sampleKey = ({ extension, variant }: Known, option: string): string =>
  [variant.family, extension.kind, extension.name, option].join(' ')

function ruleOf(line: string, family: FamilyName): RuleSpec | undefined {
  try {
    return parseRule(line, FAMILIES[family])
  } catch (error) {
    // Differences from the commands are tested elsewhere.
    if (error instanceof XtablesError) return undefined
    throw error
  }
}

function addSample(known: Known, option: string, sample: Sample): void {
  const key = sampleKey(known, option)
  if (!samples.has(key) && isShown(known, option, sample)) samples.set(key, sample)
}

/**
 * Whether the option can be read after it was set. Not so for flags that are on unless negated, and for options that
 * iptables never prints.
 */
function isShown(known: Known, option: string, sample: Sample): boolean {
  const part = newPart(known)
  try {
    part.setParameter(option, given(sample))
    return part.getParameter(option) !== undefined
  } catch (error) {
    if (error instanceof XtablesError) return false
    throw error
  }
}

/** Whether an option reads the same if it is not set. */
function goesWithoutSaying(part: ExtensionObject, name: string): boolean {
  const value = part.getParameter(name)
  part.setParameter(name, undefined)
  return part.getParameter(name) === value
}

/** The options that a part has because `name` was set: the option itself or its originals. */
const shown = (known: Known, part: ExtensionObject, name: string): string[] => {
  const { names, options } = known.variant
  const usual = [...Object.keys(newPart(known).getAllParameters()), ...(options.get(name)?.needs ?? [])]
  const said = Object.keys(part.getAllParameters()).map((one) => names.get(one) as string)
  return said
    .filter((one) => overlap(options, one, name) || !(usual.includes(one) || goesWithoutSaying(part, one)))
    .flatMap((one) => originals(options, one))
}

const partsOf = ({ matches, target }: RuleSpec): readonly (readonly ['match' | 'target', PartSpec])[] => [
  ...matches.map((part) => ['match', part] as const),
  ...(target.kind === 'extension' ? [['target', target.part] as const] : []),
]

function addSamples(line: string, family: Family): void {
  const rule = ruleOf(line, family.name)
  for (const [kind, part] of rule === undefined ? [] : partsOf(rule))
    if (!isOpaque(part))
      for (const { name, ...sample } of part.parameters)
        addSample(requireExtension(kind, part.name, family), name, sample)
}

for (const { family, accepted } of cases) for (const line of accepted) addSamples(ruleLine(line).rule, family)
for (const { family, kind, extension, text } of payloads)
  if (text !== undefined) addSamples(`-${kind === 'match' ? 'm' : 'j'} ${extension} ${text}`, family)

const everyOption: readonly (readonly [string, Known, string, Option])[] = all.flatMap(([title, known]) =>
  Array.from(known.variant.options, ([name, option]) => [`${title} --${name}`, known, name, option] as const),
)
for (const [, known, name, option] of everyOption)
  if (option.words.length === 1) for (const guess of GUESSES) addSample(known, name, guess)

/** A part in which the option has a value that iptables accepts. */
function sampled(known: Known, name: string): Sample & { part: ExtensionObject } {
  const sample = samples.get(sampleKey(known, name))
  if (sample === undefined) throw new Error(`no line in the cases of ${known.extension.name} has --${name}`)
  const part = newPart(known)
  part.setParameter(name, given(sample))
  return { part, ...sample }
}

function refusal(act: () => unknown): XtablesError {
  try {
    act()
  } catch (error) {
    if (error instanceof XtablesError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Assigns the value in all possible ways. Each must be refused, name the parameter, and leave the part unchanged. */
function expectRefused(part: ExtensionObject, known: Known, name: string, value: unknown): void {
  const before = JSON.stringify(part.parameters)
  const property = camelCase(name)
  const ways = [() => part.setParameter(name, value), () => part.setParameter(name.replaceAll('-', '_'), value)]
  if (!(property in Object.getPrototypeOf(new Rule().createTarget('ACCEPT'))))
    ways.push(() => Object.assign(part, { [property]: value }))
  const expected = { extension: known.extension.name, parameter: name, unsaid: [], parameters: before }
  const refusals = ways.map((way) => {
    const { extension, parameter, message } = refusal(way)
    const unsaid = [known.extension.name, name].filter((word) => !message.includes(word))
    return { extension, parameter, unsaid, parameters: JSON.stringify(part.parameters) }
  })
  // In a single call, because calling `expect` takes longer than what is tested.
  expect(refusals).toEqual(ways.map(() => expected))
}

/** A value that is invalid for every extension. */
const NONSENSE = `${'no such thing '.repeat(80)}\0`

describe.each(everyOption)('%s', (_, known, name, option) => {
  test('returns the value that was set', () => {
    const { part } = sampled(known, name)
    const value = part.getParameter(name)
    part.setParameter(name, value)
    expect(part.getParameter(name)).toBe(value)
    // Default values are not printed.
    if (newPart(known).getParameter(name) !== value)
      expect(shown(known, part, name).sort()).toEqual([...originals(known.variant.options, name)].sort())
    part.setParameter(name, undefined)
    expect(part.parameters).toEqual(newPart(known).parameters)
  })

  test('a wrong value', () => {
    const { part, words } = sampled(known, name)
    if (words.length === 0) expectRefused(part, known, name, NONSENSE)
    for (const at of words.keys()) expectRefused(part, known, name, words.with(at, NONSENSE))
    expectRefused(part, known, name, [...words, 'more'])
    if (words.length > 1) expectRefused(part, known, name, words.slice(1))
  })

  const types: readonly unknown[] = [
    {},
    { dport: '22' },
    new Date(0),
    Object.create(null),
    () => '22',
    Symbol('22'),
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1.5,
    -1,
    2 ** 53,
    false,
    [{}],
    [['22']],
    [null],
    [undefined],
    [Symbol('22')],
  ]
  test.each(types.map((value) => [value]))('a wrong type: %p', (value) => {
    const { part } = sampled(known, name)
    expectRefused(part, known, name, value)
    expectRefused(newPart(known), known, name, value)
  })

  test('flags are set as in python-iptables, and not by anything that looks like the opposite', () => {
    const { part, words } = sampled(known, name)
    if (option.words.length > 0) {
      // Without a value, only flags can be set, and options whose value may be omitted.
      if (words.length > 0 && option.fewest > 0) expect(() => part.setParameter(name)).toThrow(XtablesError)
      return
    }
    part.setParameter(name, true)
    const [on, without] = [part.getParameter(name), newPart(known).parameters]
    for (const value of [[true], [''], ['1'], ['true'], []] as const) {
      part.setParameter(name, undefined)
      expect(part.parameters).toEqual(without)
      if (value.length === 0) part.setParameter(name)
      else part.setParameter(name, value[0])
      expect(part.getParameter(name)).toBe(on)
    }
    for (const value of ['0', 'false', false]) {
      expectRefused(part, known, name, value)
      expect(refusal(() => part.setParameter(name, value)).message).toMatch(
        /set it to undefined.*accepted: true, "", "1"/,
      )
    }
    for (const value of [0, 1, 'yes', 'True']) expectRefused(part, known, name, value)
  })

  test('negation', () => {
    const { part, words } = sampled(known, name)
    const negated = given({ negated: true, words })
    if (!option.negatable) {
      expectRefused(part, known, name, negated)
      return
    }
    const plain = String(part.getParameter(name)).replace(/^!/, '')
    part.setParameter(name, negated)
    const read = part.getParameter(name)
    // If `!` stands for another value, it must do so again.
    if (words.length > 0 && !String(read).startsWith('!')) {
      part.setParameter(name, `!${String(read)}`)
      expect(part.getParameter(name)).toBe(plain)
      return
    }
    expect(read).toBe(words.length === 0 ? '!' : `!${plain}`)
    part.setParameter(name, read)
    expect(part.getParameter(name)).toBe(read)
  })
})

describe.each(all)('%s', (_, known) => {
  test('an unknown parameter', () => {
    const part = newPart(known)
    for (const name of ['no-such-thing', '', 'constructor', 'to-string', '!']) {
      const error = refusal(() => part.setParameter(name, 'x'))
      expect(error).toMatchObject({ extension: known.extension.name, parameter: name })
      expect(error.message).toContain(known.extension.name)
      expect(() => part.getParameter(name)).toThrow(XtablesError)
    }
    const error = refusal(() => Object.assign(part, { noSuchThing: 'x' }))
    expect(error).toMatchObject({ extension: known.extension.name, parameter: 'noSuchThing' })
    expect(part.parameters).toEqual(newPart(known).parameters)
  })

  test('a missing required parameter', () => {
    const { extension, variant } = known
    const lack = missing(known, new Set())
    const rule = newRule(variant.family)
    if (extension.kind === 'match') rule.createMatch(extension.name)
    else rule.createTarget(extension.name)
    const table = variant.family === 'ipv4' ? new Table('filter', { kernel }) : new Table6('filter', { kernel })
    const ways = [() => String(rule), () => rule.equals(rule), () => new Chain(table, 'INPUT').appendRule(rule)]
    if (lack === undefined) {
      expect(String(rule)).toContain(extension.name)
      return
    }
    for (const way of ways) {
      const error = refusal(way)
      expect(error).toMatchObject({ extension: extension.name, parameter: lack.parameter })
      expect(error.message).toContain(`${lack.what} is required`)
    }
  })
})

test('there is a line for every option', () => {
  const silent = everyOption.filter(([, known, name]) => !samples.has(sampleKey(known, name)))
  expect(silent.map(([title]) => title)).toEqual([])
})
