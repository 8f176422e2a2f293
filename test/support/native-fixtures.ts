/** The output of iptables-translate for the accepted rule lines, and the expressions that nft writes for it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FAMILIES, type FamilyName } from '../../src/abi/family'

export interface Translated {
  readonly line: string
  /** The output of the tool. Undefined if it has no translation and repeats the line after a #. */
  readonly text: string | undefined
  readonly status: number
  /**
   * The payload of NFTA_RULE_EXPRESSIONS that nft wrote. Undefined if nft refuses the text, or if an earlier line has
   * the same one.
   */
  readonly expressions: Uint8Array | undefined
}

export interface NativeFixture {
  readonly name: string
  readonly extension: string
  readonly family: FamilyName
  readonly table: string
  /** `iptables-translate -V`, `nft -V` and the kernel's release. */
  readonly writtenBy: string
  readonly lines: readonly Translated[]
}

const DIRECTORY = join(__dirname, '../../fixtures/translate')

const files = (family: FamilyName): string[] => {
  const directory = join(DIRECTORY, family)
  return existsSync(directory) ? readdirSync(directory).map((file) => join(directory, file)) : []
}

/** Deletes the captures of some extensions. */
export function clearNativeFixtures(isCleared: (extension: string) => boolean): void {
  for (const family of Object.keys(FAMILIES) as FamilyName[])
    for (const file of files(family)) if (isCleared(JSON.parse(readFileSync(file, 'utf8')).extension)) rmSync(file)
}

/**
 * Writes one line of JSON for each rule line, for readable diffs: `[line, text or null, expressions or null, status]`.
 * Default values at the end are omitted.
 */
export function writeNativeFixture({ lines, ...rest }: NativeFixture): void {
  mkdirSync(join(DIRECTORY, rest.family), { recursive: true })
  const rows = lines.map(({ line, text, status, expressions }) => {
    const row = [line, text ?? null, expressions ? Buffer.from(expressions).toString('base64') : null, status]
    while (row.at(-1) === null || row.at(-1) === 0) row.pop()
    return JSON.stringify(row)
  })
  const head = JSON.stringify(rest, undefined, 1).replace(/\n}$/, '')
  writeFileSync(join(DIRECTORY, rest.family, `${rest.name}.json`), `${head},\n "lines": [\n${rows.join(',\n')}\n]}\n`)
}

function readNativeFixture(file: string): NativeFixture {
  const { lines, ...rest } = JSON.parse(readFileSync(file, 'utf8'))
  return {
    ...rest,
    lines: (lines as [string, string | null, string | null, number][]).map(
      ([line, text = null, expressions = null, status = 0]) => ({
        line,
        text: text ?? undefined,
        status,
        expressions: expressions === null ? undefined : new Uint8Array(Buffer.from(expressions, 'base64')),
      }),
    ),
  }
}

export const nativeFixtures = (): NativeFixture[] =>
  (Object.keys(FAMILIES) as FamilyName[]).flatMap(files).map(readNativeFixture)
