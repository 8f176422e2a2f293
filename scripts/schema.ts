/**
 * Writes the JSON Schemas that the package contains to schema/: for a rule, and for a dump, which `xtables dump --json`
 * prints and `xtables apply --json` reads. There is one of each for both families.
 *
 *   npm run schema
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { schemaFiles } from './schema-files'

const directory = join(__dirname, '../schema')
mkdirSync(directory, { recursive: true })
for (const [name, text] of Object.entries(schemaFiles())) writeFileSync(join(directory, name), text)
