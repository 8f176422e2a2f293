/**
 * A Node on musl. npm has none of its own, but a package manager that is a musl Node with a program inside; musl is
 * Debian's. What Node needs of C++ is Debian's too, with a shim for what that asks of glibc.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile } from '../compile'
import { unpack } from '../layer'
import type { Mirror } from '../mirror'
import { copyProject, unpackNpm } from '../project'

/** The last major of it that is a Node. */
const HOST = { name: '@pnpm/linuxstatic-x64', version: '11.21.0' }
/** Of a release whose libstdc++ is as new as the one that Node was linked with. */
const PACKAGES = ['musl', 'musl-dev', 'libstdc++6', 'libgcc-s1'].map((name) => `${name}/trixie`)
const LIBRARY = 'usr/lib/x86_64-linux-musl/libc.so'
/** Names under which the others ask for the C library. */
const ALIASES = ['libc.musl-x86_64.so.1', 'ld-linux-x86-64.so.2']

function buildShim(root: string, file: string): void {
  const headers = join(root, 'usr/include/x86_64-linux-musl')
  const options = ['-shared', '-fPIC', '-O1', '-w', '-nostdlib', '-nostdinc', '-isystem', headers]
  execFileSync('cc', [...options, '-o', file, join(__dirname, 'shim.c')])
}

export interface Musl {
  /** A program that takes the words that `node` takes: a file and its arguments. */
  readonly node: string
  /** The project, with the binary of ffi-rs for musl. */
  readonly project: string
}

export function makeMusl(scratch: string, mirror: Mirror): Musl {
  const directory = join(scratch, 'musl')
  const root = join(directory, 'root')
  const libraries = join(directory, 'lib')
  const shim = join(directory, 'shim.so')
  unpack(root, mirror.download(...PACKAGES))
  mkdirSync(libraries, { recursive: true })
  for (const alias of ALIASES) copyFileSync(join(root, LIBRARY), join(libraries, alias))
  for (const name of ['libstdc++.so.6', 'libgcc_s.so.1'])
    copyFileSync(join(root, 'usr/lib/x86_64-linux-gnu', name), join(libraries, name))
  buildShim(root, shim)
  unpackNpm(`${HOST.name}@${HOST.version}`, join(directory, 'host'))
  const project = join(directory, 'project')
  copyProject(project, 'linux-x64-musl')
  compile(project)
  cpSync(join(__dirname, 'start.js'), join(directory, 'start.js'))
  const node = join(directory, 'node')
  const words = [join(root, LIBRARY), '--preload', shim, '--library-path', libraries, join(directory, 'host/pnpm')]
  const script = `#!/bin/sh\nexport KERNELS_NODE=${node} NODE_OPTIONS=--require=${directory}/start.js\nexec ${words.join(' ')} "$@"\n`
  writeFileSync(node, script, { mode: 0o755 })
  return { node, project }
}
