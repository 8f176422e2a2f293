/**
 * Bundles a TypeScript program into one JavaScript file, for tests that start it often: otherwise it would
 * spend most of its time compiling.
 */
import { spawnSync } from 'node:child_process'
import { renameSync } from 'node:fs'
import { basename, join } from 'node:path'

const ROOT = join(__dirname, '..', '..')
const OPTIONS = ['--bundle', '--platform=node', '--target=node20', '--packages=external', '--log-level=warning']
/** Examples import this source tree. */
const XTABLES = `--alias:xtables=${join(ROOT, 'src/index.ts')}`

const bundled = new Set<string>()

/**
 * @param entry the path of the program, relative to the root of the project
 * @returns the path of the bundle, which is created once per process
 */
export function bundle(entry: string): string {
  const file = join(ROOT, '.scratch', `${basename(entry, '.ts')}.js`)
  if (bundled.has(file)) return file
  const esbuild = join(ROOT, 'node_modules/esbuild/bin/esbuild')
  // Tests in other processes may be running the file, and must never see a part of it.
  const written = `${file}.${process.pid}`
  const { status, stderr } = spawnSync(esbuild, [join(ROOT, entry), ...OPTIONS, XTABLES, `--outfile=${written}`], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`esbuild: ${stderr}`)
  renameSync(written, file)
  bundled.add(file)
  return file
}
