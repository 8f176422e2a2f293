/** Rule lines that iptables-legacy accepts or refuses, stored next to the extensions' tests. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { FAMILIES, type Family } from '../../src/abi/family'
import { type CaseDeviation, type CaseFile, type Group, parseCaseFile } from './case-file'

export interface Deviation extends Omit<CaseDeviation, 'lines'> {
  readonly lines: { test(line: string): boolean }
}

/** One group of one extension in one family. */
export interface Case extends Readonly<Omit<Group, 'families'>> {
  readonly name: string
  readonly extension: string
  readonly family: Family
}

const DIRECTORY = join(__dirname, '../extensions/cases')

const files: readonly CaseFile[] = readdirSync(DIRECTORY)
  .sort()
  .map((file) => parseCaseFile(readFileSync(join(DIRECTORY, file), 'utf8'), basename(file, '.json')))

const names = files.map(({ extension }) => extension)

/**
 * Makes the test of whether a script was asked for an extension: one of `wanted`, or any if that is empty.
 * @param others what the script has besides extensions
 * @throws Error for a name without rule lines
 */
export function selection(wanted: readonly string[], others: readonly string[] = []): (extension: string) => boolean {
  const unknown = wanted.find((name) => !names.includes(name) && !others.includes(name))
  if (unknown !== undefined) throw new Error(`there is no test/extensions/cases/${unknown}.json`)
  return (extension) => wanted.length === 0 || wanted.includes(extension)
}

/** Every group of every extension, once for each family that has it. */
export const cases: readonly Case[] = files.flatMap(({ extension, groups }) =>
  groups.flatMap(({ families, ...group }, i) =>
    families.map((family) => ({ ...group, extension, name: `${extension}-${i}`, family: FAMILIES[family] })),
  ),
)

/** Every such payload, once for each family that has it. */
export const payloads = files.flatMap(({ extension, payloads: listed = [] }) =>
  listed.flatMap(({ families, ...one }) => families.map((family) => ({ ...one, extension, family: FAMILIES[family] }))),
)

export const caseDeviations = files.flatMap(({ deviations = [] }) => deviations)

/** `-A CHAIN` and the rest of a line; undefined for what is no rule of a chain. */
export function splitLine(line: string): { chain: string; rule: string } | undefined {
  const [, chain, rule] = /^(?:-A|--append)\s+(\S+)\s*(.*)$/s.exec(line) ?? []
  return chain === undefined || rule === undefined ? undefined : { chain, rule }
}

/** As {@link splitLine}, of a line that is a rule. */
export function ruleLine(line: string): { chain: string; rule: string } {
  const split = splitLine(line)
  if (split === undefined) throw new Error(`no rule: ${line}`)
  return split
}
