/** The options of an extension that no rule line uses. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Family } from '../../src/abi/family'
import { extensionNames, findExtension, type PartKind } from '../../src/extensions/registry'
import { cases } from './cases'
import { iptables } from './oracle'

const OPTION = /--([a-z0-9][a-z0-9-]*)/g

/** Options that `-h` of an extension names, beside those of every command. */
function helped(family: Family, kind: PartKind, name: string): string[] {
  const general = new Set(iptables(family, '-h').stdout.split('\n'))
  const { stdout } = iptables(family, kind === 'match' ? '-m' : '-j', name, '-h')
  const own = stdout.split('\n').filter((line) => !general.has(line))
  return own.flatMap((line) => Array.from(line.matchAll(OPTION), ([, option]) => option as string))
}

/** What a text may call the options that an extension declares, by their aliases too. */
const declared = (family: Family, kind: PartKind, name: string): string[] =>
  findExtension(kind, name)
    ?.variants(family.name)
    .slice(0, 1)
    .flatMap(({ spellings }) => spellings.flatMap((names) => [...names.keys()])) ?? []

/** Options of an extension that the oracle's help names, or we declare, and that no line of a family has. */
export function untried(family: Family, kind: PartKind, name: string): string[] {
  const lines = cases.filter((one) => one.family === family && one.extension === name)
  const used = new Set(
    lines
      .flatMap(({ accepted, refused }) => [...accepted, ...refused])
      .flatMap((line) => Array.from(line.matchAll(OPTION), ([, option]) => option)),
  )
  const wanted = new Set([...helped(family, kind, name), ...declared(family, kind, name)])
  return [...wanted].filter((option) => !used.has(option)).sort()
}

/** Where Debian keeps the extensions of iptables. */
const LIBRARIES = '/usr/lib'
const PLUGIN = /^lib(xt|ipt|ip6t)_(\w+)\.so$/
/** The verdicts, and what only holds several others. */
const NO_EXTENSIONS = ['standard', 'NAT']

/** A file for both families may hold an extension of one alone. */
const hasHelp = (family: Family, name: string): boolean =>
  // Any name will do for -j, as it may be a chain.
  iptables(family, /[A-Z]/.test(name) ? '-j' : '-m', name, '-h').status === 0

/** Extensions that iptables has for a family and we do not. Capitals are targets. */
export function missing(family: Family): string[] {
  const own = family.name === 'ipv4' ? 'ipt' : 'ip6t'
  const ours = [...extensionNames('match', family.name), ...extensionNames('target', family.name)]
  const plugins = readdirSync(LIBRARIES)
    .map((one) => join(LIBRARIES, one, 'xtables'))
    .flatMap((path) => (existsSync(path) ? readdirSync(path) : []))
  const names = plugins.flatMap((file) => {
    const [, prefix, name] = PLUGIN.exec(file) ?? []
    const isOfFamily = name !== undefined && (prefix === own || (prefix === 'xt' && hasHelp(family, name)))
    return isOfFamily ? [name] : []
  })
  return [...new Set(names)].filter((name) => !ours.includes(name) && !NO_EXTENSIONS.includes(name)).sort()
}
