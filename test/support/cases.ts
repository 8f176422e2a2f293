/** Rule lines that iptables-legacy accepts or refuses, stored next to the extensions' tests. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FAMILIES, type Family, type FamilyName } from '../../src/abi/family'

export interface Deviation {
  /**
   * The kind of difference: in the printed text, refused or accepted only by us, in the bytes in the kernel, or in the
   * listing.
   */
  readonly what: 'text' | 'refused' | 'accepted' | 'bytes' | 'listed'
  readonly lines: { test(line: string): boolean }
  readonly why: string
}

export interface Group {
  readonly families: readonly FamilyName[]
  readonly table: string
  /** Commands to run before the lines: `ipset create …`, `nfacct add …`, or arguments for iptables. */
  readonly setup: readonly string[]
  readonly accepted: readonly string[]
  readonly refused: readonly string[]
  /**
   * Whether kernels may lack the extension. The lines were then captured with scripts/stand-in.c in place of the
   * kernel.
   */
  readonly lacking?: boolean
  /** Whether lines refer to users and groups by number, which not every user namespace maps. */
  readonly ids?: boolean
  /** A path that is required to test the lines, in addition to the extension, such as that of a program in `setup`. */
  readonly needs?: string
}

/** One group of lines of one extension, for one family. */
export interface Case extends Omit<Group, 'families'> {
  readonly name: string
  readonly extension: string
  readonly family: Family
}

/** A payload that iptables-legacy does not write, or not on every machine: an older revision, or unusual values. */
export interface PayloadCase {
  readonly kind: 'match' | 'target'
  readonly families: readonly FamilyName[]
  readonly revision: number
  /** The payload in hexadecimal. */
  readonly bytes: string
  /** Its options as they are printed. Absent if it cannot be decoded. */
  readonly text?: string
  /** Its text in a numeric listing. */
  readonly listed?: string
}

interface CaseFile {
  readonly extension: string
  readonly groups: readonly Group[]
  readonly payloads?: readonly PayloadCase[]
  /** As in deviations.ts, with `lines` as the source of a regular expression. */
  readonly deviations?: readonly { what: Deviation['what']; lines: string; why: string }[]
}

const DIRECTORY = join(__dirname, '../extensions/cases')

const files: readonly CaseFile[] = readdirSync(DIRECTORY)
  .sort()
  .map((file) => JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8')))

/** Every group of every extension, once for each family that supports it. */
export const cases: readonly Case[] = files.flatMap(({ extension, groups }) =>
  groups.flatMap(({ families, ...group }, i) =>
    families.map((family) => ({ ...group, extension, name: `${extension}-${i}`, family: FAMILIES[family] })),
  ),
)

/** Every such payload, once for each family that supports it. */
export const payloads = files.flatMap(({ extension, payloads: listed = [] }) =>
  listed.flatMap(({ families, ...one }) => families.map((family) => ({ ...one, extension, family: FAMILIES[family] }))),
)

export const caseDeviations = files.flatMap(({ deviations = [] }) => deviations)

/** Splits a line into the chain of `-A CHAIN` and the rest. Undefined if it does not add a rule. */
export function splitLine(line: string): { chain: string; rule: string } | undefined {
  const [, chain, rule] = /^(?:-A|--append)\s+(\S+)\s*(.*)$/s.exec(line) ?? []
  return chain === undefined || rule === undefined ? undefined : { chain, rule }
}

/** As {@link splitLine}, for lines that must add a rule. */
export function ruleLine(line: string): { chain: string; rule: string } {
  const split = splitLine(line)
  if (split === undefined) throw new Error(`no rule: ${line}`)
  return split
}
