/** Packs the built package with npm, and creates projects with only it installed. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(__dirname, '../..')

export interface Packed {
  readonly tarball: string
  /** In bytes. */
  readonly size: number
  readonly unpackedSize: number
  /** Paths within the package. */
  readonly files: readonly string[]
}

const npm = (args: readonly string[], cwd: string): string =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

export function pack(directory: string): Packed {
  const text = npm(['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', directory], ROOT)
  const [{ filename, size, unpackedSize, files }] = JSON.parse(text)
  const paths = (files as readonly { path: string }[]).map(({ path }) => path)
  return { tarball: join(directory, filename), size, unpackedSize, files: paths }
}

/** Creates an empty project and installs the package in it. npm uses its cache if possible. */
export function install({ tarball }: Packed, project: string): void {
  mkdirSync(project, { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "private": true }')
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', tarball], project)
}
