/** The output of `-h` and `-V`. */
import type { Family } from '../abi/family'
import type { Extension } from '../extensions/extension'
import type { Option } from '../extensions/option'
import { expectation } from '../extensions/payload'
import { findExtension } from '../extensions/registry'
import { type GlobalHelp, globals } from './options'

/**
 * The version of iptables whose language this is. Programs that run the command read it to see which features they may
 * use, and read the word in brackets after it to see which backend it uses.
 */
export const LANGUAGE_VERSION = 'v1.8.9'

/** The name of the program. */
export const programOf = ({ name }: Family): string => (name === 'ipv4' ? 'iptables' : 'ip6tables')

const USAGE = (program: string): string => `Usage: ${program} -[ACD] chain rule-specification [options]
       ${program} -I chain [rulenum] rule-specification [options]
       ${program} -R chain rulenum rule-specification [options]
       ${program} -D chain rulenum [options]
       ${program} -[LS] [chain [rulenum]] [options]
       ${program} -[FZ] [chain] [options]
       ${program} -[NX] chain
       ${program} -E old-chain-name new-chain-name
       ${program} -P chain target [options]
`

const SECTIONS = ['Commands', 'Rules', 'Options'] as const
const COLUMN = 37

/** The options of iptables itself, from their declaration. */
function globalsHelp(): string {
  const linesOf = (section: GlobalHelp['section']): string[] =>
    globals().flatMap(({ letter, names, help }) => (help?.section === section ? [lineOf(letter, names, help)] : []))
  return SECTIONS.map((section) => `\n${section}:\n${linesOf(section).join('')}`).join('')
}

function lineOf(letter: string, [name]: readonly string[], { takes, negatable, summary }: GlobalHelp): string {
  const short = letter === '0' || letter === 'M' ? '    ' : `-${letter}, `
  const text = `  ${negatable ? '[!] ' : ''}${short}--${name}${takes === '' ? '' : ` ${takes}`}`
  return `${summary === '' ? text : `${text.padEnd(COLUMN - 1)} ${summary}`}\n`
}

/** The usage, and the options of the requested extensions. @param title the program and its version */
export function helpText(
  title: string,
  family: Family,
  extensions: readonly { kind: 'match' | 'target'; name: string }[],
): string {
  const program = programOf(family)
  const known = extensions.map(({ kind, name }) => findExtension(kind, name)).filter((one) => one !== undefined)
  const parts = known.map((extension) => `\n${extensionHelp(extension, family)}`)
  return [`${title}\n\n${USAGE(program)}${globalsHelp()}`, ...parts].join('')
}

/** The options of a match or target, from its declaration. */
export function extensionHelp(extension: Extension, family: Family): string {
  const options = [...(extension.variants(family.name)[0]?.options ?? [])]
  const lines = options.length === 0 ? ['  no options'] : options.map(([name, option]) => optionHelp(name, option))
  return `${[`${extension.name} ${extension.kind} options:`, ...lines, ...notes(extension)].join('\n')}\n`
}

const dashed = (names: readonly string[]): string => names.map((name) => `--${name}`).join(', ')

function optionHelp(name: string, option: Option): string {
  const names = [name, ...option.aliases].map((one) => `--${one}`).join(', ')
  const marks = [
    ...(option.required && option.synonymOf.length === 0 ? ['required'] : []),
    ...(option.synonymOf.length === 0 ? [] : [`another spelling of ${dashed(option.synonymOf)}`]),
    ...(option.excludes.length === 0 ? [] : [`not with ${dashed(option.excludes)}`]),
  ]
  const takes = option.words.length === 0 ? '' : `\n        ${expectation(option)}`
  return `  ${option.negatable ? '[!]' : '   '} ${names}${marks.length === 0 ? '' : ` (${marks.join('; ')})`}${takes}`
}

function notes({ demands: { protocols, tables, hooks }, atLeastOne }: Extension): string[] {
  return [
    ...(atLeastOne === true ? ['  At least one option is required.'] : []),
    ...(typeof atLeastOne === 'object' ? atLeastOne.map((one) => `  One of ${dashed(one)} is required.`) : []),
    ...(protocols === undefined ? [] : [`  Only with -p ${protocols.join(' or ')}.`]),
    ...(tables === undefined ? [] : [`  Only in table ${tables.join(' or ')}.`]),
    ...(hooks === undefined ? [] : [`  Only in rules that are reached from ${hooks.join(', ')}.`]),
  ]
}
