/**
 * Writes docs/extensions.md from the declarations of the extensions, with examples out of their rule lines; docs/sets.md from
 * those of the types of sets; the tables of docs/writing-extensions.md from the comments of what modules are made of; and
 * docs/errors.md from the codes of errors.
 *
 *   npm run docs
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { extensionLanguagePage } from './building-blocks'
import { errorsPage } from './errors-page'
import { extensionsPage } from './extensions-page'
import { setsPage } from './sets-page'

writeFileSync(join(__dirname, '../docs/extensions.md'), extensionsPage())
writeFileSync(join(__dirname, '../docs/sets.md'), setsPage())
writeFileSync(join(__dirname, '../docs/writing-extensions.md'), extensionLanguagePage())
errorsPage().then((page) => writeFileSync(join(__dirname, '../docs/errors.md'), page))
