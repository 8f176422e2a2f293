/** Rule lines that iptables-legacy accepts or refuses, stored next to the extensions' tests. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FAMILIES, type Family, type FamilyName } from '../../src/abi/family'

export interface Deviation {
  /** What is different: what we print; that we refuse, or accept, the line; what we put into the kernel; what we list. */
  readonly what: 'text' | 'refused' | 'accepted' | 'bytes' | 'listed'
  readonly lines: { test(line: string): boolean }
  readonly why: string
}

export interface Group {
  readonly families: readonly FamilyName[]
  readonly table: string
  /** Commands before the lines: `ipset create …`, `nfacct add …`, or words for iptables. */
  readonly setup: readonly string[]
  readonly accepted: readonly string[]
  readonly refused: readonly string[]
  /** A kernel may be without the extension: the lines were captured with scripts/stand-in.c in its place. */
  readonly lacking?: boolean
  /** Lines name users and groups by number, which not every user namespace has. */
  readonly ids?: boolean
  /** A path without which its lines cannot be tried although the kernel has the extension: a program of the setup, say. */
  readonly needs?: string
}

/** One group of one extension in one family. */
export interface Case extends Omit<Group, 'families'> {
  readonly name: string
  readonly extension: string
  readonly family: Family
}

/** A payload that iptables-legacy does not write, or not on every machine: an older revision, an odd value. */
export interface PayloadCase {
  readonly kind: 'match' | 'target'
  readonly families: readonly FamilyName[]
  readonly revision: number
  /** In hexadecimal. */
  readonly bytes: string
  /** Its options as they are printed; left out for what cannot be read. */
  readonly text?: string
  /** What a numeric listing says of it. */
  readonly listed?: string
}

interface CaseFile {
  readonly extension: string
  readonly groups: readonly Group[]
  readonly payloads?: readonly PayloadCase[]
  /** See deviations.ts; `lines` is a regular expression. */
  readonly deviations?: readonly { what: Deviation['what']; lines: string; why: string }[]
}

const DIRECTORY = join(__dirname, '../extensions/cases')

const files: readonly CaseFile[] = readdirSync(DIRECTORY)
  .sort()
  .map((file) => JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8')))

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
