/** Packages unpacked into a directory that is laid over the root file system of this machine, inside of the guest. */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Links into usr/ on every Debian of today, and directories in older packages. */
const MERGED = ['bin', 'sbin', 'lib']

function mergeUsr(layer: string): void {
  for (const name of MERGED) {
    const directory = join(layer, name)
    if (!existsSync(directory) || lstatSync(directory).isSymbolicLink()) continue
    mkdirSync(join(layer, 'usr', name), { recursive: true })
    // Not verbatim would make of a relative link one into this directory.
    cpSync(directory, join(layer, 'usr', name), { recursive: true, verbatimSymlinks: true })
    rmSync(directory, { recursive: true })
  }
}

export function unpack(layer: string, packages: readonly string[]): void {
  mkdirSync(layer, { recursive: true })
  for (const file of packages) execFileSync('dpkg-deb', ['-x', file, layer])
  mergeUsr(layer)
}

/** Makes of a layer a root file system that needs none beneath it. */
export function linkUsr(layer: string): void {
  for (const name of MERGED) symlinkSync(`usr/${name}`, join(layer, name))
}

/** The release of the kernel in a layer, as `uname -r` prints it. */
export function releaseIn(layer: string): string {
  const [release, ...more] = readdirSync(join(layer, 'usr/lib/modules'))
  if (release === undefined || more.length > 0) throw new Error(`not one kernel in ${layer}`)
  return release
}

/**
 * Says which module needs which, as the package's own script would where it is installed.
 * @param tools a layer with a kmod that runs on this machine
 */
export function indexModules(layer: string, release: string, tools: string): void {
  const kmod = join(tools, 'usr/bin/kmod')
  const env = { LD_LIBRARY_PATH: join(tools, 'usr/lib/x86_64-linux-gnu') }
  const { status, stderr } = spawnSync(kmod, ['-b', join(layer, 'usr'), release], {
    argv0: 'depmod',
    env,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`depmod: ${stderr}`)
}
