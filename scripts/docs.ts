/**
 * Writes docs/extensions.md from the declarations of the extensions, with examples out of their rule lines, and
 * docs/sets.md from those of the types of sets; docs/command.md and man/xtables.8 from those of the applets.
 *
 *   npm run docs
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandPage } from './command-page'
import { extensionsPage } from './extensions-page'
import { manPage } from './man-page'
import { setsPage } from './sets-page'

writeFileSync(join(__dirname, '../docs/extensions.md'), extensionsPage())
writeFileSync(join(__dirname, '../docs/sets.md'), setsPage())
writeFileSync(join(__dirname, '../docs/command.md'), commandPage())
mkdirSync(join(__dirname, '../man'), { recursive: true })
writeFileSync(join(__dirname, '../man/xtables.8'), manPage())
