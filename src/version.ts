/** The version of this package. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

let known: string | undefined

/** Reads the version from package.json. */
export function version(): string {
  known ??= (JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8')) as { version: string }).version
  return known
}
