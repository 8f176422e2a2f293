/**
 * Writes the pages that are generated from declarations: docs/extensions.md, with examples from the rule lines of the
 * tests; docs/sets.md from the set types; docs/command.md and man/xtables.8 from the applets; the tables of
 * docs/writing-extensions.md from the comments of the building blocks; docs/errors.md from the error codes.
 *
 *   npm run docs
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { extensionLanguagePage } from './building-blocks'
import { commandPage } from './command-page'
import { errorsPage } from './errors-page'
import { extensionsPage } from './extensions-page'
import { manPage } from './man-page'
import { setsPage } from './sets-page'

const write = (path: string, page: string): void => writeFileSync(join(__dirname, '..', path), page)

mkdirSync(join(__dirname, '../man'), { recursive: true })
write('docs/extensions.md', extensionsPage())
write('docs/sets.md', setsPage())
write('docs/command.md', commandPage())
write('man/xtables.8', manPage())
write('docs/writing-extensions.md', extensionLanguagePage())
errorsPage().then((page) => write('docs/errors.md', page))
