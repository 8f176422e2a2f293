/**
 * Command lines that are run with iptables-legacy and with our command. The data is in the directory next to this file.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FamilyName } from '../../src/abi/family'

/** Lines that are run one after the other, on tables that are empty at first. */
export interface Sequence {
  readonly families: readonly FamilyName[]
  readonly lines: readonly string[]
  /** Whether our messages must equal those of the legacy tool exactly. */
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
