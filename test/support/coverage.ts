/** The options of an extension that no rule line uses. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Family } from '../../src/abi/family'
import { extensionNames, findExtension, type PartKind } from '../../src/extensions/registry'
import { cases } from './cases'
import { iptables } from './oracle'

const OPTION = /--([a-z0-9][a-z0-9-]*)/g

/** The options in the `-h` text of an extension, without those that every command has. */
function helped(family: Family, kind: PartKind, name: string): string[] {
  const general = new Set(iptables(family, '-h').stdout.split('\n'))
  const { stdout } = iptables(family, kind === 'match' ? '-m' : '-j', name, '-h')
  const own = stdout.split('\n').filter((line) => !general.has(line))
  return own.flatMap((line) => Array.from(line.matchAll(OPTION), ([, option]) => option as string))
}

/** All names under which the options of an extension may occur in a text, including aliases. */
const declared = (family: Family, kind: PartKind, name: string): string[] =>
  findExtension(kind, name)
    ?.variants(family.name)
    .slice(0, 1)
    .flatMap(({ spellings }) => spellings.flatMap((names) => [...names.keys()])) ?? []

/** Options that the oracle's help lists or that we declare, but that no line of a family uses. */
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

/** The directory in which Debian installs the extensions of iptables. */
const LIBRARIES = '/usr/lib'
const PLUGIN = /^lib(xt|ipt|ip6t)_(\w+)\.so$/
/** The verdicts, and a target that only contains others. */
const NO_EXTENSIONS = ['standard', 'NAT']

/** A library for both families may contain an extension for only one of them. */
const hasHelp = (family: Family, name: string): boolean =>
  // `-h` works for any name after -j, because it may be a chain.
  iptables(family, /[A-Z]/.test(name) ? '-j' : '-m', name, '-h').status === 0

/** Extensions that iptables has for a family, but we do not. Names in capitals are targets. */
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
