/** Command lines that are given to iptables-legacy and to us: the data beside this. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FamilyName } from '../../src/abi/family'

/** Lines that follow one another, on tables that are empty at first. */
export interface Sequence {
  readonly families: readonly FamilyName[]
  readonly lines: readonly string[]
  /** Whether the messages are those of the legacy tool to the letter. */
  readonly messages?: boolean
}

export interface CommandFile {
  readonly what: string
  readonly messages: boolean
  readonly sequences: readonly Sequence[]
}

const DIRECTORY = join(__dirname, 'cases')

export const commandFiles: readonly CommandFile[] = readdirSync(DIRECTORY)
  .sort()
  .map((file) => JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8')) as CommandFile)
