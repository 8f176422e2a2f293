/**
 * Writes the JSON Schemas that the package ships, under schema/: of a rule, and of what `xtables dump --json` prints and
 * `xtables apply --json` reads; the latter for both families, as `-6` tells them apart.
 *
 *   npm run schema
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { schemaFiles } from './schema-files'

const directory = join(__dirname, '../schema')
mkdirSync(directory, { recursive: true })
for (const [name, text] of Object.entries(schemaFiles())) writeFileSync(join(directory, name), text)
