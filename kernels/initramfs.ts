/** The first file system of the guest: what it takes to mount the real one, and nothing else. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** Modules without which there is no root file system. Those that a kernel has built in are no files. */
const WANTED = ['virtio_pci', '9pnet_virtio', '9p', 'overlay']

const moduleName = (path: string): string => basename(path).replace(/\.ko(?:\.\w+)?$/, '')

/** Files of the modules and of what they need, in the order in which they can be loaded. */
function closure(directory: string): string[] {
  const needs = new Map<string, string[]>()
  for (const line of readFileSync(join(directory, 'modules.dep'), 'utf8').split('\n').filter(Boolean)) {
    const [path, rest] = line.split(':') as [string, string]
    // The one that is needed first stands last.
    needs.set(path, rest.split(' ').filter(Boolean).reverse())
  }
  const wanted = [...needs.keys()].filter((path) => WANTED.includes(moduleName(path)))
  const ordered = wanted.sort((one, other) => WANTED.indexOf(moduleName(one)) - WANTED.indexOf(moduleName(other)))
  return [...new Set(ordered.flatMap((path) => [...(needs.get(path) as string[]), path]))]
}

/**
 * @param layer with the kernel's modules, and a busybox of its architecture
 * @param tools a layer with a busybox that runs on this machine
 */
export function writeInitramfs(file: string, layer: string, release: string, tools: string): void {
  const root = `${file}.d`
  for (const directory of ['bin', 'modules', 'proc', 'sys', 'dev', 'host', 'layer', 'upper', 'root'])
    mkdirSync(join(root, directory), { recursive: true })
  copyFileSync(join(layer, 'usr/bin/busybox'), join(root, 'bin/busybox'))
  cpSync(join(__dirname, 'guest/init'), join(root, 'init'))
  const modules = join(layer, 'usr/lib/modules', release)
  const paths = closure(modules)
  for (const path of paths) copyFileSync(join(modules, path), join(root, 'modules', basename(path)))
  writeFileSync(join(root, 'modules/order'), paths.map((path) => `${basename(path)}\n`).join(''))
  const archive = execFileSync('sh', ['-c', `find . | ${join(tools, 'usr/bin/busybox')} cpio -o -H newc`], {
    cwd: root,
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, archive)
}

/** In the directory of the modules since Linux 7.0, and in `boot` before. */
export function kernelIn(layer: string, release: string): string {
  const places = [join(layer, 'usr/lib/modules', release, 'vmlinuz'), join(layer, 'boot', `vmlinuz-${release}`)]
  const found = places.find((place) => existsSync(place))
  if (found === undefined) throw new Error(`no kernel in ${layer}`)
  return found
}
