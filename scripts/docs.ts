/**
 * Writes docs/extensions.md from the declarations of the extensions, with examples out of their rule lines.
 *
 *   npm run docs
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { extensionsPage } from './extensions-page'

writeFileSync(join(__dirname, '../docs/extensions.md'), extensionsPage())
