/** What `-h` and `-V` say. */
import type { Family } from '../abi/family'
import type { Extension } from '../extensions/extension'
import type { Option } from '../extensions/option'
import { expectation } from '../extensions/payload'
import { findExtension } from '../extensions/registry'

/**
 * The version of iptables whose language this is. Programs that call the command look at it to see what they may use, and
 * at the word in brackets behind it to see which tables it speaks to.
 */
export const LANGUAGE_VERSION = 'v1.8.9'

/** What the program is called. */
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

Commands:
  -A, --append CHAIN                 add a rule at the end of a chain
  -C, --check CHAIN                  ask whether a rule is there
  -D, --delete CHAIN [NUMBER]        take out a rule, by what it says or by its number
  -I, --insert CHAIN [NUMBER]        put a rule before the one of this number, the first unless said
  -R, --replace CHAIN NUMBER         put a rule in place of another
  -L, --list [CHAIN [NUMBER]]        list rules for people
  -S, --list-rules [CHAIN [NUMBER]]  list rules as the commands that make them
  -F, --flush [CHAIN]                take out all rules
  -Z, --zero [CHAIN [NUMBER]]        set counters to zero
  -N, --new-chain CHAIN              make a chain
  -X, --delete-chain [CHAIN]         take out an empty chain, or all of them
  -E, --rename-chain OLD NEW         give a chain another name
  -P, --policy CHAIN POLICY          what becomes of packets that no rule decides on: ACCEPT or DROP

Rules:
  [!] -p, --protocol PROTOCOL        by name or number
  [!] -s, --source ADDRESS[/MASK][,…]
  [!] -d, --destination ADDRESS[/MASK][,…]
  [!] -i, --in-interface NAME[+]
  [!] -o, --out-interface NAME[+]
  [!] -f, --fragment                 second and further fragments (IPv4)
  -m, --match MATCH                  brings the options of a match
  -j, --jump TARGET                  a verdict, a chain, or a target with options
  -g, --goto CHAIN                   go on in a chain without coming back
  -c, --set-counters PACKETS BYTES   what the rule has counted already

Options:
  -t, --table TABLE                  filter (the default), nat, mangle, raw or security
  -n, --numeric                      print no names in place of numbers
  -v, --verbose                      tell more; with -L counters and interfaces
  -x, --exact                        print counters to the last digit
      --line-numbers                 print the numbers of rules
  -w, --wait [SECONDS]               wait so long for the xtables lock, for ever unless said
  -4, --ipv4, -6, --ipv6             what the line is for
      --modprobe COMMAND             accepted; the kernel loads its modules itself
  -h, --help [-m MATCH | -j TARGET]  this, and the options of what stands before it
  -V, --version
`

/** The usage, and the options of the extensions that are asked for. @param title the program and its version */
export function helpText(
  title: string,
  family: Family,
  extensions: readonly { kind: 'match' | 'target'; name: string }[],
): string {
  const program = programOf(family)
  const known = extensions.map(({ kind, name }) => findExtension(kind, name)).filter((one) => one !== undefined)
  const parts = known.map((extension) => `\n${extensionHelp(extension, family)}`)
  return [`${title}\n\n${USAGE(program)}`, ...parts].join('')
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
    ...(option.synonymOf.length === 0 ? [] : [`another way to write ${dashed(option.synonymOf)}`]),
    ...(option.excludes.length === 0 ? [] : [`not with ${dashed(option.excludes)}`]),
  ]
  const takes = option.words.length === 0 ? '' : `\n        ${expectation(option)}`
  return `  ${option.negatable ? '[!]' : '   '} ${names}${marks.length === 0 ? '' : ` (${marks.join('; ')})`}${takes}`
}

function notes({ demands: { protocols, tables, hooks }, atLeastOne }: Extension): string[] {
  return [
    ...(atLeastOne === true ? ['  At least one option is wanted.'] : []),
    ...(typeof atLeastOne === 'object' ? atLeastOne.map((one) => `  One of ${dashed(one)} is wanted.`) : []),
    ...(protocols === undefined ? [] : [`  Only with -p ${protocols.join(' or ')}.`]),
    ...(tables === undefined ? [] : [`  Only in table ${tables.join(' or ')}.`]),
    ...(hooks === undefined ? [] : [`  Only in rules that are reached from ${hooks.join(', ')}.`]),
  ]
}
