/** Our own sources as JavaScript: on an emulated processor a compiler takes minutes before the first line runs. */
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(__dirname, '..')
const DIRECTORIES = ['src', 'examples', 'kernels', 'reliability', 'scripts', 'test']

/** Tests are left to jest, which looks for them by their names. */
const isSource = (file: string): boolean => file.endsWith('.ts') && !/\.(?:test|d)\.ts$/.test(file)

/** Writes each source's JavaScript into a directory that is laid over the project. */
export function compile(destination: string): void {
  const sources = DIRECTORIES.flatMap((directory) =>
    (readdirSync(join(ROOT, directory), { recursive: true }) as string[]).map((file) => join(directory, file)),
  ).filter(isSource)
  const options = ['--format=cjs', '--platform=node', '--target=node20', '--log-level=warning', '--outbase=.']
  const esbuild = join(ROOT, 'node_modules/esbuild/bin/esbuild')
  execFileSync(esbuild, [...sources, ...options, `--outdir=${destination}`], { cwd: ROOT })
}
