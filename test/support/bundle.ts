/**
 * Bundles TypeScript programs into JavaScript files, for tests that start them often: otherwise they would spend most of
 * their time compiling.
 */
import { renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { buildSync } from 'esbuild'
import { bundleCommand, OPTIONS } from '../../scripts/bundle-command'

const ROOT = join(__dirname, '..', '..')
/** Examples import this source tree. */
const alias = { xtables: join(ROOT, 'src/index.ts') }

/** Other tests may be running a bundle, and must never see a part of it. */
const beside = (path: string): string => `${path}.${process.pid}`

/** Jest prints the lines in which an error occurred. */
const READABLE = { minifyWhitespace: false }

const bundled = new Set<string>()

/**
 * @param entry the path of the program, relative to the root of the project
 * @returns the path of the bundle, which is created once per test file
 */
export function bundle(entry: string): string {
  const file = join(ROOT, '.scratch', `${basename(entry, '.ts')}.js`)
  if (bundled.has(file)) return file
  buildSync({ ...OPTIONS, ...READABLE, alias, entryPoints: [entry], outfile: beside(file) })
  renameSync(beside(file), file)
  bundled.add(file)
  return file
}

/**
 * Bundles the command as users start it, from a cache of its compiled code.
 * @returns the path of the program, which is bundled once per test file
 */
export function bundledCommand(): string {
  // In a directory of the project, as `dist` is: the command reads the project's package.json.
  const directory = join(ROOT, '.scratch')
  const program = join(directory, 'xtables.js')
  if (bundled.has(program)) return program
  const written = beside(join(directory, 'command'))
  bundleCommand(written, READABLE)
  for (const name of ['command.js', 'xtables.js']) renameSync(join(written, name), join(directory, name))
  rmSync(written, { recursive: true })
  bundled.add(program)
  return program
}
