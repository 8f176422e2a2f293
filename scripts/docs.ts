/**
 * Writes docs/extensions.md from the declarations of the extensions, with examples out of their rule lines; docs/sets.md from
 * those of the types of sets; and the tables of docs/writing-extensions.md from the comments of what modules are made of.
 *
 *   npm run docs
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { extensionLanguagePage } from './building-blocks'
import { extensionsPage } from './extensions-page'
import { setsPage } from './sets-page'

writeFileSync(join(__dirname, '../docs/extensions.md'), extensionsPage())
writeFileSync(join(__dirname, '../docs/sets.md'), setsPage())
writeFileSync(join(__dirname, '../docs/writing-extensions.md'), extensionLanguagePage())
