/**
 * Writes docs/extensions.md from the declarations of the extensions, with examples out of their rule lines, and
 * docs/sets.md from those of the types of sets.
 *
 *   npm run docs
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { extensionsPage } from './extensions-page'
import { setsPage } from './sets-page'

writeFileSync(join(__dirname, '../docs/extensions.md'), extensionsPage())
writeFileSync(join(__dirname, '../docs/sets.md'), setsPage())
