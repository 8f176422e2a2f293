/**
 * Writes the reference page of all extensions: their options and requirements, and an example rule in three
 * notations.
 */
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

/** The description of an extension: the first comment of its module. */
function summaryOf({ kind, name }: Extension): string {
  const path = join(__dirname, '../src/extensions', kind === 'match' ? 'matches' : 'targets', `${name}.ts`)
  const [, summary] = /^\/\*\*\s*(.*?)\s*\*\//s.exec(readFileSync(path, 'utf8')) ?? []
  if (summary === undefined) throw new Error(`${path} does not start with a description`)
  return summary.replace(/\n \* ?/g, ' ').trim()
}

// Requirements of the kernel and iptables

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
    tables ? `Only in table ${list(tables.map(code), 'or')}.` : '',
    hooks ? `Only in chains reached from ${list(hooks.map(code), 'or')}.` : '',
    aliasesOf({ demands, families, ...extension }).map((alias) => `Also written ${code(alias)}.`)[0] ?? '',
  ]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

function revisionsOf(extension: Extension): string {
  const { families } = extension
  const texts = families.map((family) => {
    const [written, ...others] = extension.variants(family)
    const more =
      others.length === 0
        ? ''
        : `; ${list(others.map(({ revision }) => String(revision)))} ${others.length === 1 ? 'is' : 'are'} read, too`
    return `revision ${written?.revision} (${code(written?.struct.cName ?? '')})${more}`
  })
  const named = kernelName(extension)
  const face = named === extension.name ? '' : ` as ${code(named)}`
  const isOne = new Set(texts).size === 1
  const each = isOne ? texts.slice(0, 1) : texts.map((text, i) => `${FAMILY_TITLES[families[i] as FamilyName]} ${text}`)
  return `In the kernel${face}: ${each.join('; ')}.`
}

/** How an edit of the table affects a rule that stays. */
function editsOf(extension: Extension): string[] {
  const { restarts } = extension
  const lost = new Map(
    extension.families
      .flatMap((family) => extension.variants(family)[0]?.losses ?? [])
      .map((one) => [one.parameter, one]),
  )
  return [
    ...(restarts === undefined
      ? []
      : [`Every edit of an ip_tables table replaces the whole table. Each time, ${restarts}.`]),
    ...[...lost.values()].map(
      ({ parameter, reason }) =>
        `${code(`--${parameter}`)} cannot be written back: ${reason}. An edit of a table that keeps such a rule is refused, ` +
        `unless you pass ${code(`rewrite: ['${extension.name} --${parameter}']`)}.`,
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

/** The options of both families: one table, or one for each family if they differ. */
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
    // The line tests an error: it is no example.
    return undefined
  }
}

const LONGEST = 135
/** An example with more options than this is no better. */
const ENOUGH = 4

/** The test line that shows the most options of this extension and the least of others. */
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
  // Extensions that the captured kernel lacks have no rule lines, only payloads.
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

/** Whether every match and target already has another property with this name. */
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

/** Matches come first. A target whose name differs from a match's only in case gets the second anchor of that name. */
const isTwice = (name: string, kind: PartKind): boolean =>
  kind === 'target' && allExtensions('match').some((one) => one.name.toLowerCase() === name.toLowerCase())

const HEADINGS: Readonly<Record<PartKind, string>> = { match: 'Matches', target: 'Targets' }

const INTRODUCTION = `# Extensions

\`npm run docs\` generates this page from the declarations in \`src/extensions\`; do not edit it. \`xtables help NAME\` prints the
options of one extension.

A parameter is a property in camel case (\`--src-range\` is \`srcRange\`), a dictionary key with dashes, and an option in iptables
syntax. If the table shows an option with \`!\`, a leading \`!\` negates it.`

/** The extensions without an accepted line on the kernel that runs the tests. */
function untriedLive(all: readonly Extension[]): string {
  const names = all
    .map(({ name }) => name)
    .filter((name) => !cases.some((one) => one.extension === name && !one.lacking && one.accepted.length > 0))
  return `All extensions are compared with iptables-legacy on a running kernel, except ${list(names.map(code))}. That kernel
lacks these, or what they refer to. They are tested offline, and all but \`ULOG\` on other kernels (\`docs/kernels.md\`).`
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
