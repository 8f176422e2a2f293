/** `help NAME`: prints the options of a match or target. */
import { FAMILIES, type FamilyName } from '../abi/family'
import type { IptcError } from '../errors'
import { extensionNames, findExtension } from '../extensions/registry'
import { similarNames } from '../extensions/similar-names'
import { extensionHelp } from '../language/help'
import { appletNames } from './applets/described'
import { CommandLineError } from './command-line'
import type { Io } from './open-kernel'

const KINDS = ['match', 'target'] as const

function unknownName(name: string): IptcError {
  const families = Object.keys(FAMILIES) as FamilyName[]
  const known = families.flatMap((family) => KINDS.flatMap((kind) => extensionNames(kind, family)))
  const names = [...new Set([...appletNames(), ...known])]
  const near = similarNames(name, names)
  return new CommandLineError(`there is no applet, match or target ${name}${near === undefined ? '' : `; ${near}`}`)
}

/** @throws CommandLineError if there is neither a match nor a target of this name */
export function help(name: string, { stdout }: Pick<Io, 'stdout'>): void {
  const known = KINDS.map((kind) => findExtension(kind, name)).filter((one) => one !== undefined)
  if (known.length === 0) throw unknownName(name)
  for (const extension of known) {
    const { families } = extension
    const texts = new Set(families.map((family) => extensionHelp(extension, FAMILIES[family])))
    const isOne = texts.size === 1
    for (const [i, text] of [...texts].entries())
      stdout(isOne && families.length === 2 ? text : `${families[i]} ${isOne ? 'only: ' : ''}${text}`)
  }
}
