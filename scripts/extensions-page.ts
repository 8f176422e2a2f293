/** The reference page of all extensions: what each takes and demands, and a rule in the three forms. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FamilyName } from '../src/abi/family'
import { TABLES } from '../src/abi/netfilter'
import type { Extension } from '../src/extensions/extension'
import type { Option } from '../src/extensions/option'
import { expectation, type Parameter } from '../src/extensions/payload'
import { aliasesOf, allExtensions, kernelName, type PartKind } from '../src/extensions/registry'
import { type AnyRule, easy, Match, Rule, Rule6, Target } from '../src/index'
import { camelCase, propertyValue } from '../src/iptc/parameter-values'
import { describeRule, isOpaque, type PartSpec } from '../src/ruleset/rule'
import { cases, payloads, ruleLine } from '../test/support/cases'

const FAMILY_TITLES: Readonly<Record<FamilyName, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' }

const code = (text: string): string => `\`${text}\``
const cell = (text: string): string => text.replace(/\|/g, '\\|').replace(/</g, '&lt;')
const list = (items: readonly string[], last = 'and'): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${last} ${items.at(-1)}`

/** What a module says of itself in its first line. */
function summaryOf({ kind, name }: Extension): string {
  const path = join(__dirname, '../src/extensions', kind === 'match' ? 'matches' : 'targets', `${name}.ts`)
  const [, summary] = /^\/\*\*\s*(.*?)\s*\*\//s.exec(readFileSync(path, 'utf8')) ?? []
  if (summary === undefined) throw new Error(`${path} does not say what it is`)
  return summary.replace(/\n \* ?/g, ' ').trim()
}

// What the kernel and iptables demand

function demandsOf({ demands, families, ...extension }: Extension): string {
  const { protocols, tables, hooks } = demands
  return [
    families.length === 1 ? `${FAMILY_TITLES[families[0] as FamilyName]} only.` : '',
    protocols
      ? `Needs ${list(
          protocols.map((name) => code(`-p ${name}`)),
          'or',
        )}.`
      : '',
    tables ? `In table ${list(tables.map(code), 'or')} only.` : '',
    hooks ? `Reached from ${list(hooks.map(code))} only.` : '',
    aliasesOf({ demands, families, ...extension }).map((alias) => `Also written ${code(alias)}.`)[0] ?? '',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

function revisionsOf(extension: Extension): string {
  const { families } = extension
  const texts = families.map((family) => {
    const [written, ...others] = extension.variants(family)
    const more = others.length === 0 ? '' : `; ${list(others.map(({ revision }) => String(revision)))} are read too`
    return `revision ${written?.revision} (${code(written?.struct.cName ?? '')})${more}`
  })
  const named = kernelName(extension)
  const face = named === extension.name ? '' : ` as ${code(named)}`
  const isOne = new Set(texts).size === 1
  const each = isOne ? texts.slice(0, 1) : texts.map((text, i) => `${FAMILY_TITLES[families[i] as FamilyName]} ${text}`)
  return `In the kernel${face}: ${each.join('; ')}.`
}

/** What an edit of the table does to the rule, although it stays. */
function editsOf(extension: Extension): string[] {
  const { restarts } = extension
  const lost = new Map(
    extension.families
      .flatMap((family) => extension.variants(family)[0]?.losses ?? [])
      .map((one) => [one.parameter, one]),
  )
  return [
    ...(restarts === undefined ? [] : [`At each exchange of its table, which every edit is, ${restarts}.`]),
    ...[...lost.values()].map(
      ({ parameter, reason }) =>
        `${code(`--${parameter}`)} cannot be written back: ${reason}. An edit of a table in which such a rule stays is ` +
        `refused, but with ${code(`rewrite: ['${extension.name} --${parameter}']`)}.`,
    ),
  ]
}

// Options

function notesOf(option: Option): string {
  return [
    option.required ? 'required' : '',
    option.synonymOf.length > 0 ? `another spelling of ${list(option.synonymOf.map((one) => code(`--${one}`)))}` : '',
    option.excludes.length > 0
      ? `not with ${list(
          option.excludes.map((one) => code(`--${one}`)),
          'or',
        )}`
      : '',
  ]
    .filter((note) => note !== '')
    .join('; ')
}

const optionRow = (name: string, option: Option): string =>
  [
    '',
    [name, ...option.aliases].map((one) => code(`${option.negatable ? '! ' : ''}--${one}`)).join(', '),
    cell(option.words.length === 0 ? 'nothing' : expectation(option)),
    cell(notesOf(option)),
    '',
  ]
    .join(' | ')
    .trim()

/** The options of both families; a family has a table of its own where they differ. */
function optionTables(extension: Extension): string[] {
  const rows = extension.families.map((family) =>
    [...(extension.variants(family)[0]?.options ?? [])].map(([name, option]) => optionRow(name, option)).join('\n'),
  )
  const isOne = new Set(rows).size === 1
  return (isOne ? rows.slice(0, 1) : rows).map((text, i) => {
    const title = isOne ? '' : `${FAMILY_TITLES[extension.families[i] as FamilyName]}:\n\n`
    return text === '' ? `${title}No options.` : `${title}| option | takes | |\n| --- | --- | --- |\n${text}`
  })
}

// Examples

interface Example {
  readonly chain: string
  readonly rule: string
  readonly parsed: AnyRule
}

const parseRule = (family: FamilyName, text: string): AnyRule =>
  family === 'ipv4' ? Rule.parse(text) : Rule6.parse(text)

function parseExample(family: FamilyName, line: string): Example | undefined {
  const { chain, rule } = ruleLine(line)
  try {
    const parsed = parseRule(family, rule)
    return { chain, rule: String(parsed), parsed }
  } catch {
    // Not a rule to show to anybody.
    return undefined
  }
}

const LONGEST = 135
/** So many options show what they look like. */
const ENOUGH = 4

/** Of the rule lines, the one that shows most of this extension and least of others. */
function exampleOf({ kind, name, families, demands }: Extension): Example | undefined {
  const partsOf = ({ parsed }: Example): number =>
    parsed.matches.filter((one) => one.name === name).length + Number(parsed.target?.name === name)
  const weight = (one: Example): number => {
    const own = [...one.parsed.matches, ...(one.parsed.target ? [one.parsed.target] : [])].filter(
      (part) => part.kind === kind && part.name === name,
    )
    const others = one.parsed.matches.length + Number(one.parsed.target !== undefined) - own.length
    const options = Object.keys(own[0]?.getAllParameters() ?? {}).length
    return 10 * Math.min(options, ENOUGH) - 4 * others - one.rule.length / 20
  }
  const family = families[0] as FamilyName
  const isOwn = (one: { extension: string; family: { name: string } }): boolean =>
    one.extension === name && one.family.name === family
  const lines = cases.filter(isOwn).flatMap(({ accepted }) => accepted)
  // Of what the kernel of the captures does not take, there are payloads alone.
  const spelled = payloads.filter(isOwn).flatMap(({ text }) => (text === undefined ? [] : [text]))
  const chain = demands.hooks?.[0] ?? (demands.tables?.[0] === undefined ? 'INPUT' : TABLES[demands.tables[0]][0])
  const made = spelled.map((text) => `-A ${chain} -${kind === 'match' ? 'm' : 'j'} ${name} ${text}`)
  return (lines.length > 0 ? lines : made)
    .filter((line) => /^-A [A-Z]/.test(line))
    .flatMap((line) => parseExample(family, line) ?? [])
    .filter((one) => partsOf(one) === 1 && one.rule.length <= LONGEST)
    .reduce<Example | undefined>(
      (best, one) => (best === undefined || weight(one) > weight(best) ? one : best),
      undefined,
    )
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`

function literal({ negated, words }: Parameter): string {
  if (words.length > 1) return `[${[...(negated ? ['!'] : []), ...words].map(quoted).join(', ')}]`
  const value = propertyValue({ negated, words })
  return value === true ? 'true' : quoted(value)
}

/** A property of that name is something else of every match and target. */
const isTaken = (name: string): boolean => name in Match.prototype || name in Target.prototype

const assignment = (object: string, parameter: Parameter): string =>
  isTaken(camelCase(parameter.name))
    ? `${object}.setParameter(${quoted(parameter.name)}, ${literal(parameter)})`
    : `${object}.${camelCase(parameter.name)} = ${literal(parameter)}`

function partLines(part: PartSpec, kind: 'Match' | 'Target', variable: string): string[] {
  const make = `rule.create${kind}(${quoted(part.name)})`
  if (isOpaque(part) || part.parameters.length === 0) return [make]
  return [`const ${variable} = ${make}`, ...part.parameters.map((one) => assignment(variable, one))]
}

function asObjects({ parsed }: Example): string {
  const family: FamilyName = parsed instanceof Rule6 ? 'ipv6' : 'ipv4'
  const { head, matches, target } = describeRule(parsed.entry, parsed.context)
  const parts = [
    ...matches.flatMap((part) => partLines(part, 'Match', part.name)),
    ...(target.kind === 'extension' ? partLines(target.part, 'Target', 'target') : []),
    ...(target.kind === 'verdict' ? [`rule.createTarget(${quoted(target.verdict)})`] : []),
    ...(target.kind === 'chain' ? [`rule.createTarget(${quoted(target.chain)}, { goto: ${target.goto} })`] : []),
  ]
  return [
    `const rule = new ${family === 'ipv6' ? 'Rule6' : 'Rule'}()`,
    ...head.map((one) => assignment('rule', one)),
    ...parts,
  ].join('\n')
}

function asDictionary({ parsed }: Example): string {
  const { counters: _, ...dictionary } = easy.decodeRule(parsed)
  return JSON.stringify(dictionary, undefined, 1).replace(/\n\s*/g, ' ')
}

function exampleText(extension: Extension): string[] {
  const example = exampleOf(extension)
  if (example === undefined) return []
  const fence = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\``
  return [
    fence('sh', `${extension.families[0] === 'ipv4' ? 'iptables' : 'ip6tables'} -A ${example.chain} ${example.rule}`),
    fence('ts', asObjects(example)),
    fence('json', asDictionary(example)),
  ]
}

// The page

const section = (extension: Extension): string =>
  [
    `### ${extension.name}`,
    [summaryOf(extension), demandsOf(extension)].filter((text) => text !== '').join(' '),
    ...optionTables(extension),
    ...editsOf(extension),
    ...exampleText(extension),
    revisionsOf(extension),
  ].join('\n\n')

const anchor = (name: string, kind: PartKind): string =>
  `[${code(name)}](#${name.toLowerCase()}${isTwice(name, kind) ? '-1' : ''})`

/** Matches come first; a target whose name differs from a match's in case alone gets the second anchor of it. */
const isTwice = (name: string, kind: PartKind): boolean =>
  kind === 'target' && allExtensions('match').some((one) => one.name.toLowerCase() === name.toLowerCase())

const HEADINGS: Readonly<Record<PartKind, string>> = { match: 'Matches', target: 'Targets' }

const INTRODUCTION = `# Extensions

Made by \`npm run docs\` from the declarations in \`src/extensions\`; do not edit. \`xtables help NAME\` prints the options of
one. A parameter is a property in camel case (\`--src-range\` is \`srcRange\`), a key of a dictionary with dashes, and an
option of the iptables language, where \`!\` in front negates what the table shows with it.`

/** What no kernel at hand has, or takes without something that it lacks. */
function untriedLive(all: readonly Extension[]): string {
  const names = all
    .map(({ name }) => name)
    .filter((name) => !cases.some((one) => one.extension === name && !one.lacking && one.accepted.length > 0))
  return `All are compared with iptables-legacy in a running kernel, but for ${list(names.map(code))}: those are
tried offline, as that kernel lacks them or what they refer to, and all but \`ULOG\` in other kernels (\`docs/kernels.md\`).`
}

/** The text of docs/extensions.md. */
export function extensionsPage(): string {
  const kinds: readonly PartKind[] = ['match', 'target']
  const sorted = kinds.map(
    (kind) =>
      [kind, allExtensions(kind).sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1))] as const,
  )
  const contents = sorted.map(
    ([kind, all]) => `${HEADINGS[kind]}: ${all.map(({ name }) => anchor(name, kind)).join(', ')}.`,
  )
  const sections = sorted.flatMap(([kind, all]) => [`## ${HEADINGS[kind]}`, ...all.map(section)])
  return `${[INTRODUCTION, ...contents, untriedLive(sorted.flatMap(([, all]) => all)), ...sections].join('\n\n')}\n`
}
