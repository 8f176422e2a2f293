/** Rules that iptables-nft wrote, as the kernel returns them, with the text that it prints. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import type { Context } from '../../src/extensions/context'
import type { SetIdentity } from '../../src/kernel/client'

export interface NftWritten {
  /** The line that created the rule. */
  readonly line: string
  /** The output of `-S` for it, without `-A CHAIN`. */
  readonly saved: string
  /** The payload of NFTA_RULE_EXPRESSIONS. */
  readonly expressions: Uint8Array
}

export interface NftFixture {
  /** The extension, and the number of the group. */
  readonly name: string
  readonly extension: string
  readonly family: FamilyName
  readonly table: string
  /** `iptables-nft -V` and the kernel's release. */
  readonly writtenBy: string
  readonly sets: Readonly<Record<string, SetIdentity>> | undefined
  readonly rules: readonly NftWritten[]
  /** Lines that iptables-legacy accepts but iptables-nft refuses, with its message. */
  readonly refused: readonly { readonly line: string; readonly stderr: string }[]
}

const DIRECTORY = join(__dirname, '../../fixtures/nft')

const pathOf = ({ family, name }: Pick<NftFixture, 'family' | 'name'>): string =>
  join(DIRECTORY, family, `${name}.json`)

const files = (family: FamilyName): string[] => {
  const directory = join(DIRECTORY, family)
  return existsSync(directory) ? readdirSync(directory).map((file) => join(directory, file)) : []
}

/** Deletes the captures of some extensions. */
export function clearNftFixtures(isCleared: (extension: string) => boolean): void {
  for (const family of Object.keys(FAMILIES) as FamilyName[])
    for (const file of files(family)) if (isCleared(JSON.parse(readFileSync(file, 'utf8')).extension)) rmSync(file)
}

/** Writes one line for each rule, for readable diffs. */
export function writeNftFixture({ rules, ...rest }: NftFixture): void {
  mkdirSync(join(DIRECTORY, rest.family), { recursive: true })
  const lines = rules.map(({ line, saved, expressions }) =>
    JSON.stringify([line, saved, Buffer.from(expressions).toString('base64')]),
  )
  const head = JSON.stringify(rest, undefined, 1).replace(/\n}$/, '')
  writeFileSync(pathOf(rest), `${head},\n "rules": [\n${lines.join(',\n')}\n]}\n`)
}

function readNftFixture(file: string): NftFixture {
  const { rules, ...rest } = JSON.parse(readFileSync(file, 'utf8'))
  return {
    ...rest,
    rules: (rules as [string, string, string][]).map(([line, saved, expressions]) => ({
      line,
      saved,
      expressions: new Uint8Array(Buffer.from(expressions, 'base64')),
    })),
  }
}

export const nftFixtures = (): NftFixture[] =>
  (Object.keys(FAMILIES) as FamilyName[]).flatMap(files).map(readNftFixture)

export const nftContext = ({ family, sets = {} }: Pick<NftFixture, 'family' | 'sets'>): Context => ({
  family: FAMILIES[family],
  sets: {
    byName: (name) => sets[name],
    byIndex: (index) => Object.keys(sets).find((name) => sets[name]?.index === index),
  },
})
