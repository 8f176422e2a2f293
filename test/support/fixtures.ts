/** Tables that iptables-legacy wrote, captured from a kernel, with the text that it prints. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { readRuleset } from '../../src/blob/read'
import type { Context, SetNames } from '../../src/extensions/context'
import { type Capture, type CaptureJson, captureFromJson, captureToJson, checkCapture } from '../../src/kernel/capture'
import type { Ruleset } from '../../src/ruleset/ruleset'
import { ruleLine } from './cases'
import type { Written } from './conformance'

export interface Fixture {
  /** The extension, and the number of the group. */
  readonly name: string
  readonly extension: string
  /** `iptables-legacy -V` and the kernel's release. */
  readonly writtenBy: string
  /** The lines that created the rules, in order. */
  readonly lines: readonly string[]
  /** The output of `-S` for the table. */
  readonly listing: readonly string[]
  /** The lines of the output of `-L -n -v`. */
  readonly shown: readonly string[]
  readonly capture: Capture
}

const DIRECTORY = join(__dirname, '../../fixtures')

/** Deletes the captures of some extensions. */
export function clearFixtures(isCleared: (extension: string) => boolean): void {
  for (const path of paths()) if (isCleared(basename(path).replace(/-\d+\.json$/, ''))) rmSync(join(DIRECTORY, path))
}

export function writeFixture({ capture, ...rest }: Fixture): void {
  const directory = join(DIRECTORY, capture.family, capture.table)
  mkdirSync(directory, { recursive: true })
  const json = { ...rest, capture: captureToJson(capture) }
  writeFileSync(join(directory, `${rest.name}.json`), `${JSON.stringify(json, undefined, 1)}\n`)
}

/** The files of one family, relative to the directory of fixtures. */
function pathsOf(family: string): string[] {
  const directory = join(DIRECTORY, family)
  if (!existsSync(directory)) return []
  const files = (readdirSync(directory, { recursive: true }) as string[]).filter((path) => path.endsWith('.json'))
  return files.map((path) => join(family, path)).sort()
}

const paths = (): string[] => Object.keys(FAMILIES).flatMap(pathsOf)

const readFixture = (path: string): Fixture => {
  const json = JSON.parse(readFileSync(path, 'utf8')) as Omit<Fixture, 'capture'> & { capture: CaptureJson }
  return { ...json, capture: captureFromJson(json.capture) }
}

/** All fixtures. */
export const fixtures = (): Fixture[] => paths().map((path) => readFixture(join(DIRECTORY, path)))

export function rulesetOf({ capture }: Pick<Fixture, 'capture'>): Ruleset {
  const { layout, entries } = checkCapture(capture)
  return readRuleset(FAMILIES[capture.family], capture.table, layout, entries)
}

const setNames = (sets: Capture['sets'] = {}): SetNames => ({
  byName: (name) => sets[name],
  byIndex: (index) => Object.keys(sets).find((name) => sets[name]?.index === index),
})

export const contextOf = ({ capture }: Pick<Fixture, 'capture'>): Context => ({
  family: FAMILIES[capture.family as FamilyName],
  sets: setNames(capture.sets),
})

/** The rules of a listing by chain. */
function rulesByChain(listing: readonly string[]): Map<string, string[]> {
  const chains = new Map<string, string[]>()
  for (const line of listing.filter((one) => one.startsWith('-A '))) {
    const { chain, rule } = ruleLine(line)
    chains.set(chain, [...(chains.get(chain) ?? []), rule])
  }
  return chains
}

/** The lines with the rules that they created, which are the last ones in their chains. */
export function writtenRules(fixture: Fixture): Written[] {
  const { chains } = rulesetOf(fixture)
  const saved = rulesByChain(fixture.listing)
  const left = new Map<string, number>()
  for (const line of fixture.lines) left.set(ruleLine(line).chain, (left.get(ruleLine(line).chain) ?? 0) + 1)
  return fixture.lines.map((line) => {
    const { chain, rule } = ruleLine(line)
    const fromEnd = left.get(chain) as number
    left.set(chain, fromEnd - 1)
    const rules = chains.get(chain)?.rules
    const entry = rules?.at(rules.length - fromEnd)
    const text = saved.get(chain)?.at(-fromEnd)
    if (entry === undefined || text === undefined) throw new Error(`${fixture.name}: no rule for ${line}`)
    return { line, rule, saved: text, entry }
  })
}
