/** The rule lines that iptables-legacy refuses, with what it prints: captured, as starting it for each line takes minutes. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Case } from './cases'

/** The refused lines of one group of one extension in one family. */
export interface RefusedGroup extends Pick<Case, 'table' | 'setup'> {
  readonly family: string
  readonly name: string
  /** The first line that the tool prints for each. */
  readonly refused: Readonly<Record<string, string>>
}

interface Refusals {
  /** `iptables-legacy -V` and the kernel's release. */
  readonly writtenBy: string
  readonly groups: readonly RefusedGroup[]
}

const DIRECTORY = join(__dirname, '../../fixtures/refused')

const pathOf = (extension: string): string => join(DIRECTORY, `${extension}.json`)

/** Deletes the refusals of some extensions. */
export function clearRefusals(isCleared: (extension: string) => boolean): void {
  if (!existsSync(DIRECTORY)) return
  const extensions = readdirSync(DIRECTORY).map((file) => basename(file, '.json'))
  for (const extension of extensions.filter(isCleared)) rmSync(pathOf(extension))
}

export function writeRefusals(extension: string, refusals: Refusals): void {
  mkdirSync(DIRECTORY, { recursive: true })
  writeFileSync(pathOf(extension), `${JSON.stringify(refusals, undefined, 1)}\n`)
}

const read = new Map<string, Refusals>()

function refusalsOf(extension: string): Refusals {
  const known = read.get(extension)
  if (known !== undefined) return known
  const path = pathOf(extension)
  const refusals = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { writtenBy: '', groups: [] }
  read.set(extension, refusals)
  return refusals
}

/**
 * The refused lines of a group of which the captures say nothing: the lines, the table or the setup have changed.
 * @param writtenBy the tool and the kernel that are meant; for others, nothing is captured
 */
export function notCaptured({ extension, family, name, table, setup, refused }: Case, writtenBy?: string): string[] {
  const captures = refusalsOf(extension)
  if (writtenBy !== undefined && captures.writtenBy !== writtenBy) return [...refused]
  const group = captures.groups.find((one) => one.family === family.name && one.name === name)
  const isSame = group?.table === table && JSON.stringify(group.setup) === JSON.stringify(setup)
  return refused.filter((line) => !isSame || group?.refused[line] === undefined)
}
